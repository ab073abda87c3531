//! The ways to wait for many sources, a file each.

use std::io;

use crate::{Job, report::Found, usage::Usage};

mod event_loop;
mod loop_per_process;
mod sequential;
mod thread_per_source;
mod thread_pool;

/// A way to wait for many sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// One after the other.
    Sequential,
    /// A thread for each.
    ThreadPerSource,
    /// Some threads, each with one source at a time.
    ThreadPool,
    /// One thread, all at once.
    EventLoop,
    /// Some processes, each with its share of the sources, all at once.
    LoopPerProcess,
}

impl Model {
    /// Every model, in the order in which the book tells of them.
    pub const ALL: [Self; 5] = [
        Self::Sequential,
        Self::ThreadPerSource,
        Self::ThreadPool,
        Self::EventLoop,
        Self::LoopPerProcess,
    ];

    /// The name that a user types.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sequential => "sequential",
            Self::ThreadPerSource => "thread-per-source",
            Self::ThreadPool => "thread-pool",
            Self::EventLoop => "event-loop",
            Self::LoopPerProcess => "loop-per-process",
        }
    }

    /// The model in a line.
    #[must_use]
    pub fn summary(self) -> &'static str {
        match self {
            Self::Sequential => "one source after the other",
            Self::ThreadPerSource => "a thread for each source",
            Self::ThreadPool => "a fixed set of threads shares the sources",
            Self::EventLoop => "one thread waits for all sources at once",
            Self::LoopPerProcess => "some processes, each with a loop and its share of the sources",
        }
    }

    pub(crate) fn fetch(self, job: &Job, usage: &Usage) -> io::Result<Found> {
        match self {
            Self::Sequential => Ok(sequential::fetch_all(job)),
            Self::ThreadPerSource => thread_per_source::fetch_all(job, usage),
            Self::ThreadPool => thread_pool::fetch_all(job, usage),
            Self::EventLoop => event_loop::fetch_all(job),
            Self::LoopPerProcess => loop_per_process::fetch_all(job, usage),
        }
    }
}
