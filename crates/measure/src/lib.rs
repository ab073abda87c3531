//! Experiments, measured.
//!
//! ```text
//! benches/*.toml ─▶ Definition ─▶ schedule ─┬▶ sitting: servers, loaded in turn ─┬▶ figures
//!                                  (blocks)  └▶ trial: one server, or one job     ┘     │
//! results/*.json ◀── statistics, verdicts ◀─────────────────────────────────────────────┘
//! ```
//!
//! Both meet a server over a process and TCP only, so it can measure a
//! server that it did not build. The generator is a process of its own too,
//! pinned to other cores. Every trial is written down before the next begins.

mod across;
mod bench;
mod check;
mod claims;
mod comparisons;
mod cores;
mod definition;
mod environment;
mod error;
mod figures;
mod forecast;
mod held;
mod histograms;
mod limits;
mod lock;
mod peer;
mod preflight;
mod priority;
mod process;
mod record;
mod schedule;
mod server;
mod sitting;
mod statistics;
mod traffic;
mod trial;
mod wrong;

pub use across::{Across, Interval, across};
pub use bench::{Bench, Event, Finish};
pub use check::Known;
pub use cores::Cores;
pub use definition::{Definition, Effort, Server, Sweep, Variant, Varies};
pub use error::Error;
pub use held::{Hold, hold, keep};
pub use limits::Limits;
pub use lock::FolderLock;
pub use peer::{Backend, Peer};
pub use traffic::Load;
