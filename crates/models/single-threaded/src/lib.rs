//! **Single-threaded**: one thread accepts a connection, serves it until it
//! closes, and only then accepts the next.
//!
//! ```text
//!  backlog           the one thread
//! [ c c c ] ─accept─▶ read ▶ work ▶ write ─┐
//!     ▲                ▲───────────────────┘ until it closes
//!     └── everybody else waits here
//! ```
//!
//! | Question              | Answer                                              |
//! |-----------------------|-----------------------------------------------------|
//! | Unit of scheduling    | a connection, from `accept` until it closes         |
//! | Threads               | 1                                                   |
//! | Who accepts           | the one thread, between two connections             |
//! | Where overload queues | in the kernel's listen backlog                      |
//! | What breaks it        | one idle client: all others wait until it leaves    |

use std::io;

use server::{Context, Listener, Listeners, Mode, Model, blocking};

/// The model's name card.
pub const MODEL: Model = Model {
    name: "single-threaded",
    summary: "one thread, one connection at a time",
    threads: "1",
    seed: "Event-driven Servers: An Intuitive Study",
    listeners: Listeners::One,
    knobs: &[],
    serve,
    child: None,
    needs: None,
};

/// Serves one connection after the other until the stop is requested.
///
/// # Errors
///
/// Fails if the listener is broken. A failing *connection* is not a failing
/// server: it is closed, and the next one is accepted.
// ANCHOR: serve
pub fn serve(listener: &Listener, context: &Context) -> io::Result<()> {
    let worker = context.stats.worker("main");
    while let Some(connection) = listener.accept(Mode::Blocking, context)? {
        blocking::serve(connection, context, &worker);
    }
    Ok(())
}
// ANCHOR_END: serve
