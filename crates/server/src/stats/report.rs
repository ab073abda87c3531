//! Adding everything up, at the end.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use nix::sys::{
    resource::{UsageWho, getrusage},
    time::TimeVal,
};
use serde::{Deserialize, Serialize};

use super::{Part, Stats, SystemCalls, Worker, lock};

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
    /// Requests refused, since too many waited for a worker; their connections go on, and
    /// they count as answered.
    pub overloaded: u64,
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
    /// Most connections open at once. Processes that accept for themselves have
    /// their peaks at different times: of those it is the sum, and no less.
    pub connections_peak: u64,
    /// Most threads at once, those for signals included; of several processes
    /// the sum, as above.
    pub threads_peak: u64,
    /// Times that a thread gave up its core to wait, dead threads included.
    pub context_switches_voluntary: i64,
    /// Times that a thread was made to give up its core, dead threads included.
    pub context_switches_involuntary: i64,
    /// CPU time of all threads, user and system, in seconds; with that of the
    /// processes that were started, as are the context switches.
    pub cpu_seconds: f64,
    /// Time that threads were ready to run and had no core, in seconds; of the
    /// threads in `threads`.
    pub run_queue_seconds: f64,
    /// System calls made for connections. What a thread or loop that outlives
    /// the drain has made is missing. `None` where a runtime makes them, which
    /// does not tell.
    pub system_calls: Option<SystemCalls>,
    /// Times that a process which listens was followed by another.
    pub restarts: u64,
    /// Each worker's share.
    pub workers: Vec<WorkerReport>,
    /// The threads that have ended, and the main one, by role. A thread that
    /// outlives the drain is missing, as is the one that waits for signals.
    pub threads: Vec<ThreadReport>,
}

/// What the threads of one role used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ThreadReport {
    /// Their role: one worker or loop, or all connections' threads.
    pub name: String,
    /// How many there were.
    pub count: u64,
    /// CPU time, user and system, in seconds.
    pub cpu_seconds: f64,
    /// Time ready to run and without a core, in seconds. Of threads that lived
    /// for less than 100 ms one in 32 is asked, and speaks for the others.
    pub run_queue_seconds: f64,
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
    /// Adds everything up.
    #[must_use]
    pub fn report(&self, model: &str, service: &str) -> Report {
        let cut = self.cut();
        let workers = lock(&self.workers);
        let threads: Vec<_> = lock(&self.ended).iter().map(|(role, of)| of.report(role)).collect();
        let sum = |of: fn(&Worker) -> &AtomicU64| workers.iter().map(|w| of(w).load(Relaxed)).sum();
        let parts = lock(&self.parts);
        let of_parts = |of: fn(&Part) -> u64| parts.values().map(of).sum::<u64>();
        let usage = Used::now();
        Report {
            model: model.to_owned(),
            service: service.to_owned(),
            accepted: self.accepted.load(Relaxed),
            served: sum(|w| &w.served),
            refused: self.refused.load(Relaxed),
            overloaded: self.overloaded(),
            failed: sum(|w| &w.failed) + of_parts(|part| part.failed),
            cut,
            requests: sum(|w| &w.requests),
            bytes_in: sum(|w| &w.bytes_in),
            bytes_out: sum(|w| &w.bytes_out),
            connections_peak: self.open_peak.load(Relaxed)
                + of_parts(|part| part.connections_peak * part.running_most),
            threads_peak: self.threads_peak.load(Relaxed)
                + of_parts(|part| part.threads_peak * part.running_most),
            context_switches_voluntary: usage.switches_voluntary,
            context_switches_involuntary: usage.switches_involuntary,
            cpu_seconds: usage.cpu_seconds,
            run_queue_seconds: threads.iter().map(|thread| thread.run_queue_seconds).sum(),
            system_calls: (!self.system_calls_unknown.load(Relaxed))
                .then(|| *lock(&self.system_calls)),
            restarts: self.restarts.load(Relaxed),
            workers: workers.iter().map(|worker| worker.report()).collect(),
            threads,
        }
    }
}

/// What this process has used, and the processes that it has started and waited for.
#[derive(Debug, Default)]
struct Used {
    cpu_seconds: f64,
    switches_voluntary: i64,
    switches_involuntary: i64,
}

impl Used {
    fn now() -> Self {
        #[expect(clippy::cast_precision_loss, reason = "seconds of CPU, far below 2^52")]
        let seconds = |time: TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
        let mut used = Self::default();
        for who in [UsageWho::RUSAGE_SELF, UsageWho::RUSAGE_CHILDREN] {
            let Ok(usage) = getrusage(who) else { continue };
            used.cpu_seconds += seconds(usage.user_time()) + seconds(usage.system_time());
            used.switches_voluntary += usage.voluntary_context_switches();
            used.switches_involuntary += usage.involuntary_context_switches();
        }
        used
    }
}
