//! **Thread pool**: a fixed set of workers shares one bounded queue of
//! accepted connections. Each worker blocks for one connection at a time.
//!
//! ```text
//!           acceptor              queue           workers
//! accept ─▶ [ main ] ──send──▶ [ c c c ] ─recv─▶ [ 0 ] read ▶ work ▶ write
//!                                            └─▶ [ 1 ] read ▶ work ▶ write
//! ```
//!
//! | Question              | Answer                                              |
//! |-----------------------|-----------------------------------------------------|
//! | Unit of scheduling    | a connection, from `recv` until it closes           |
//! | Threads               | the acceptor, and `--workers`                       |
//! | Who accepts           | one thread, blocking                                |
//! | Where overload queues | in the queue; once it is full, in the listen backlog |
//! | What breaks it        | as many idle clients as workers: the rest starve    |
//!
//! The queue is a channel; or, with `--queue mutex`, a list behind a lock.

mod queue;

use std::{io, thread};

use server::{Context, Knob, Listener, Listeners, Mode, Model, Queue, Worker, blocking};

use crate::queue::{Receiver, Sender};

/// The model's name card.
pub const MODEL: Model = Model {
    name: "thread-pool",
    summary: "a fixed set of threads shares a queue of connections",
    threads: "1 + workers",
    seed: "Event-driven Servers: An Intuitive Study",
    listeners: Listeners::One,
    knobs: &[Knob::Workers, Knob::Queue(&[Queue::Channel, Queue::Mutex]), Knob::QueueLimit],
    serve,
    child: None,
    needs: None,
};

/// Serves `listener` until the stop is requested, then drains the queue.
///
/// # Errors
///
/// Fails if a worker cannot be spawned or the listener is broken.
// ANCHOR: serve
pub fn serve(listener: &Listener, context: &Context) -> io::Result<()> {
    let (queue, waiting) = queue::bounded(context.queue, context.limits.queue);
    thread::scope(move |scope| {
        for id in 0..context.workers.get() {
            let waiting = waiting.clone();
            let worker = context.stats.worker(format!("worker-{id}"));
            let name = format!("worker-{id}");
            context.spawn(scope, name, move || {
                work(&waiting, context, &worker);
                Ok(())
            })?;
        }
        accept(listener, context, &queue)
        // The queue closes here: workers end once they have emptied it.
    }) // Joins every worker.
}
// ANCHOR_END: serve

/// Queues connections. While the queue is full this waits, and the backlog grows.
// ANCHOR: accept
fn accept(listener: &Listener, context: &Context, queue: &Sender) -> io::Result<()> {
    while let Some(connection) = listener.accept(Mode::Blocking, context)? {
        queue.send(connection)?;
    }
    Ok(())
}
// ANCHOR_END: accept

/// Serves one connection after the other, each until it closes.
// ANCHOR: work
fn work(waiting: &Receiver, context: &Context, worker: &Worker) {
    while let Some(connection) = waiting.recv() {
        blocking::serve(connection, context, worker);
    }
}
// ANCHOR_END: work
