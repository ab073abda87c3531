//! **Pooled event loops**: an acceptor deals connections round-robin to N
//! loops; each loop serves all of its own, for as long as they live. This is
//! how memcached uses its threads.
//!
//! ```text
//!           acceptor         queue + wakeup      loops
//! accept ─▶ [ main ] ──0, 2, 4…──▶ [ c ] ─▶ [ 0 ] wait ▶ read ▶ work ▶ write
//!                   └──1, 3, 5…──▶ [ c ] ─▶ [ 1 ] wait ▶ read ▶ work ▶ write
//! ```
//!
//! | Question              | Answer                                              |
//! |-----------------------|-----------------------------------------------------|
//! | Unit of scheduling    | an event, within the loop that owns the connection  |
//! | Threads               | the acceptor, and `--workers` loops                 |
//! | Who accepts           | one thread, blocking; it serves nobody              |
//! | Where overload queues | in the sockets' buffers of the loaded loop          |
//! | What breaks it        | a slow request stops its loop; nobody moves over    |

use std::{io, thread};

use server::{
    Connection, Context, Inbox, Knob, Listener, Listeners, Mailbox, Mode, Model, Reactor, WAKEUP,
    mailbox,
};

/// The model's name card.
pub const MODEL: Model = Model {
    name: "pooled-event-loops",
    summary: "an acceptor deals connections round-robin to N loops",
    threads: "1 + workers",
    seed: "Multithreaded, libevent socket server",
    listeners: Listeners::One,
    knobs: &[Knob::Workers],
    serve,
    child: None,
    needs: None,
};

/// Serves `listener` until the stop is requested and every loop is empty.
///
/// # Errors
///
/// Fails if a loop cannot be made or the listener is broken.
// ANCHOR: serve
pub fn serve(listener: &Listener, context: &Context) -> io::Result<()> {
    thread::scope(|scope| {
        let mut loops = Vec::new();
        for id in 0..context.workers.get() {
            let mut reactor = Reactor::new(context, context.stats.worker(format!("loop-{id}")))?;
            let (mailbox, dealt) = mailbox(reactor.waker()?);
            loops.push(mailbox);
            context.spawn(scope, format!("loop-{id}"), move || turn(dealt, reactor))?;
        }
        deal(listener, context, &loops)
        // The mailboxes are closed here: loops end once they are empty.
    }) // Joins every loop.
}
// ANCHOR_END: serve

/// Accepts, and deals to each loop in turn.
// ANCHOR: deal
fn deal(listener: &Listener, context: &Context, loops: &[Mailbox<Connection>]) -> io::Result<()> {
    for mailbox in loops.iter().cycle() {
        let Some(connection) = listener.accept(Mode::Nonblocking, context)? else { break };
        mailbox.send(connection);
    }
    Ok(())
}
// ANCHOR_END: deal

/// One loop: takes in what it is dealt and serves it, until both are over.
// ANCHOR: turn
fn turn(mut dealt: Inbox<Connection>, mut reactor: Reactor) -> io::Result<()> {
    let mut events = reactor.events();
    while dealt.is_open() || !reactor.is_empty() {
        reactor.wait(&mut events, None)?;
        for event in &events {
            match event.token() {
                WAKEUP => dealt.take().for_each(|connection| reactor.adopt(connection)),
                _ => reactor.ready(event),
            }
        }
        reactor.resume();
    }
    Ok(())
}
// ANCHOR_END: turn
