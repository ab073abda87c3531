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

use std::{io, sync::Arc, thread};

use mio::unix::pipe;
use server::{
    Connection, Context, Events, Knob, Listener, Listeners, Mode, Model, Queue, Reactor, Worker,
};
use work_queue::{Order, WorkQueue};

/// The model's name card.
pub const MODEL: Model = Model {
    name: "connection-per-event-base",
    summary: "a worker runs one connection's own loop until it closes (flawed, on purpose)",
    threads: "1 + workers",
    seed: "Multi-Threaded Libevent Server Example",
    listeners: Listeners::One,
    knobs: &[Knob::Workers, Knob::Queue(&[Queue::Lifo, Queue::Fifo])],
    serve,
    child: None,
    needs: None,
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

/// Connections that no worker has yet. Nothing bounds how many.
type Waiting<'a> = WorkQueue<EventBase<'a>>;

/// Serves `listener` until the stop is requested, then drains the queue.
///
/// # Errors
///
/// Fails if a worker cannot be spawned or the listener is broken.
// ANCHOR: serve
pub fn serve(listener: &Listener, context: &Context) -> io::Result<()> {
    let order = if context.queue == Queue::Fifo { Order::Fifo } else { Order::Lifo };
    let queue = &Waiting::unbounded(order);
    thread::scope(|scope| {
        let served = (0..context.workers.get())
            .try_for_each(|id| {
                let worker = context.stats.worker(format!("worker-{id}"));
                let name = format!("worker-{id}");
                context.spawn(scope, name, move || {
                    work(queue, &worker);
                    Ok(())
                })
            })
            .and_then(|()| accept(listener, context, queue));
        queue.close();
        served
    }) // Joins every worker.
}
// ANCHOR_END: serve

/// Makes a loop for each connection and queues both.
// ANCHOR: accept
fn accept<'a>(listener: &Listener, context: &'a Context, queue: &Waiting<'a>) -> io::Result<()> {
    while let Some(connection) = listener.accept(Mode::Nonblocking, context)? {
        let base = EventBase::new(connection, context);
        if !base.is_ok_and(|base| queue.push(base).is_ok()) {
            context.stats.refuse(); // No descriptor left for its loop.
        }
    }
    Ok(())
}
// ANCHOR_END: accept

/// Runs one connection's loop after the other, each until it closes.
// ANCHOR: work
fn work(queue: &Waiting, worker: &Arc<Worker>) {
    while let Some(base) = queue.pop() {
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
