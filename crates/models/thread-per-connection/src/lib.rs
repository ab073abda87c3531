//! **Thread per connection**: every connection gets a thread of its own, which
//! blocks for it and dies with it.
//!
//! ```text
//!            acceptor           threads
//! accept ─▶ [ main ] ──spawn──▶ [ c0 ] read ▶ work ▶ write
//!                   ├──spawn──▶ [ c1 ] read ▶ work ▶ write
//!                   └──spawn──▶ [ c2 ] …
//! ```
//!
//! | Question              | Answer                                              |
//! |-----------------------|-----------------------------------------------------|
//! | Unit of scheduling    | a thread, by the kernel; one for each connection    |
//! | Threads               | the acceptor, and one for each open connection      |
//! | Who accepts           | one thread, blocking                                |
//! | Where overload queues | in the kernel's run queue, as threads               |
//! | What breaks it        | more clients than the system has threads, or memory |

use std::{io, thread};

use server::{Context, Listener, Listeners, Mode, Model, blocking};

/// The model's name card.
pub const MODEL: Model = Model {
    name: "thread-per-connection",
    summary: "a new thread for every connection",
    threads: "1 + connections",
    seed: "Event-driven Servers: An Intuitive Study",
    listeners: Listeners::One,
    knobs: &[],
    serve,
    child: None,
    needs: None,
};

/// Serves `listener` until the stop is requested, then waits for every
/// connection's thread.
///
/// # Errors
///
/// Fails if the listener is broken. If the system has no thread to give, that
/// connection is refused, and the next one may have more luck.
// ANCHOR: serve
pub fn serve(listener: &Listener, context: &Context) -> io::Result<()> {
    let worker = &context.stats.worker("connections");
    thread::scope(|scope| {
        for number in 0_u64.. {
            let Some(connection) = listener.accept(Mode::Blocking, context)? else { break };
            let name = format!("connection-{number}");
            let serve = move || blocking::serve(connection, context, worker);
            if context.spawn_one_of(scope, "connections", name, serve).is_err() {
                context.stats.refuse();
            }
        }
        Ok(())
    }) // Joins every thread.
}
// ANCHOR_END: serve
