//! **Loops with workers**: an acceptor deals connections round-robin to N loops.
//! What needs no work they answer themselves; a *job* they give to a pool of
//! workers that stands behind them all. This is how `FbThrift` serves.
//!
//! ```text
//!           acceptor       loops                    jobs          workers
//! accept ─▶ [ main ] ──▶ [ 0 ] read ▶ write
//!                   └──▶ [ 1 ] read ──try_send──▶ [ j j j ] ──▶ [ 0 ] run
//!                              write ◀─wakeup──┐           └──▶ [ 1 ] run
//!                                              └───── done ◀──────┘
//! ```
//!
//! | Question              | Answer                                              |
//! |-----------------------|-----------------------------------------------------|
//! | Unit of scheduling    | an event, within its loop; a job, within the pool   |
//! | Threads               | the acceptor, `--workers` loops, as many workers    |
//! | Who accepts           | one thread, blocking; it serves nobody              |
//! | Where overload queues | in the jobs; once they are full, it is refused      |
//! | What breaks it        | slow jobs on every worker: the next ones wait       |
//!
//! A connection stays with its loop. Only jobs travel, and a connection may have
//! several out at once, if its protocol can answer out of order.

use std::{
    io,
    sync::Arc,
    thread::{self, Scope},
};

use crossbeam_channel::{Receiver, Sender, bounded};
use server::{
    Connection, Context, Errand, Finished, Inbox, Knob, Listener, Listeners, Mailbox, Mode, Model,
    Reactor, WAKEUP, mailbox,
};

/// The model's name card.
pub const MODEL: Model = Model {
    name: "loops-with-workers",
    summary: "N loops read and answer; one pool of workers runs what takes long",
    threads: "1 + 2 × workers",
    seed: "Echo server with libevent",
    listeners: Listeners::One,
    knobs: &[Knob::Workers, Knob::QueueLimit],
    serve,
    child: None,
    needs: None,
};

/// A job on its way to the workers, with the loop that it comes home to.
type Job = (Errand, Arc<Mailbox<Finished>>);

/// Serves `listener` until the stop is requested and every loop is empty.
///
/// # Errors
///
/// Fails if a loop or a worker cannot be made or the listener is broken.
// ANCHOR: serve
pub fn serve(listener: &Listener, context: &Context) -> io::Result<()> {
    thread::scope(|workers| {
        let (jobs, queued) = bounded(context.limits.queue);
        for id in 0..context.workers.get() {
            let queued = queued.clone();
            context.spawn(workers, format!("worker-{id}"), move || {
                work(&queued);
                Ok(())
            })?;
        }
        drop(queued); // Workers alone take jobs.
        thread::scope(|loops| run(loops, listener, context, &jobs))
        // No loop is left: nobody waits for a job, and the queue closes here.
    }) // Joins every worker.
}

/// Starts the loops, and deals to them.
fn run<'scope>(
    scope: &'scope Scope<'scope, '_>,
    listener: &Listener,
    context: &'scope Context,
    jobs: &'scope Sender<Job>,
) -> io::Result<()> {
    let mut loops = Vec::new();
    for id in 0..context.workers.get() {
        let mut reactor = Reactor::offloading(context, context.stats.worker(format!("loop-{id}")))?;
        let (home, done) = mailbox(reactor.waker()?);
        let home = Arc::new(home);
        let (mailbox, dealt) = mailbox(reactor.waker()?);
        loops.push(mailbox);
        context.spawn(scope, format!("loop-{id}"), move || {
            turn(dealt, done, reactor, |errand| offload(errand, jobs, &home))
        })?;
    }
    deal(listener, context, &loops)
    // The mailboxes are closed here: loops end once they are empty.
}
// ANCHOR_END: serve

/// Accepts, and deals to each loop in turn.
fn deal(listener: &Listener, context: &Context, loops: &[Mailbox<Connection>]) -> io::Result<()> {
    for mailbox in loops.iter().cycle() {
        let Some(connection) = listener.accept(Mode::Nonblocking, context)? else { break };
        mailbox.send(connection);
    }
    Ok(())
}

/// One loop: takes in what it is dealt, serves it, and gives jobs away.
// ANCHOR: turn
fn turn(
    mut dealt: Inbox<Connection>,
    mut done: Inbox<Finished>,
    mut reactor: Reactor,
    offload: impl Fn(Errand) -> Result<(), Finished>,
) -> io::Result<()> {
    let mut events = reactor.events();
    while dealt.is_open() || !reactor.is_empty() {
        reactor.wait(&mut events, None)?;
        for event in &events {
            match event.token() {
                WAKEUP => {
                    dealt.take().for_each(|connection| reactor.adopt(connection));
                    done.take().for_each(|finished| reactor.complete(finished));
                }
                _ => reactor.ready(event),
            }
        }
        reactor.resume();
        for errand in reactor.errands() {
            if let Err(refused) = offload(errand) {
                reactor.complete(refused);
            }
        }
    }
    Ok(())
}
// ANCHOR_END: turn

/// Gives a job to the workers. If too many wait already, the client is told at
/// once: a loop must not wait, and a queue must not grow for ever.
// ANCHOR: offload
fn offload(
    errand: Errand,
    jobs: &Sender<Job>,
    home: &Arc<Mailbox<Finished>>,
) -> Result<(), Finished> {
    jobs.try_send((errand, Arc::clone(home))).map_err(|refused| {
        let (errand, _) = refused.into_inner();
        errand.refuse()
    })
}
// ANCHOR_END: offload

/// Runs one job after the other, and sends each home to its loop.
// ANCHOR: work
fn work(queued: &Receiver<Job>) {
    for (errand, home) in queued {
        home.send(errand.run());
    }
}
// ANCHOR_END: work
