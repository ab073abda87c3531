//! From the reports of a trial to its figures.

use std::collections::BTreeMap;

use results::Figure;

/// What is known of the server after it has ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ServerReport {
    /// Of all threads, over its whole life.
    pub(crate) context_switches: i64,
    /// Answered over its whole life.
    pub(crate) requests: Option<u64>,
}

/// Every figure that the reports support; one that they do not is absent.
#[expect(clippy::cast_precision_loss, reason = "counts and bytes stay far below 2^53")]
pub(crate) fn figures(report: &load::Report, server: &ServerReport) -> BTreeMap<Figure, f64> {
    let mut figures = BTreeMap::new();
    let mut put = |figure, value: Option<f64>| {
        if let Some(value) = value.filter(|value| value.is_finite()) {
            figures.insert(figure, value);
        }
    };
    let answered = report.answered as f64;
    let server_cpu = report.watch.as_ref().and_then(load::Watched::server_cpu_seconds);
    if report.answered > 0 {
        put(Figure::RequestsPerServerCpuSecond, server_cpu.map(|cpu| answered / cpu));
        let both = server_cpu.map(|cpu| answered / (cpu + report.client_cpu_seconds));
        put(Figure::RequestsPerCpuSecond, both);
    }
    put(Figure::RequestsPerSecond, Some(report.rate));

    let latency = &report.latency;
    // Requests without an answer are slower than any that has one. Where they
    // are more than the slowest 1 %, the p99 of the answered is not the p99.
    let missing = (report.unsent + report.censored) as f64;
    let share = missing / (answered + missing);
    let known = |p: f64, value: Option<f64>| value.filter(|_| share < 1.0 - p);
    put(Figure::LatencyP50Us, known(0.5, latency.p50_us));
    put(Figure::LatencyP90Us, known(0.9, latency.p90_us));
    put(Figure::LatencyP99Us, known(0.99, latency.p99_us));
    put(Figure::LatencyP999Us, known(0.999, latency.p999_us));
    put(Figure::LatencyMaxUs, (latency.samples > 0).then_some(latency.max_us));
    put(Figure::SlowLatencyP99Us, report.latency_slow.as_ref().and_then(|slow| slow.p99_us));

    put(Figure::Requested, Some(report.requested as f64));
    put(Figure::Established, Some(report.established as f64));
    put(Figure::Served, Some(report.served as f64));
    put(Figure::Starved, Some(report.starved as f64));
    put(Figure::Jain, report.jain);
    put(Figure::LongestWaitMs, report.longest_wait_ms);
    put(Figure::Adherence, report.adherence);
    put(Figure::Censored, Some(report.censored as f64));
    put(Figure::Errors, Some(report.errors.total() as f64));

    put_process(&mut put, report);
    if let Some(requests) = server.requests.filter(|&requests| requests > 0) {
        let each = server.context_switches as f64 / requests as f64;
        put(Figure::ContextSwitchesPerRequest, Some(each));
    }
    figures
}

/// Memory and threads, once all connections stand.
#[expect(clippy::cast_precision_loss, reason = "counts and bytes stay far below 2^53")]
fn put_process(put: &mut impl FnMut(Figure, Option<f64>), report: &load::Report) {
    let Some(watch) = &report.watch else { return };
    let Some(end) = &watch.end else { return };
    put(Figure::Threads, Some(end.threads as f64));
    let (Some(before), Some(end)) = (&watch.before.memory, &end.memory) else { return };
    put(Figure::PssBytes, Some(end.pss_bytes as f64));
    if report.served > 0 {
        let each = |before: u64, after: u64| (after as f64 - before as f64) / report.served as f64;
        let user = each(before.private_bytes, end.private_bytes);
        put(Figure::UserMemoryPerConnectionBytes, Some(user));
        let space = each(before.virtual_bytes, end.virtual_bytes);
        put(Figure::VirtualMemoryPerConnectionBytes, Some(space));
    }
}
