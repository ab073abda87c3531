//! What has been served: counted where it happens, added up at the end.
//!
//! Requests are counted by each connection in a plain integer and added to its
//! worker's when the connection closes, so that counting costs a request
//! nothing and shares no cache line. So are system calls, by whoever makes them.

mod calls;
mod parts;
mod report;
mod threads;
mod worker;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
};

pub use calls::SystemCalls;
pub use report::{Report, ThreadReport, WorkerReport};
pub(crate) use threads::Running;
pub use worker::{Tally, Worker};

use parts::Part;
use threads::Ended;

/// Counters of the whole server.
#[derive(Debug, Default)]
pub struct Stats {
    accepted: AtomicU64,
    refused: AtomicU64,
    overloaded: AtomicU64,
    restarts: AtomicU64,
    open: Arc<AtomicU64>,
    open_peak: AtomicU64,
    threads: AtomicU64,
    threads_peak: AtomicU64,
    workers: Mutex<Vec<Arc<Worker>>>,
    system_calls: Mutex<SystemCalls>,
    /// Others make some that nobody counts.
    system_calls_unknown: AtomicBool,
    /// Threads that have ended, by role.
    ended: Mutex<BTreeMap<String, Ended>>,
    /// The processes that were started, by part.
    parts: Mutex<BTreeMap<String, Part>>,
}

impl Stats {
    /// Counters for a new worker, which will be named in the report.
    #[must_use]
    pub fn worker(&self, name: impl Into<String>) -> Arc<Worker> {
        let worker = Arc::new(Worker { name: name.into(), ..Worker::default() });
        lock(&self.workers).push(Arc::clone(&worker));
        worker
    }

    /// Connections open now.
    #[must_use]
    pub fn open(&self) -> u64 {
        self.open.load(Relaxed)
    }

    /// A seat for a new connection, if fewer than `limit` are taken.
    pub(crate) fn accept(&self, limit: usize) -> Option<Seat> {
        // Taken before it is counted: several threads may accept at once.
        let seat = Seat(Arc::clone(&self.open));
        let open = self.open.fetch_add(1, Relaxed) + 1;
        if open > limit as u64 {
            return None;
        }
        self.accepted.fetch_add(1, Relaxed);
        self.open_peak.fetch_max(open, Relaxed);
        Some(seat)
    }

    /// Counts a connection that was closed at once, for want of room or of a thread.
    pub fn refuse(&self) {
        self.refused.fetch_add(1, Relaxed);
    }

    /// Counts a request that was refused, since too many waited for a worker.
    pub(crate) fn overload(&self) {
        self.overloaded.fetch_add(1, Relaxed);
    }

    /// Requests that were refused.
    pub(crate) fn overloaded(&self) -> u64 {
        self.overloaded.load(Relaxed)
    }

    /// Adds system calls that were counted elsewhere, in plain integers. Both
    /// drives do so themselves.
    pub fn add(&self, system_calls: SystemCalls) {
        *lock(&self.system_calls) += system_calls;
    }

    /// Says that system calls are made which nobody here can count: the report
    /// then tells of none, rather than of some.
    pub fn leave_system_calls_out(&self) {
        self.system_calls_unknown.store(true, Relaxed);
    }

    /// Connections that were still open when the drain ended.
    pub(crate) fn cut(&self) -> u64 {
        let here = lock(&self.workers).iter().map(|worker| worker.cut.load(Relaxed)).sum::<u64>();
        let in_parts = lock(&self.parts).values().map(|part| part.cut).sum::<u64>();
        here + in_parts + self.open()
    }
}

/// Counts a connection as open until it is dropped.
#[derive(Debug)]
#[must_use]
pub struct Seat(Arc<AtomicU64>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
