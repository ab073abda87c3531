//! **Event loop**: one thread waits for the listener and every connection at
//! once, and does a little for each that is ready.
//!
//! ```text
//!            ┌──────────── wait (epoll) ◀────────────┐
//!            ▼                                       │
//!       who is ready?                                │
//!        ├─ listener   ▶ accept all that wait ───────┤
//!        ├─ connection ▶ read ▶ work ▶ write ────────┤
//!        └─ connection ▶ read ▶ work ▶ write ────────┘
//! ```
//!
//! | Question              | Answer                                              |
//! |-----------------------|-----------------------------------------------------|
//! | Unit of scheduling    | an event: what a socket has ready                   |
//! | Threads               | 1                                                   |
//! | Who accepts           | the loop, between other events                      |
//! | Where overload queues | in the sockets' buffers, and in the listen backlog  |
//! | What breaks it        | one request that blocks or computes: everyone waits |

use std::{io, time::Duration};

use server::{Context, LISTENER, Listener, Listeners, Model, Reactor};

/// The model's name card.
pub const MODEL: Model = Model {
    name: "event-loop",
    summary: "one thread serves every connection from one loop",
    threads: "1",
    seed: "Event-driven Servers: An Intuitive Study",
    listeners: Listeners::One,
    knobs: &[],
    serve,
    child: None,
    needs: None,
};

/// Serves `listener` until the stop is requested and no connection is left.
///
/// # Errors
///
/// Fails if the kernel has no descriptor for the loop, or the listener is broken.
// ANCHOR: serve
pub fn serve(listener: &Listener, context: &Context) -> io::Result<()> {
    let mut reactor = Reactor::new(context, context.stats.worker("loop"))?;
    reactor.listen(listener)?;
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
// ANCHOR_END: serve
