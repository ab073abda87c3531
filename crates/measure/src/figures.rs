//! From the reports of a trial to its figures.

use std::collections::BTreeMap;

use results::{Figure, Share};
use serde::Deserialize;

/// What is known of the server after it has ended.
#[derive(Clone, Debug)]
pub(crate) struct ServerEnd {
    /// Of all threads, over its whole life.
    pub(crate) context_switches: i64,
    /// What it says of itself, if it does.
    pub(crate) said: Option<Said>,
}

/// What we read of a server's own report; a server of somebody else may leave
/// one too.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Said {
    #[serde(default)]
    system_calls: Option<SystemCalls>,
    #[serde(default)]
    workers: Vec<Worker>,
}

/// System calls by kind.
#[derive(Clone, Debug, Deserialize)]
struct SystemCalls {
    #[serde(flatten)]
    kinds: BTreeMap<String, u64>,
}

#[derive(Clone, Debug, Deserialize)]
struct Worker {
    name: String,
    connections: u64,
    requests: u64,
}

impl ServerEnd {
    /// Each worker's share of the work.
    pub(crate) fn workers(&self) -> Vec<Share> {
        let workers = self.said.iter().flat_map(|said| &said.workers);
        let share = |worker: &Worker| Share {
            name: worker.name.clone(),
            connections: worker.connections,
            requests: worker.requests,
        };
        workers.map(share).collect()
    }
}

/// Every figure that the reports support; one that they do not is absent.
/// `cores` are those of the server.
#[expect(clippy::cast_precision_loss, reason = "counts and bytes stay far below 2^53")]
pub(crate) fn figures(
    report: &load::Report,
    end: &ServerEnd,
    cores: usize,
) -> BTreeMap<Figure, f64> {
    let mut figures = Figures::default();
    figures.costs(report, cores);
    figures.latencies(report);
    figures.accounts(report);
    figures.put(Figure::LongestWaitMs, report.longest_wait_ms);
    figures.put(Figure::AcceptDrops, report.accept_drops.map(|drops| drops as f64));
    figures.occupied(report);
    figures.life(report, end);
    figures.0
}

/// Every figure of a server that was loaded in turn with others, its slices in the
/// trial already. `inside` is the CPU time of its own slices in seconds.
#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
pub(crate) fn seated(
    trial: &results::Trial,
    report: &load::Report,
    end: &ServerEnd,
    inside: f64,
    cores: usize,
) -> BTreeMap<Figure, f64> {
    let mut figures = Figures::default();
    for figure in [
        Figure::RequestsPerServerCpuSecond,
        Figure::RequestsPerCpuSecond,
        Figure::RequestsPerSecond,
        Figure::BytesPerServerCpuSecond,
        Figure::RampCost,
    ] {
        figures.put(figure, trial.over_rounds(figure));
    }
    let length: u64 = trial.slices.iter().flat_map(|slices| &slices.length_ns).sum();
    figures.put(Figure::ServerCpuShare, Some(inside / (length as f64 / 1e9 * cores as f64)));
    let waited = report.watch.as_ref().and_then(load::Watched::run_queue_seconds);
    let each = |seconds: f64| seconds * 1e6 / report.answered_total as f64;
    figures.put(Figure::RunQueueDelayPerRequestUs, waited.map(each));
    figures.latencies(report);
    figures.accounts(report);
    figures.occupied(report);
    figures.life(report, end);
    figures.0
}

/// The figures found so far.
#[derive(Default)]
struct Figures(BTreeMap<Figure, f64>);

#[expect(clippy::cast_precision_loss, reason = "counts and bytes stay far below 2^53")]
impl Figures {
    fn put(&mut self, figure: Figure, value: Option<f64>) {
        if let Some(value) = value.filter(|value| value.is_finite()) {
            self.0.insert(figure, value);
        }
    }

    /// What the window cost.
    fn costs(&mut self, report: &load::Report, cores: usize) {
        self.put(Figure::RequestsPerSecond, Some(report.rate));
        let Some(watch) = &report.watch else { return };
        let Some(server) = watch.server_cpu_seconds() else { return };
        let answered = report.answered as f64;
        let share = server / (report.window_seconds * cores as f64);
        self.put(Figure::ServerCpuShare, Some(share));
        if report.answered > 0 {
            self.put(Figure::RequestsPerServerCpuSecond, Some(answered / server));
            let both = server + report.client_cpu_seconds;
            self.put(Figure::RequestsPerCpuSecond, Some(answered / both));
            // In the window as over the run: bytes for each answer.
            let bytes = (report.bytes_in + report.bytes_out) as f64 / report.answered_total as f64;
            self.put(Figure::BytesPerServerCpuSecond, Some(bytes * answered / server));
            let delay = watch.run_queue_seconds().map(|delay| delay * 1e6 / answered);
            self.put(Figure::RunQueueDelayPerRequestUs, delay);
        }
    }

