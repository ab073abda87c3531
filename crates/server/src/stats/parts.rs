//! What processes have counted that were started to play a part.

use std::sync::{Arc, atomic::Ordering::Relaxed};

use super::{Report, Seat, Stats, Worker, lock};

/// The processes that have played one part, one after the other or at once.
#[derive(Debug, Default)]
pub(super) struct Part {
    pub(super) running: u64,
    /// By one process after the other, each for the same socket.
    played: u64,
    pub(super) running_most: u64,
    /// Of any one of them.
    pub(super) connections_peak: u64,
    pub(super) threads_peak: u64,
    pub(super) failed: u64,
    pub(super) cut: u64,
}

impl Stats {
    /// A seat for a connection that another process has accepted, and counted.
    pub(crate) fn seat(&self) -> Seat {
        self.open.fetch_add(1, Relaxed);
        Seat(Arc::clone(&self.open))
    }

    /// Counts a process as running.
    pub(crate) fn process_started(&self, part: &str) {
        self.part(part, |part| {
            part.running += 1;
            part.running_most = part.running_most.max(part.running);
        });
    }

    /// Counts a process that listens as started, and anew if it is not the first.
    pub(crate) fn plays_anew(&self, part: &str) {
        self.part(part, |part| {
            part.played += 1;
            let is_anew = part.played > 1;
            self.restarts.fetch_add(u64::from(is_anew), Relaxed);
        });
    }

    /// Counts a process as ended.
    pub(crate) fn process_ended(&self, part: &str) {
        self.part(part, |part| part.running -= 1);
    }

    /// Adds what a process that ends has counted.
    pub(crate) fn absorb(&self, part: &str, report: &Report) {
        self.accepted.fetch_add(report.accepted, Relaxed);
        self.refused.fetch_add(report.refused, Relaxed);
        self.overloaded.fetch_add(report.overloaded, Relaxed);
        match report.system_calls {
            Some(calls) => self.add(calls),
            None => self.leave_system_calls_out(),
        }
        for share in &report.workers {
            self.worker_named(&share.name).absorb(share);
        }
        for thread in &report.threads {
            self.ended(&thread.name, |role| role.absorb(thread));
        }
        self.part(part, |part| {
            part.connections_peak = part.connections_peak.max(report.connections_peak);
            part.threads_peak = part.threads_peak.max(report.threads_peak);
            part.failed += report.failed;
            part.cut += report.cut;
        });
    }

    /// The worker of this name, or a new one.
    pub(crate) fn worker_named(&self, name: &str) -> Arc<Worker> {
        let known = lock(&self.workers).iter().find(|worker| worker.name == name).cloned();
        known.unwrap_or_else(|| self.worker(name))
    }

    fn part(&self, part: &str, change: impl FnOnce(&mut Part)) {
        change(lock(&self.parts).entry(part.to_owned()).or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tally;

    /// One that is followed by another is not counted beside it.
    #[test]
    fn what_processes_have_counted_is_added_up() {
        let child = Arc::new(Stats::default());
        let worker = child.worker("loop-0");
        worker.close(Tally { requests: 3, failed: true, ..Tally::default() });
        drop((0..5).map(|_| child.accept(9)).collect::<Vec<_>>());
        drop(child.thread("loop-0"));
        let report = child.report("model", "echo");
        let master = Stats::default();
        for _ in 0..2 {
            master.process_started("loop-0");
            master.absorb("loop-0", &report);
            master.process_ended("loop-0");
        }
        let sum = master.report("model", "echo");
        assert_eq!((sum.accepted, sum.requests, sum.served, sum.failed), (10, 6, 2, 2));
        assert_eq!((sum.connections_peak, sum.threads_peak), (5, 1), "one after the other");
        assert_eq!((sum.workers.len(), sum.workers[0].connections), (1, 2));
        assert_eq!((sum.threads.len(), sum.threads[0].count), (1, 2));
        assert!(sum.threads[0].cpu_seconds > 1.9 * report.threads[0].cpu_seconds, "{sum:?}");
    }
}
