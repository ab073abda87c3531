//! **Completion rings**: N workers, each with an `io_uring` and a listening
//! socket of its own. A worker does not ask who is ready: it tells the kernel
//! what to do, and hears what is done.
//!
//! ```text
//!                 kernel                       worker
//!              ┌───────────┐ ◀── submissions ── tell: send these, receive from those
//!   sockets ◀─▶│  accept   │                     ▲ one system call
//!              │  receive  │                     ▼ for all of both
//!              │  send     │ ── completions ──▶ accepted, received ▶ work, sent
//!              └───────────┘
//! ```
//!
//! | Question              | Answer                                              |
//! |-----------------------|-----------------------------------------------------|
//! | Unit of scheduling    | a completion, within the worker that owns the ring  |
//! | Threads               | `--workers` workers, and one that waits for them    |
//! | Who accepts           | the kernel, once told to, from each worker's socket |
//! | Where overload queues | in the ring's completions, its buffers, the sockets |
//! | What breaks it        | a slow request stops its ring: its clients wait     |
//!
//! The drive, `ring-drive`, has the two halves of it: a `Ring` owns what the
//! kernel works on; `Peers` know what a completion means to a connection.

use std::{io, thread};

use ring_drive::{Completion, Peers, Ring, Ways};
use server::{Context, Knob, Listener, Listeners, Model};

/// The model's name card.
pub const MODEL: Model = Model {
    name: "completion-rings",
    summary: "N workers, each with an io_uring; the kernel does, and says what is done",
    threads: "1 + workers",
    seed: "",
    listeners: Listeners::PerWorker,
    knobs: &[Knob::Workers],
    serve,
    child: None,
    needs: Some(ring_drive::check),
};

/// The same on any kernel that has rings at all: an operation for each accept
/// and each receive, and a buffer for each connection. A yardstick: what it
/// costs more, the operations that go on by themselves save.
pub const PLAIN: Model = Model {
    name: "completion-rings-plain",
    summary: "completion-rings without what newer kernels have: an operation for each completion",
    serve: serve_plainly,
    ..MODEL
};

/// Serves from all of `listener`'s sockets until the stop is requested and every
/// ring is empty.
///
/// # Errors
///
/// Fails if there can be no ring, and says what to do.
pub fn serve(listener: &Listener, context: &Context) -> io::Result<()> {
    serve_by(Ways::Best, listener, context)
}

fn serve_plainly(listener: &Listener, context: &Context) -> io::Result<()> {
    serve_by(Ways::Plain, listener, context)
}

// ANCHOR: serve
fn serve_by(ways: Ways, listener: &Listener, context: &Context) -> io::Result<()> {
    // All are made before one accepts: clients take no ring its descriptors.
    let ring = |listener| Ok((listener, Ring::new(listener, &context.stop, ways)?));
    let rings: io::Result<Vec<_>> = listener.all().map(ring).collect();
    let rings = rings?;
    thread::scope(|scope| {
        // Who fails stops all: nobody else is dealt what the kernel deals to that one.
        rings.into_iter().enumerate().try_for_each(|(id, (listener, ring))| {
            let name = format!("ring-{id}");
            let peers = Peers::new(context, context.stats.worker(&name));
            context.spawn(scope, name, move || turn(ring, listener, context, peers))
        })
    }) // Joins every worker.
}
// ANCHOR_END: serve

/// One worker: submits what was decided, waits, and serves what is done.
// ANCHOR: turn
fn turn(
    mut ring: Ring,
    listener: &Listener,
    context: &Context,
    mut peers: Peers,
) -> io::Result<()> {
    ring.begin()?;
    ring.accept();
    while !(context.stop.is_requested() && ring.is_empty()) {
        ring.wait(peers.patience())?;
        peers.wake();
        while let Some(completion) = ring.next_completion() {
            match completion {
                Completion::Accepted(who) => peers.accepted(&mut ring, listener, who)?,
                Completion::Received(key, result) => peers.received(&mut ring, key, result),
                Completion::Sent(key, result) => peers.sent(&mut ring, key, &result),
                Completion::Paused(key) | Completion::Writable(key) => peers.go_on(&mut ring, key),
                Completion::Stopping => peers.drain(&mut ring),
            }
        }
        peers.resume(&mut ring);
    }
    context.stats.add(ring.calls);
    Ok(())
}
// ANCHOR_END: turn
