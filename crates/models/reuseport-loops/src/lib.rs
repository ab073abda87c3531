//! **Reuseport loops**: N loops, each with a listening socket of its own on the
//! same address (`SO_REUSEPORT`). Nobody deals: the kernel does, by a hash.
//!
//! ```text
//!            kernel            loops
//!           ┌─ hash ─▶ backlog [ 0 ] wait ▶ accept, or read ▶ work ▶ write
//! connect ──┤
//!           └─ hash ─▶ backlog [ 1 ] wait ▶ accept, or read ▶ work ▶ write
//! ```
//!
//! | Question              | Answer                                              |
//! |-----------------------|-----------------------------------------------------|
//! | Unit of scheduling    | an event, within the loop that owns the connection  |
//! | Threads               | `--workers` loops, and one that waits for them      |
//! | Who accepts           | each loop, from its own socket                      |
//! | Where overload queues | in the loaded loop's sockets, and in its backlog    |
//! | What breaks it        | a slow request stops its loop; it is dealt more     |

use std::{io, thread, time::Duration};

use server::{Context, Knob, LISTENER, Listener, Listeners, Model, Reactor};

/// The model's name card.
pub const MODEL: Model = Model {
    name: "reuseport-loops",
    summary: "N loops, each with its own listening socket; the kernel deals by a hash",
    threads: "1 + workers",
    seed: "Event-driven Servers: An Intuitive Study",
    listeners: Listeners::PerWorker,
    knobs: &[Knob::Workers],
    serve,
    child: None,
    needs: None,
};

/// Serves from all of `listener`'s sockets until the stop is requested and every
/// loop is empty.
///
/// # Errors
///
/// Fails if a loop cannot be made.
// ANCHOR: serve
pub fn serve(listener: &Listener, context: &Context) -> io::Result<()> {
    // All are made before one accepts: clients take no loop its descriptors.
    let reactor = |(id, listener)| {
        let mut reactor = Reactor::new(context, context.stats.worker(format!("loop-{id}")))?;
        reactor.listen(listener)?;
        Ok((listener, reactor))
    };
    let reactors: io::Result<Vec<_>> = listener.all().enumerate().map(reactor).collect();
    let reactors = reactors?;
    thread::scope(|scope| {
        // Who fails stops all: nobody else is dealt what the kernel deals to that one.
        reactors.into_iter().enumerate().try_for_each(|(id, (listener, reactor))| {
            let name = format!("loop-{id}");
            context.spawn(scope, name, move || turn(listener, context, reactor))
        })
    }) // Joins every loop.
}
// ANCHOR_END: serve

/// One loop: accepts and serves, as if there were no other.
// ANCHOR: turn
fn turn(listener: &Listener, context: &Context, mut reactor: Reactor) -> io::Result<()> {
    let mut events = reactor.events();
    let mut accept_in = None; // When to accept, if somebody waits in the backlog.
    while !(context.stop.is_requested() && reactor.is_empty()) {
        reactor.wait(&mut events, accept_in)?;
        for event in &events {
            match event.token() {
                LISTENER => accept_in = Some(Duration::ZERO),
                _ => reactor.ready(event),
            }
        }
        if accept_in.is_some() {
            accept_in = reactor.accept(listener)?;
        }
        reactor.resume();
    }
    Ok(())
}
// ANCHOR_END: turn
