//! **Connection per event base**: every connection gets an event loop of its
//! own, and a worker runs that loop until the connection closes. It looks
//! event-driven and is a thread pool: a design kept here for its flaws.
//!
//! ```text
//!           acceptor               queue                 workers
//! accept ─▶ [ main ] ──push──▶ [ (c+loop) … ] ─pop─▶ [ 0 ] wait ▶ read ▶ work ▶ write
//!            makes a loop for      last in,      └─▶ [ 1 ]  ▲────── for one ──────┘
//!            each connection       first out                   connection only
//! ```
//!
//! | Question              | Answer                                              |
//! |-----------------------|-----------------------------------------------------|
//! | Unit of scheduling    | a connection and its loop, until it closes          |
//! | Threads               | the acceptor, and `--workers`                       |
//! | Who accepts           | one thread, blocking                                |
//! | Where overload queues | in the queue, where the last to come is first       |
//! | What breaks it        | as many idle clients as workers: the rest starve    |
//!
//! Its flaws, kept: (1) N workers serve N connections; (2) the queue is LIFO
//! (`--queue fifo` mends that alone); (3) the idle timeout runs while a
//! connection is queued; (4) each connection takes four descriptors.

use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread,
};

use mio::unix::pipe;
use server::{
    Connection, Context, Events, Knob, Listener, Listeners, Model, QueueOrder, Reactor, Worker,
};

/// The model's name card.
pub const MODEL: Model = Model {
    name: "connection-per-event-base",
    summary: "a worker runs one connection's own loop until it closes (flawed, on purpose)",
    threads: "1 + workers",
    seed: "Multi-Threaded Libevent Server Example",
    listeners: Listeners::One,
    knobs: &[Knob::Workers, Knob::Queue],
    serve,
    child: None,
};

/// A loop for one connection does not need many.
const EVENTS: usize = 8;

/// An event loop with a single connection in it.
// ANCHOR: base
#[derive(Debug)]
struct EventBase<'a> {
    reactor: Reactor<'a>,
    /// libevent gives every base a pair to be woken with. Nobody wakes this
    /// one, but its descriptors are two of the four that a connection costs.
    _wakeup: (pipe::Sender, pipe::Receiver),
}

impl<'a> EventBase<'a> {
    /// Made at accept, so the idle timeout starts here, before any worker has it.
    fn new(connection: Connection, context: &'a Context) -> io::Result<Self> {
        let nobody = Arc::default();
        let mut reactor = Reactor::new(context, nobody)?;
        reactor.adopt(connection);
        Ok(Self { reactor, _wakeup: pipe::new()? })
    }
}
// ANCHOR_END: base

/// Connections that no worker has yet.
#[derive(Debug, Default)]
struct Queue<'a> {
    jobs: Mutex<Jobs<'a>>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Jobs<'a> {
    waiting: VecDeque<EventBase<'a>>,
    closed: bool,
}

/// Serves `listener` until the stop is requested, then drains the queue.
///
/// # Errors
///
/// Fails if a worker cannot be spawned or the listener is broken.
// ANCHOR: serve
pub fn serve(listener: &Listener, context: &Context) -> io::Result<()> {
    let queue = &Queue::default();
    thread::scope(|scope| {
        let served = (0..context.workers.get())
            .try_for_each(|id| {
                let worker = context.stats.worker(format!("worker-{id}"));
                let name = format!("worker-{id}");
                context.spawn(scope, name, move || work(queue, context, &worker))
            })
            .and_then(|()| accept(listener, context, queue));
        queue.close();
        served
    }) // Joins every worker.
}
// ANCHOR_END: serve

/// Makes a loop for each connection and queues both.
// ANCHOR: accept
fn accept<'a>(listener: &Listener, context: &'a Context, queue: &Queue<'a>) -> io::Result<()> {
    while let Some(connection) = listener.accept(context)? {
        match EventBase::new(connection, context) {
            Ok(base) => queue.push(base),
            Err(_) => context.stats.refuse(), // No descriptor left for its loop.
        }
    }
    Ok(())
}
// ANCHOR_END: accept

/// Runs one connection's loop after the other, each until it closes.
// ANCHOR: work
fn work(queue: &Queue, context: &Context, worker: &Arc<Worker>) {
    while let Some(base) = queue.pop(context.queue_order) {
        // Waiting fails only if the kernel does; the connection is closed then.
        let _ = dispatch(base, worker);
    }
}

fn dispatch(mut base: EventBase, worker: &Arc<Worker>) -> io::Result<()> {
    let mut events = Events::with_capacity(EVENTS);
    base.reactor.hand_over(worker);
    base.reactor.resume(); // It may have timed out in the queue.
    while !base.reactor.is_empty() {
        base.reactor.wait(&mut events, None)?;
        for event in &events {
            base.reactor.ready(event);
        }
        base.reactor.resume();
    }
    Ok(())
}
// ANCHOR_END: work

// ANCHOR: queue
impl<'a> Queue<'a> {
    fn push(&self, base: EventBase<'a>) {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).waiting.push_back(base);
        self.changed.notify_one();
    }

    /// Waits for a connection; `None` once the queue is closed and empty.
    fn pop(&self, order: QueueOrder) -> Option<EventBase<'a>> {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = |jobs: &mut Jobs| jobs.waiting.is_empty() && !jobs.closed;
        let mut jobs = self.changed.wait_while(jobs, wait).unwrap_or_else(PoisonError::into_inner);
        match order {
            QueueOrder::Lifo => jobs.waiting.pop_back(),
            QueueOrder::Fifo => jobs.waiting.pop_front(),
        }
    }

    fn close(&self) {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        self.changed.notify_all();
    }
}
// ANCHOR_END: queue
