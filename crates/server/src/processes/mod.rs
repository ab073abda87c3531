//! A server that is several processes: a master, and the children that it starts.
//!
//! ```text
//!              ┌── socket as standard input ──▶ child: Inherited
//! master:      ├── SIGTERM at the stop ───────▶   │
//! Children ◀───┴── report, as standard output ◀───┘ at its end
//! ```
//!
//! A child is this program again, started with the same arguments and one
//! environment variable, [`PART`], that says whose child it is and which part it
//! plays. Its socket is its standard input, the way `inetd` did it in 1986.
//! Starting a program anew takes longer than to `fork`, and is the only way open
//! to a process that may have threads already.
//!
//! Who ends whom: the master sends SIGTERM, and a child drains as any server does.
//! A child whose master is gone is killed by the kernel. A child has a process group
//! of its own, so that an interrupt at the terminal is for the master alone.

mod child;
mod children;
mod rest;

pub use child::Inherited;
pub(crate) use child::allow_stop_signals;
pub use children::{Children, Ended};
pub use rest::Rest;

use serde::{Deserialize, Serialize};

use crate::Report;

/// The environment variable that makes a process a child.
const PART: &str = "SERVER_PART";

/// What a child says at its end: one datagram.
#[derive(Debug, Serialize, Deserialize)]
struct Farewell {
    part: String,
    report: Report,
}
