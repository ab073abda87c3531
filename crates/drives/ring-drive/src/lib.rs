//! The drive of connections by completions: what event loops do with readiness,
//! done with an `io_uring`.
//!
//! ```text
//! model ──▶ Ring::wait ──▶ Completion ──▶ Peers ──▶ Session
//!             ▲                             │
//!             └───── receive, send, … ◀─────┘
//! ```
//!
//! [`Ring`] owns what the kernel works on, and all that is `unsafe`; [`Peers`]
//! knows what a completion means to a connection.

mod peers;
#[expect(unsafe_code, reason = "no borrow tells the compiler what the kernel does later")]
mod ring;

pub use peers::Peers;
pub use ring::{Completion, Key, Ring, Ways, check};
