//! What a job came to.

use serde::{Deserialize, Serialize};

use crate::Aggregate;

/// What a job came to, and what it took.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The model.
    pub model: String,
    /// Sources asked.
    pub sources: u32,
    /// Those that failed.
    pub failures: Failures,
    /// The records of the others, added up.
    pub aggregate: Aggregate,
    /// Time from the first question to the last record, in milliseconds.
    pub elapsed_ms: f64,
    /// CPU time of all threads and processes, in milliseconds.
    pub cpu_ms: f64,
    /// Times that a thread gave up its core, or was made to.
    pub context_switches: i64,
    /// Most threads at once, those that start and wait for others included.
    pub threads_peak: u64,
    /// Processes, the first one included.
    pub processes: u64,
    /// Memory resident at the peak, in bytes: beyond what the first process had
    /// before the job, and all of the others.
    pub memory_bytes: u64,
    /// Address space at the peak, likewise: stacks of threads show here long
    /// before they are used.
    pub virtual_bytes: u64,
}

/// Sources that failed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failures {
    /// How many.
    pub count: u32,
    /// One of them, and why.
    pub first: Option<String>,
}

/// What has been fetched so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    pub(crate) aggregate: Aggregate,
    pub(crate) failures: Failures,
}

impl Found {
    pub(crate) fn add(&mut self, number: u32, fetched: Result<Aggregate, String>) {
        match fetched {
            Ok(aggregate) => self.aggregate.merge(&aggregate),
            Err(why) => self.failures.add(1, Some(format!("source {number}: {why}"))),
        }
    }

    pub(crate) fn of(number: u32, fetched: Result<Aggregate, String>) -> Self {
        let mut found = Self::default();
        found.add(number, fetched);
        found
    }

    pub(crate) fn merge(mut self, other: Self) -> Self {
        self.aggregate.merge(&other.aggregate);
        self.failures.add(other.failures.count, other.failures.first);
        self
    }
}

impl Failures {
    fn add(&mut self, count: u32, first: Option<String>) {
        self.count += count;
        self.first = self.first.take().or(first);
    }
}
