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

use std::{io, sync::Arc, thread};

use crossbeam_channel::{Receiver, Sender, unbounded};
use server::{Connection, Context, Knob, Listener, Listeners, Model, Reactor, WAKEUP, Waker};

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

/// The acceptor's end of a loop. Dropping it tells the loop that nothing more
/// will come.
#[derive(Debug)]
struct Mailbox {
    /// Unbounded, since the acceptor must not wait for one loop while others
    /// are free; what is in it is bounded by the limit of connections.
    queue: Sender<Mail>,
    wakeup: Arc<Waker>,
}

#[derive(Debug)]
enum Mail {
    Connection(Connection),
    End,
}

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
            let (queue, dealt) = unbounded();
            let mut reactor = Reactor::new(context, context.stats.worker(format!("loop-{id}")))?;
            loops.push(Mailbox { queue, wakeup: reactor.waker()? });
            context.spawn(scope, format!("loop-{id}"), move || {
                // Waiting fails only if the kernel does: then this loop is gone,
                // its connections are closed, and its queue refuses more.
                if let Err(error) = turn(&dealt, reactor) {
                    eprintln!("loop-{id} ends: {error}");
                }
            })?;
        }
        deal(listener, context, &loops)
    }) // Joins every loop.
}
// ANCHOR_END: serve

/// Accepts, and deals to each loop in turn.
// ANCHOR: deal
fn deal(listener: &Listener, context: &Context, loops: &[Mailbox]) -> io::Result<()> {
    for mailbox in loops.iter().cycle() {
        let Some(connection) = listener.accept(context)? else { break };
        mailbox.queue.send(Mail::Connection(connection)).map_err(io::Error::other)?;
        mailbox.wakeup.wake()?;
    }
    Ok(())
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        // Both fail only if the loop is gone.
        let _ = self.queue.send(Mail::End);
        let _ = self.wakeup.wake();
    }
}
// ANCHOR_END: deal

/// One loop: takes in what it is dealt and serves it, until both are over.
// ANCHOR: turn
fn turn(dealt: &Receiver<Mail>, mut reactor: Reactor) -> io::Result<()> {
    let mut events = reactor.events();
    let mut dealing = true;
    while dealing || !reactor.is_empty() {
        reactor.wait(&mut events, None)?;
        for event in &events {
            match event.token() {
                // `End` may be taken in before its wakeup comes: it stays the end.
                WAKEUP => dealing = dealing && take_in(dealt, &mut reactor),
                _ => reactor.ready(event),
            }
        }
        reactor.resume();
    }
    Ok(())
}

/// Adopts everything dealt so far; false once nothing more will come.
fn take_in(dealt: &Receiver<Mail>, reactor: &mut Reactor) -> bool {
    for mail in dealt.try_iter() {
        match mail {
            Mail::Connection(connection) => reactor.adopt(connection),
            Mail::End => return false,
        }
    }
    true
}
// ANCHOR_END: turn
