//! **Dispatching reactor**: one loop does all reading and writing, and passes
//! each *request* to a pool of workers, who hand the answer back. Half of it is
//! asynchronous, half of it blocks: "half-sync/half-async".
//!
//! ```text
//!                    loop              queue           workers
//! accept ─▶ ┌─ wait ▶ read ──send───▶ [ r r r ] ────▶ [ 0 ] request ▶ work
//!           │                                    └──▶ [ 1 ] request ▶ work
//!           └─ wait ▶ write ◀─wakeup─ [ a a ] ◀───────────────┘ answer
//! ```
//!
//! | Question              | Answer                                              |
//! |-----------------------|-----------------------------------------------------|
//! | Unit of scheduling    | what one read gave of a connection, mostly a request |
//! | Threads               | the loop, and `--workers`                           |
//! | Who accepts           | the loop, between other events                      |
//! | Where overload queues | in the queue; once it is full, in sockets' buffers  |
//! | What breaks it        | short requests: each pays two hand-overs            |
//!
//! A connection has one batch of requests out at a time. So its answers stay in
//! order, and what it sends meanwhile waits in its socket.

use std::{io, thread, time::Duration};

use crossbeam_channel::{Receiver, bounded};
use server::{
    Answer, Batch, Context, Inbox, Knob, LISTENER, Listener, Listeners, Mailbox, Model, Reactor,
    WAKEUP, mailbox,
};

/// The model's name card.
pub const MODEL: Model = Model {
    name: "dispatching-reactor",
    summary: "one loop reads and writes; a pool of workers runs the requests",
    threads: "1 + workers",
    seed: "libevent and so on",
    listeners: Listeners::One,
    knobs: &[Knob::Workers, Knob::QueueLimit],
    serve,
    child: None,
    needs: None,
};

/// Serves `listener` until the stop is requested and no connection is left.
///
/// # Errors
///
/// Fails if a worker cannot be spawned, the kernel has no descriptor for the
/// loop, or the listener is broken.
// ANCHOR: serve
pub fn serve(listener: &Listener, context: &Context) -> io::Result<()> {
    let worker = context.stats.worker("loop");
    let mut reactor = Reactor::dispatching(context, worker, context.limits.queue)?;
    reactor.listen(listener)?;
    let (home, answered) = mailbox(reactor.waker()?);
    thread::scope(|scope| {
        let (requests, queued) = bounded(context.limits.queue);
        for id in 0..context.workers.get() {
            let (queued, home) = (queued.clone(), &home);
            context.spawn(scope, format!("worker-{id}"), move || {
                work(&queued, home);
                Ok(())
            })?;
        }
        drop(queued); // Workers alone take requests.
        turn(listener, context, reactor, answered, |batch| {
            // There is room: no more are out. It fails only if no worker is left.
            let _ = requests.send(batch);
        })
        // The queue closes here: workers end once they have emptied it.
    }) // Joins every worker.
}
// ANCHOR_END: serve

/// The loop: reads, has requests run, and sends the answers that came back.
// ANCHOR: turn
fn turn(
    listener: &Listener,
    context: &Context,
    mut reactor: Reactor,
    mut answered: Inbox<Answer>,
    dispatch: impl Fn(Batch),
) -> io::Result<()> {
    let mut events = reactor.events();
    let mut accept_in = None; // When to accept, if somebody waits in the backlog.
    while !(context.stop.is_requested() && reactor.is_empty()) {
        reactor.wait(&mut events, accept_in)?;
        for event in &events {
            match event.token() {
                LISTENER => accept_in = Some(Duration::ZERO),
                WAKEUP => answered.take().for_each(|answer| reactor.take_back(answer)),
                _ => reactor.ready(event),
            }
        }
        if accept_in.is_some() {
            accept_in = reactor.accept(listener)?;
        }
        reactor.resume();
        reactor.batches().for_each(&dispatch);
    }
    Ok(())
}
// ANCHOR_END: turn

/// Runs one batch of requests after the other, and sends the answers to the loop.
// ANCHOR: work
fn work(queued: &Receiver<Batch>, home: &Mailbox<Answer>) {
    for batch in queued {
        home.send(batch.run());
    }
}
// ANCHOR_END: work
