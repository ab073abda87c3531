//! What a connection came to, and a worker's account of its connections.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::WorkerReport;

/// Counters of one worker, or of all threads that share a role.
#[derive(Debug, Default)]
pub struct Worker {
    pub(super) name: String,
    pub(super) connections: AtomicU64,
    pub(super) served: AtomicU64,
    pub(super) failed: AtomicU64,
    pub(super) cut: AtomicU64,
    pub(super) requests: AtomicU64,
    pub(super) bytes_in: AtomicU64,
    pub(super) bytes_out: AtomicU64,
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

    /// Adds the work of another process's worker.
    pub(super) fn absorb(&self, share: &WorkerReport) {
        self.connections.fetch_add(share.connections, Relaxed);
        self.served.fetch_add(share.served, Relaxed);
        self.requests.fetch_add(share.requests, Relaxed);
        self.bytes_in.fetch_add(share.bytes_in, Relaxed);
        self.bytes_out.fetch_add(share.bytes_out, Relaxed);
    }

    pub(super) fn report(&self) -> WorkerReport {
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