    /// Who was served, and what was not answered.
    fn accounts(&mut self, report: &load::Report) {
        self.put(Figure::Requested, Some(report.requested as f64));
        self.put(Figure::Established, Some(report.established as f64));
        self.put(Figure::Served, Some(report.served as f64));
        self.put(Figure::Starved, Some(report.starved as f64));
        self.put(Figure::Jain, report.jain);
        self.put(Figure::Adherence, report.adherence);
        self.put(Figure::Censored, Some(report.censored as f64));
        self.put(Figure::Unsent, Some(report.unsent as f64));
        self.put(Figure::Errors, Some(report.errors.total() as f64));
    }

    fn latencies(&mut self, report: &load::Report) {
        let latency = &report.latency;
        // Requests without an answer are slower than any that has one. Where they
        // are more than the slowest 1 %, the p99 of the answered is not the p99.
        let missing = (report.unsent + report.censored) as f64;
        let share = missing / (latency.samples as f64 + missing);
        let known = |p: f64, value: Option<f64>| value.filter(|_| share < 1.0 - p);
        self.put(Figure::LatencyP50Us, known(0.5, latency.p50_us));
        self.put(Figure::LatencyP90Us, known(0.9, latency.p90_us));
        self.put(Figure::LatencyP99Us, known(0.99, latency.p99_us));
        self.put(Figure::LatencyP999Us, known(0.999, latency.p999_us));
        self.put(Figure::LatencyMaxUs, (latency.samples > 0).then_some(latency.max_us));
        let p99 = |summary: &Option<load::Summary>| summary.as_ref().and_then(|one| one.p99_us);
        let from_send = report.latency_from_send.as_ref();
        self.put(Figure::FromSendP50Us, from_send.and_then(|latency| latency.p50_us));
        self.put(Figure::FromSendP99Us, p99(&report.latency_from_send));
        self.put(Figure::SlowLatencyP99Us, p99(&report.latency_slow));
        self.put(Figure::LatenessP99Us, p99(&report.lateness));
        self.put(Figure::ReceiveLagP99Us, p99(&report.receive_lag));
    }

    /// Memory and threads, once all connections stand.
    fn occupied(&mut self, report: &load::Report) {
        let Some(watch) = &report.watch else { return };
        let Some(end) = &watch.end else { return };
        self.put(Figure::Threads, Some(end.threads as f64));
        let (Some(before), Some(end)) = (&watch.before.memory, &end.memory) else { return };
        let grown = |before: u64, after: u64| after as f64 - before as f64;
        self.put(Figure::PssBytes, Some(end.pss_bytes as f64));
        self.put(Figure::PssGrowthBytes, Some(grown(before.pss_bytes, end.pss_bytes)));
        if report.served > 0 {
            let each = |before, after| Some(grown(before, after) / report.served as f64);
            let user = each(before.private_bytes, end.private_bytes);
            self.put(Figure::UserMemoryPerConnectionBytes, user);
            let space = each(before.virtual_bytes, end.virtual_bytes);
            self.put(Figure::VirtualMemoryPerConnectionBytes, space);
        }
    }

    /// What is counted over the server's whole life, start and stop included.
    fn life(&mut self, report: &load::Report, end: &ServerEnd) {
        if report.answered_total == 0 {
            return;
        }
        let answered = report.answered_total as f64;
        let switches = end.context_switches as f64 / answered;
        self.put(Figure::ContextSwitchesPerRequest, Some(switches));
        let Some(said) = &end.said else { return };
        let calls = said.system_calls.as_ref().map(|calls| calls.kinds.values().sum::<u64>());
        self.put(Figure::SystemCallsPerRequest, calls.map(|calls| calls as f64 / answered));
        let shares: Vec<u64> = said.workers.iter().map(|worker| worker.requests).collect();
        let all = shares.iter().sum::<u64>() as f64;
        if shares.len() > 1 && all > 0.0 {
            self.put(Figure::WorkerJain, load::jain(&shares));
            let busiest = shares.iter().max().map(|&most| most as f64 / all);
            self.put(Figure::BusiestWorkerShare, busiest);
        }
    }
}
