//! What a run found.

use serde::{Deserialize, Serialize};

use crate::{
    account::Account,
    clock::{NEVER, seconds},
    fairness::{Spread, jain},
    fault::Errors,
    findings::Findings,
    ledger::{Ledger, Told},
    little::littles_law,
    plan::{Mode, Plan},
    slow::SlowReaders,
    summary::Summary,
    watch::Watched,
};

/// What a run found. "The window" is the plan's duration after the warm-up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// Threads that made the load.
    pub threads: usize,
    /// Connections the plan asked for.
    pub requested: usize,
    /// Connections whose handshake was completed, by the kernel at least.
    pub established: usize,
    /// Connections with at least one complete and correct answer, at any time.
    pub served: usize,
    /// Connections that were asked something, or could not even be
    /// established, and never got an answer.
    pub starved: usize,
    /// Connections on which nothing was ever due: all of them in an idle run
    /// without probe. `requested` is `served` + `starved` + `unasked`.
    pub unasked: usize,
    /// Connections made over the whole run: those of the ramp that were
    /// established, and those begun in their place.
    pub connections_made: u64,
    /// Answers that came in the window.
    pub answered: u64,
    /// Answers of the whole run: probes, warm-up and grace period included.
    pub answered_total: u64,
    /// Requests sent that were due in the window (in a closed loop: sent in it).
    pub sent: u64,
    /// Arrivals of an open loop due in the window and never sent, because their
    /// connection stayed busy or had ended.
    pub unsent: u64,
    /// Requests, of the window or before, still unanswered when the grace
    /// period was over. Their latency is only known to be longer than that.
    pub censored: u64,
    /// How long the last of them had been due by then: its latency is at least that.
    pub censored_shortest_us: Option<f64>,
    /// The same of the first of them.
    pub censored_longest_us: Option<f64>,
    /// Traffic before the window; 0 if there was none.
    pub warmup_seconds: f64,
    /// The rate had settled by then, or there was none to judge.
    pub steady: bool,
    /// Length of the window.
    pub window_seconds: f64,
    /// Answers a second in the window.
    pub rate: f64,
    /// Connections that ended, by cause.
    pub errors: Errors,
    /// Bytes read, over the whole run.
    pub bytes_in: u64,
    /// Bytes written, over the whole run.
    pub bytes_out: u64,
    /// Jain's fairness index of the answers in the window over all requested
    /// connections. `None` if there was no answer.
    pub jain: Option<f64>,
    /// Answers in the window by connection.
    pub per_connection: Option<Spread>,
    /// Longest wait of a connection from its first request being due to the
    /// first byte of an answer; for one that was never answered, to the end.
    pub longest_wait_ms: Option<f64>,
    /// Latency of the short class from the instant a request was due; in a
    /// closed loop that is its send.
    pub latency: Summary,
    /// The same of the slow class, if the plan has one.
    pub latency_slow: Option<Summary>,
    /// Open loop: latency of the short class from the actual send. Where it is
    /// much smaller, the wait was for the connection.
    pub latency_from_send: Option<Summary>,
    /// The same of the slow class.
    pub latency_from_send_slow: Option<Summary>,
    /// `latency` in full, nanoseconds: see [`decode_histogram`](crate::decode_histogram).
    pub histogram: String,
    /// `latency_slow` in full.
    pub histogram_slow: Option<String>,
    /// Open loop: share of the arrivals that the generator took up within 1 ms
    /// of being due: sent, or queued behind the answers the connection owed.
    pub adherence: Option<f64>,
    /// Open loop: the latest of them.
    pub max_lag_us: Option<f64>,
    /// Open loop: all of them, from an arrival being due to the generator taking it
    /// up. A latency from the due instant holds as much of the generator itself.
    pub lateness: Option<Summary>,
    /// From the kernel's receiving an answer, or a part of it, to the generator's
    /// noting it, on a few connections of each thread: what the generator may have
    /// added to a latency. `None` if the kernel stamped nothing that they read.
    pub receive_lag: Option<Summary>,
    /// Closed loop in which all think alike: see [`littles_law`].
    pub littles_law: Option<f64>,
    /// CPU time of the generator's threads in the window. An open loop spins before each
    /// send, so there this is no cost of requests.
    pub client_cpu_seconds: f64,
    /// Time in the window in which the generator was ready to run and had no core,
    /// summed over its threads.
    pub client_wait_seconds: f64,
    /// Time in the window in which it stood still or did not keep up, seen as
    /// turns of its loop that took 100 ms too long; of the worst of its threads.
    pub stalled_seconds: f64,
    /// The connections that hardly read, if the plan has any. They are in no
    /// other figure of this report.
    pub slow_readers: Option<SlowReaders>,
    /// Connections that the kernel dropped during the run as the queue of their
    /// listener was full; a client tries again, a second later. Of all listeners
    /// of this network namespace, not only the server's.
    pub accept_drops: Option<u64>,
    /// The server's process, if it was watched.
    pub watch: Option<Watched>,
    /// The run was ended before its time.
    pub interrupted: bool,
    /// What a reader of these figures must know.
    pub warnings: Vec<String>,
    /// Why the figures say more of the generator than of the server, if so.
    pub void: Option<String>,
}

