//! **Process per connection**: every connection gets a process of its own, which
//! blocks for it and dies with it. What `inetd` does.
//!
//! ```text
//!            acceptor           processes
//! accept ─▶ [ main ] ──start──▶ [ c0 ] read ▶ work ▶ write
//!                   ├──start──▶ [ c1 ] read ▶ work ▶ write
//!                   └──start──▶ [ c2 ] …
//! ```
//!
//! | Question              | Answer                                              |
//! |-----------------------|-----------------------------------------------------|
//! | Unit of scheduling    | a process, by the kernel; one for each connection   |
//! | Threads               | the acceptor, and two for each open connection      |
//! | Who accepts           | the master, which also starts the processes         |
//! | Where overload queues | in the backlog, while the master starts a process   |
//! | What breaks it        | clients that come and go: each costs a new program  |

use std::io;

use server::{Attempt, Children, Context, Inherited, Listener, Listeners, Mode, Model, blocking};

/// The model's name card.
pub const MODEL: Model = Model {
    name: "process-per-connection",
    summary: "a new process for every connection",
    threads: "1 + 2 × connections",
    seed: "",
    listeners: Listeners::One,
    knobs: &[],
    serve,
    child: Some(child),
    needs: None,
};

/// The part that every process plays.
const PART: &str = "connections";

/// Serves `listener` until the stop is requested, then waits for every
/// connection's process.
///
/// # Errors
///
/// Fails if the listener is broken. If the system has no process to give, that
/// connection is refused, and the next one may have more luck.
// ANCHOR: serve
pub fn serve(listener: &Listener, context: &Context) -> io::Result<()> {
    let mut children = Children::new(context)?;
    let (mut waits_at, mut at_most) = (Some(listener), None);
    while !listener.is_done() {
        // Who has ended gives its seat back here.
        children.wait(waits_at, at_most)?;
        (waits_at, at_most) = (Some(listener), None);
        match listener.accept_now(Mode::Blocking, context)? {
            Attempt::Accepted(connection) => {
                if children.serve(PART, connection).is_err() {
                    context.stats.refuse();
                }
            }
            // Somebody waits there, and would not let us sleep.
            Attempt::Exhausted => (waits_at, at_most) = (None, Some(Listener::EXHAUSTED_PAUSE)),
            Attempt::Empty | Attempt::Refused => {}
        }
    }
    children.stop()
}
// ANCHOR_END: serve

/// One process: its connection, and that is all.
// ANCHOR: child
fn child(inherited: Inherited, context: &Context) -> io::Result<()> {
    let worker = context.stats.worker(PART);
    blocking::serve(inherited.connection(context)?, context, &worker);
    Ok(())
}
// ANCHOR_END: child
