//! What has been served: counted where it happens, added up at the end.
//!
//! Requests are counted by each connection in a plain integer and added to its
//! worker's when the connection closes, so that counting costs a request
//! nothing and shares no cache line.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use nix::sys::{
    resource::{UsageWho, getrusage},
    time::TimeVal,
};
use serde::{Deserialize, Serialize};

/// Counters of the whole server.
#[derive(Debug, Default)]
pub struct Stats {
    accepted: AtomicU64,
    refused: AtomicU64,
    open: Arc<AtomicU64>,
    open_peak: AtomicU64,
    threads: AtomicU64,
    threads_peak: AtomicU64,
    workers: Mutex<Vec<Arc<Worker>>>,
}

/// Counters of one worker, or of all threads that share a role.
#[derive(Debug, Default)]
pub struct Worker {
    name: String,
    connections: AtomicU64,
    served: AtomicU64,
    failed: AtomicU64,
    cut: AtomicU64,
    requests: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
}

/// What one connection came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Requests answered.
    pub requests: u64,
    /// Bytes received.
    pub bytes_in: u64,
    /// Bytes sent.
    pub bytes_out: u64,
    /// It ended by an error: a reset, a panic, a peer that is gone.
    pub failed: bool,
    /// It was still busy when the drain ended.
    pub cut: bool,
}

/// What a server leaves behind with `--report`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The model.
    pub model: String,
    /// The service.
    pub service: String,
    /// Connections taken in; one that then got no thread or loop is refused as well.
    pub accepted: u64,
    /// Connections that got at least one answer.
    pub served: u64,
    /// Connections closed at once because a limit was reached.
    pub refused: u64,
    /// Connections that ended by an error.
    pub failed: u64,
    /// Connections still open when the drain ended.
    pub cut: u64,
    /// Requests answered; for echo, pieces received.
    pub requests: u64,
    /// Bytes received.
    pub bytes_in: u64,
    /// Bytes sent.
    pub bytes_out: u64,
    /// Most connections open at once.
    pub connections_peak: u64,
    /// Most threads at once, those for signals included.
    pub threads_peak: u64,
    /// Times that a thread gave up its core to wait, dead threads included.
    pub context_switches_voluntary: i64,
    /// Times that a thread was made to give up its core, dead threads included.
    pub context_switches_involuntary: i64,
    /// CPU time of all threads, user and system, in seconds.
    pub cpu_seconds: f64,
    /// Each worker's share.
    pub workers: Vec<WorkerReport>,
}

/// One worker's share of the work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerReport {
    /// Name of its thread.
    pub name: String,
    /// Connections that ended with it.
    pub connections: u64,
    /// Those of them that got at least one answer.
    pub served: u64,
    /// Requests answered.
    pub requests: u64,
    /// Bytes received.
    pub bytes_in: u64,
    /// Bytes sent.
    pub bytes_out: u64,
}

impl Stats {
    /// Counters for a new worker, which will be named in the report.
    #[must_use]
    pub fn worker(&self, name: impl Into<String>) -> Arc<Worker> {
        let worker = Arc::new(Worker { name: name.into(), ..Worker::default() });
        self.workers.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&worker));
        worker
    }

    /// Connections open now.
    #[must_use]
    pub fn open(&self) -> u64 {
        self.open.load(Relaxed)
    }

    pub(crate) fn accept(&self) -> Seat {
        self.accepted.fetch_add(1, Relaxed);
        let open = self.open.fetch_add(1, Relaxed) + 1;
        self.open_peak.fetch_max(open, Relaxed);
        Seat(Arc::clone(&self.open))
    }

    /// Counts a connection that was closed at once, for want of room or of a thread.
    pub fn refuse(&self) {
        self.refused.fetch_add(1, Relaxed);
    }

    pub(crate) fn thread(&self) -> Running<'_> {
        let threads = self.threads.fetch_add(1, Relaxed) + 1;
        self.threads_peak.fetch_max(threads, Relaxed);
        Running(self)
    }

    /// Adds everything up.
    pub(crate) fn report(&self, model: &str, service: &str) -> Report {
        let workers = self.workers.lock().unwrap_or_else(PoisonError::into_inner);
        let sum = |of: fn(&Worker) -> &AtomicU64| workers.iter().map(|w| of(w).load(Relaxed)).sum();
        let usage = getrusage(UsageWho::RUSAGE_SELF).ok();
        #[expect(clippy::cast_precision_loss, reason = "seconds of CPU, far below 2^52")]
        let seconds = |time: TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
        Report {
            model: model.to_owned(),
            service: service.to_owned(),
            accepted: self.accepted.load(Relaxed),
            served: sum(|w| &w.served),
            refused: self.refused.load(Relaxed),
            failed: sum(|w| &w.failed),
            cut: sum(|w| &w.cut) + self.open(),
            requests: sum(|w| &w.requests),
            bytes_in: sum(|w| &w.bytes_in),
            bytes_out: sum(|w| &w.bytes_out),
            connections_peak: self.open_peak.load(Relaxed),
            threads_peak: self.threads_peak.load(Relaxed),
            context_switches_voluntary: usage.map_or(0, |usage| usage.voluntary_context_switches()),
            context_switches_involuntary: usage
                .map_or(0, |usage| usage.involuntary_context_switches()),
            cpu_seconds: usage
                .map_or(0.0, |usage| seconds(usage.user_time()) + seconds(usage.system_time())),
            workers: workers.iter().map(|worker| worker.report()).collect(),
        }
    }
}

impl Worker {
    /// Adds a connection that has closed. Both drives do so themselves.
    pub fn close(&self, tally: Tally) {
        self.connections.fetch_add(1, Relaxed);
        self.served.fetch_add(u64::from(tally.requests > 0), Relaxed);
        self.failed.fetch_add(u64::from(tally.failed), Relaxed);
        self.cut.fetch_add(u64::from(tally.cut), Relaxed);
        self.requests.fetch_add(tally.requests, Relaxed);
        self.bytes_in.fetch_add(tally.bytes_in, Relaxed);
        self.bytes_out.fetch_add(tally.bytes_out, Relaxed);
    }

    fn report(&self) -> WorkerReport {
        WorkerReport {
            name: self.name.clone(),
            connections: self.connections.load(Relaxed),
            served: self.served.load(Relaxed),
            requests: self.requests.load(Relaxed),
            bytes_in: self.bytes_in.load(Relaxed),
            bytes_out: self.bytes_out.load(Relaxed),
        }
    }
}

/// Counts a connection as open until it is dropped.
#[derive(Debug)]
pub(crate) struct Seat(Arc<AtomicU64>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// Counts a thread as running until it is dropped.
#[derive(Debug)]
pub(crate) struct Running<'a>(&'a Stats);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.threads.fetch_sub(1, Relaxed);
    }
}
