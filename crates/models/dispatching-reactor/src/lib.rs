//! **Dispatching reactor**: one loop does all reading and writing, and passes
//! each *request* to a pool of workers, who hand the answer back. Half of it is
//! asynchronous, half of it blocks: "half-sync/half-async".
//!
//! ```text
//!                    loop              queue           workers
//! accept ─▶ ┌─ wait ▶ read ──spawn──▶ [ r r r ] ────▶ [ 0 ] request ▶ work
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

use std::{
    io,
    sync::{
        Arc,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::Duration,
};

use rayon::{ThreadPool, ThreadPoolBuilder};
use server::{
    Answer, Batch, Context, Knob, LISTENER, Listener, Listeners, Model, Reactor, WAKEUP, Waker,
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

/// What a worker needs to hand an answer back.
#[derive(Clone, Debug)]
struct Desk {
    /// Unbounded, since no worker must wait for the loop; what is in it is
    /// bounded by the batches that may be out.
    answers: Sender<Answer>,
    wakeup: Arc<Waker>,
}

/// Serves `listener` until the stop is requested and no connection is left.
///
/// # Errors
///
/// Fails if a worker cannot be spawned, the kernel has no descriptor for the
/// loop, or the listener is broken.
// ANCHOR: serve
pub fn serve(listener: &Listener, context: &Context) -> io::Result<()> {
    thread::scope(|scope| {
        let pool = ThreadPoolBuilder::new()
            .num_threads(context.workers.get())
            .spawn_handler(|worker| {
                let name = format!("worker-{}", worker.index());
                context.spawn(scope, name, || worker.run())
            })
            .build()
            .map_err(io::Error::other)?;
        let worker = context.stats.worker("loop");
        let mut reactor = Reactor::dispatching(context, worker, context.limits.queue)?;
        reactor.listen(listener)?;
        let (answers, answered) = channel();
        let desk = Desk { answers, wakeup: reactor.waker()? };
        turn(listener, context, reactor, &answered, |batch| dispatch(batch, &pool, &desk))
        // The pool is dropped here: its workers end once their queue is empty.
    }) // Joins every worker.
}
// ANCHOR_END: serve

/// The loop: reads, has requests run, and sends the answers that came back.
// ANCHOR: turn
fn turn(
    listener: &Listener,
    context: &Context,
    mut reactor: Reactor,
    answered: &Receiver<Answer>,
    dispatch: impl Fn(Batch),
) -> io::Result<()> {
    let mut events = reactor.events();
    let mut accept_in = None; // When to accept, if somebody waits in the backlog.
    while !(context.stop.is_requested() && reactor.is_empty()) {
        reactor.wait(&mut events, accept_in)?;
        for event in &events {
            match event.token() {
                LISTENER => accept_in = Some(Duration::ZERO),
                WAKEUP => answered.try_iter().for_each(|answer| reactor.take_back(answer)),
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

/// Queues a batch for the workers. Whoever takes it sends the answer to the
/// loop, and wakes it.
// ANCHOR: dispatch
fn dispatch(batch: Batch, pool: &ThreadPool, desk: &Desk) {
    let Desk { answers, wakeup } = desk.clone();
    pool.spawn(move || {
        // Both fail only if the loop is gone, and every connection with it.
        let _ = answers.send(batch.run());
        let _ = wakeup.wake();
    });
}
// ANCHOR_END: dispatch