impl Report {
    /// Answers in the window for each second of CPU time the server used in it.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
    pub fn answers_per_server_cpu_second(&self) -> Option<f64> {
        let cpu = self.watch.as_ref()?.server_cpu_seconds()?;
        (cpu > 0.0).then(|| self.answered as f64 / cpu)
    }

    /// What the threads of `plan` found until `end`. Judging it is not done here.
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
    pub(crate) fn of(plan: &Plan, found: Findings, end: u64, watch: Option<Watched>) -> Self {
        let Findings { accounts, ledger, .. } = found;
        let window_seconds = seconds(ledger.window_ns);
        let rate = if window_seconds > 0.0 { ledger.answered as f64 / window_seconds } else { 0.0 };
        let mut counts: Vec<u64> = accounts.iter().map(|one| one.answered).collect();
        let served = count(&accounts, |one| one.served);
        let unasked = count(&accounts, |one| one.established && one.asked_at == NEVER);
        let Told { latency, from_send, histogram } = ledger.short();
        let slow = ledger.slow();
        let adherence = ledger.lag.adherence();
        Self {
            threads: plan.threads,
            requested: accounts.len(),
            established: count(&accounts, |one| one.established),
            served,
            starved: accounts.len() - served - unasked,
            unasked,
            connections_made: ledger.connections_made,
            answered: ledger.answered,
            answered_total: ledger.answered_total,
            sent: ledger.sent,
            unsent: ledger.arrivals.saturating_sub(ledger.sent),
            censored: found.owed_ns.len() as u64,
            censored_shortest_us: found.owed_ns.iter().min().map(|&ns| ns as f64 / 1e3),
            censored_longest_us: found.owed_ns.iter().max().map(|&ns| ns as f64 / 1e3),
            warmup_seconds: seconds(found.warmup_ns),
            steady: found.steady,
            window_seconds,
            rate,
            bytes_in: ledger.bytes_in,
            bytes_out: ledger.bytes_out,
            jain: jain(&counts),
            per_connection: Spread::of(&mut counts),
            longest_wait_ms: longest_wait_ms(&accounts, found.traffic_at, end),
            latency,
            latency_slow: slow.as_ref().map(|told| told.latency.clone()),
            latency_from_send: from_send,
            latency_from_send_slow: slow.as_ref().and_then(|told| told.from_send.clone()),
            histogram,
            histogram_slow: slow.map(|told| told.histogram),
            adherence,
            max_lag_us: adherence.map(|_| ledger.lag.max_ns as f64 / 1e3),
            lateness: ledger.lag.told(),
            receive_lag: Some(Summary::of(&ledger.receive_lag)).filter(|lag| lag.samples > 0),
            littles_law: self_check(plan, &ledger, rate, served),
            client_cpu_seconds: seconds(found.usage.cpu),
            client_wait_seconds: seconds(found.usage.waited),
            stalled_seconds: seconds(found.stalled_ns),
            slow_readers: None,
            accept_drops: None,
            watch,
            interrupted: false,
            warnings: Vec::new(),
            void: None,
            errors: ledger.errors,
        }
    }
}

fn count(accounts: &[Account], what: impl Fn(&Account) -> bool) -> usize {
    accounts.iter().filter(|one| what(one)).count()
}

#[expect(clippy::cast_precision_loss, reason = "a run takes less than 2^53 ns")]
fn longest_wait_ms(accounts: &[Account], traffic_at: u64, end: u64) -> Option<f64> {
    let asks = accounts.iter().any(|one| one.asked_at != NEVER);
    let waits = accounts.iter().filter(|_| asks).filter_map(|one| {
        let from = if one.established { one.asked_at } else { traffic_at };
        (from != NEVER).then(|| one.first_byte_at.min(end).saturating_sub(from))
    });
    waits.max().map(|ns| ns as f64 / 1e6)
}

fn self_check(plan: &Plan, ledger: &Ledger, rate: f64, served: usize) -> Option<f64> {
    let (Mode::Closed { think }, None) = (plan.mode, plan.hot) else { return None };
    let clients = served * plan.in_flight.get() as usize;
    littles_law(rate, ledger.mean_ns()? / 1e9, think.as_secs_f64(), clients)
}
