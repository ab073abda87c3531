//! **Loops with workers**: an acceptor deals connections round-robin to N loops.
//! What needs no work they answer themselves; a *job* they give to a pool of
//! workers that stands behind them all. This is how `FbThrift` serves.
//!
//! ```text
//!           acceptor       loops                    jobs          workers
//! accept ─▶ [ main ] ──▶ [ 0 ] read ▶ write
//!                   └──▶ [ 1 ] read ──try_push──▶ [ j j j ] ──▶ [ 0 ] run
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
    sync::{
        Arc,
        mpsc::{Receiver, Sender, channel},
    },
    thread::{self, Scope},
};

use server::{
    Connection, Context, Errand, Finished, Knob, Listener, Listeners, Model, Reactor, WAKEUP, Waker,
};
use work_queue::{Order, WorkQueue};

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

/// Jobs on their way to the workers, each with the loop that it comes home to.
type Jobs = WorkQueue<(Errand, Mailbox)>;

/// What the acceptor and the workers need to reach a loop.
#[derive(Clone, Debug)]
struct Mailbox {
    /// Unbounded, since nobody must wait for a loop. What is in it is bounded by
    /// the connections, and by the jobs that may be out.
    mail: Sender<Mail>,
    wakeup: Arc<Waker>,
}

#[derive(Debug)]
enum Mail {
    Connection(Connection),
    Finished(Finished),
    /// No more connections will come.
    End,
}

impl Mailbox {
    /// Fails only if the loop is gone, and every connection with it.
    fn send(&self, mail: Mail) -> io::Result<()> {
        self.mail.send(mail).map_err(io::Error::other)?;
        self.wakeup.wake()
    }
}

/// Serves `listener` until the stop is requested and every loop is empty.
///
/// # Errors
///
/// Fails if a loop or a worker cannot be made or the listener is broken.
// ANCHOR: serve
pub fn serve(listener: &Listener, context: &Context) -> io::Result<()> {
    let jobs = Jobs::bounded(Order::Fifo, context.limits.queue);
    thread::scope(|workers| {
        let served = (0..context.workers.get())
            .try_for_each(|id| context.spawn(workers, format!("worker-{id}"), || work(&jobs)))
            .and_then(|()| thread::scope(|loops| run(loops, listener, context, &jobs)));
        jobs.close(); // No loop is left: nobody waits for a job.
        served
    }) // Joins every worker.
}

/// Starts the loops, and deals to them.
fn run<'scope>(
    scope: &'scope Scope<'scope, '_>,
    listener: &Listener,
    context: &'scope Context,
    jobs: &'scope Jobs,
) -> io::Result<()> {
    let mut loops = Loops(Vec::new());
    for id in 0..context.workers.get() {
        let mut reactor = Reactor::offloading(context, context.stats.worker(format!("loop-{id}")))?;
        let (mail, dealt) = channel();
        let mailbox = Mailbox { mail, wakeup: reactor.waker()? };
        loops.0.push(mailbox.clone());
        context.spawn(scope, format!("loop-{id}"), move || {
            // Waiting fails only if the kernel does: then this loop is gone,
            // its connections are closed, and its mailbox refuses more.
            if let Err(error) = turn(&dealt, reactor, jobs, &mailbox) {
                eprintln!("loop-{id} ends: {error}");
            }
        })?;
    }
    deal(listener, context, &loops)
}
// ANCHOR_END: serve

/// The acceptor's end of the loops. Dropping it tells them that nothing more will
/// come.
#[derive(Debug)]
struct Loops(Vec<Mailbox>);

/// Accepts, and deals to each loop in turn.
fn deal(listener: &Listener, context: &Context, loops: &Loops) -> io::Result<()> {
    for mailbox in loops.0.iter().cycle() {
        let Some(connection) = listener.accept(context)? else { break };
        mailbox.send(Mail::Connection(connection))?;
    }
    Ok(())
}

impl Drop for Loops {
    fn drop(&mut self) {
        for mailbox in &self.0 {
            let _ = mailbox.send(Mail::End);
        }
    }
}

/// One loop: takes in what it is dealt, serves it, and gives jobs away.
// ANCHOR: turn
fn turn(
    dealt: &Receiver<Mail>,
    mut reactor: Reactor,
    jobs: &Jobs,
    mailbox: &Mailbox,
) -> io::Result<()> {
    let mut events = reactor.events();
    let mut dealing = true;
    while dealing || !reactor.is_empty() {
        reactor.wait(&mut events, None)?;
        for event in &events {
            match event.token() {
                WAKEUP => dealt.try_iter().for_each(|mail| match mail {
                    Mail::Connection(connection) => reactor.adopt(connection),
                    Mail::Finished(finished) => reactor.complete(finished),
                    Mail::End => dealing = false,
                }),
                _ => reactor.ready(event),
            }
        }
        reactor.resume();
        offload(&mut reactor, jobs, mailbox);
    }
    Ok(())
}
// ANCHOR_END: turn

/// Gives jobs to the workers. If too many wait already, the client is told at
/// once: a loop must not wait, and a queue must not grow for ever.
// ANCHOR: offload
fn offload(reactor: &mut Reactor, jobs: &Jobs, mailbox: &Mailbox) {
    for errand in reactor.errands() {
        if let Err(refused) = jobs.try_push((errand, mailbox.clone())) {
            let (errand, _) = refused.into_job();
            reactor.complete(errand.refuse());
        }
    }
}
// ANCHOR_END: offload

/// Runs one job after the other, and wakes the loop that each comes home to.
// ANCHOR: work
fn work(jobs: &Jobs) {
    while let Some((errand, home)) = jobs.pop() {
        // Fails only if the loop is gone.
        let _ = home.send(Mail::Finished(errand.run()));
    }
}
// ANCHOR_END: work
