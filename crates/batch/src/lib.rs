//! A batch job: it asks many slow sources for their records and adds them up.
//! Here the concurrency is the client's.
//!
//! ```text
//!              ask ──▶ source 0 … thinks … ──▶ records ─┐
//! Job ─ model ─ask ──▶ source 1 … thinks … ──▶ records ─┼─▶ Aggregate ─▶ Report
//!              ask ──▶ source 2 … thinks … ──▶ records ─┘
//! ```
//!
//! | Model               | Who waits for a source     | Threads               |
//! |---------------------|----------------------------|-----------------------|
//! | `sequential`        | everybody                  | 1                     |
//! | `thread-per-source` | a thread of its own        | 1 + sources           |
//! | `thread-pool`       | one of the workers         | 1 + workers           |
//! | `event-loop`        | nobody                     | 1                     |
//! | `loop-per-process`  | nobody, in any process     | a process a worker    |
//!
//! From the text "Event-driven Servers: An Intuitive Study", section "Beyond
//! Servers". [`sources`] simulates the slow servers.

use std::{net::SocketAddr, num::NonZeroUsize, ops::Range, time::Duration};

mod answer;
mod fetch;
mod models;
mod report;
pub mod sources;
mod usage;

pub use answer::{Aggregate, REGIONS};
pub use models::Model;
pub use report::{Failures, Report};

/// What is to be fetched.
#[derive(Clone, Debug)]
pub struct Job {
    /// Where the sources are asked.
    pub server: SocketAddr,
    /// The sources, by number.
    pub sources: Range<u32>,
    /// Threads of a pool, or processes with a loop each.
    pub workers: NonZeroUsize,
    /// It is a part of another process's job: what this process occupies is for
    /// that job alone.
    pub part: bool,
    /// How long a source may take, from the beginning of the connect to its last record.
    pub timeout: Duration,
}

/// Fetches everything, and tells what came and what it took.
///
/// A source that fails is in the report, not an error.
///
/// # Errors
///
/// Fails if the system has no threads, processes or descriptors for the model.
pub fn run(model: Model, job: &Job) -> std::io::Result<Report> {
    let usage = usage::Usage::begin(job.part);
    let found = model.fetch(job, &usage)?;
    Ok(usage.report(model, job, found))
}
