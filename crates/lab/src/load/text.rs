//! A report for a person: who was served first, how fast after that.

use std::fmt::Write;

use ::load::{
    Errors, Kind, Memory, Method, Mode, Plan, Report, Request, SlowReaders, Summary, Watched,
};
use humantime::format_duration;

/// The report as aligned lines.
pub(super) fn of(plan: &Plan, report: &Report) -> String {
    let mut page = Page::default();
    page.line("plan", &what(plan));
    page.line("connections", &connections(report));
    if let Some(slow) = &report.slow_readers {
        page.line("slow readers", &slow_readers(slow));
    }
    served(&mut page, report);
    page.gap();
    if !matches!(plan.mode, Mode::Idle { .. }) {
        answers(&mut page, report);
        page.gap();
    }
    page.line("generator", &generator(report));
    if let Some(watch) = &report.watch {
        server(&mut page, report, watch);
    }
    page.gap();
    page.line("errors", &errors(&report.errors));
    for text in &report.errors.first {
        page.line("", text);
    }
    for text in &report.warnings {
        page.line("warning", text);
    }
    if let Some(why) = &report.void {
        page.line("code::VOID", why);
    }
    page.text
}

#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn line(&mut self, label: &str, text: &str) {
        let _ = writeln!(self.text, "{label:<13}{text}"); // A String takes every line.
    }

    fn gap(&mut self) {
        self.text.push('\n');
    }
}

fn what(plan: &Plan) -> String {
    let requests: Vec<String> = plan.requests.iter().map(request).collect();
    let mode = match plan.mode {
        Mode::Closed { think } if think.is_zero() => "closed loop".to_owned(),
        Mode::Closed { think } => format!("closed loop, {} of thought", format_duration(think)),
        Mode::Open { rate, arrivals } => {
            format!("open loop, {rate} requests/s, {arrivals:?}").to_lowercase()
        }
        Mode::Idle { probe: true } => "idle after one request each".to_owned(),
        Mode::Idle { probe: false } => "idle".to_owned(),
    };
    format!(
        "{}, {}, {mode}, {} after {}",
        plan.target,
        requests.join(" + "),
        format_duration(plan.duration),
        format_duration(plan.warmup)
    )
}

fn request(request: &Request) -> String {
    let slow = if request.slow { " (slow)" } else { "" };
    match &request.kind {
        Kind::Echo { bytes } => format!("echo of {} bytes{slow}", grouped(*bytes as u64)),
        Kind::Exact { send, .. } => {
            let cut: String = send.chars().take(40).collect();
            format!("{} x {cut:?}{slow}", request.weight)
        }
        Kind::Http { method, path, .. } => {
            let method = if *method == Method::Get { "GET" } else { "POST" };
            format!("{} x {method} {path}{slow}", request.weight)
        }
    }
}

fn connections(report: &Report) -> String {
    let mut text = format!(
        "{} requested, {} established, {} served, {} starved",
        report.requested, report.established, report.served, report.starved
    );
    if report.unasked > 0 {
        let _ = write!(text, ", {} never asked", report.unasked);
    }
    if report.connections_made > report.established as u64 {
        let _ = write!(text, "; {} made in all", grouped(report.connections_made));
    }
    text
}

fn slow_readers(slow: &SlowReaders) -> String {
    format!(
        "{} established, read {} bytes of the answers to {}; errors: {}",
        slow.established,
        grouped(slow.bytes_in),
        grouped(slow.bytes_out),
        errors(&slow.errors)
    )
}

fn served(page: &mut Page, report: &Report) {
    if let (Some(jain), Some(spread)) = (report.jain, &report.per_connection) {
        let (min, median, max) = (grouped(spread.min), grouped(spread.median), grouped(spread.max));
        page.line(
            "fairness",
            &format!(
                "Jain's index {jain:.4}; answers a connection: {min} to {max}, median {median}"
            ),
        );
    }
    if let Some(wait) = report.longest_wait_ms {
        page.line("longest wait", &format!("{} to a first byte", span(wait * 1e3)));
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate to read")]
fn answers(page: &mut Page, report: &Report) {
    page.line(
        "answers",
        &format!(
            "{} in {:.2} s: {} a second",
            grouped(report.answered),
            report.window_seconds,
            grouped(report.rate.round() as u64)
        ),
    );
    page.line("latency", &latency(&report.latency));
    if let Some(summary) = &report.latency_from_send {
        page.line("  from send", &latency(summary));
    }
    if let Some(summary) = &report.latency_slow {
        page.line("slow", &latency(summary));
    }
    if let Some(summary) = &report.latency_from_send_slow {
        page.line("  from send", &latency(summary));
    }
    if report.censored + report.unsent > 0 {
        let (censored, unsent) = (grouped(report.censored), grouped(report.unsent));
        page.line(
            "not answered",
            &format!("{censored} unanswered at the end, {unsent} never sent"),
        );
    }
}

fn latency(summary: &Summary) -> String {
    if summary.samples == 0 {
        return "no answers".to_owned();
    }
    let mut text = format!("mean {}", span(summary.mean_us));
    let percentiles = [
        ("p50", summary.p50_us),
        ("p90", summary.p90_us),
        ("p99", summary.p99_us),
        ("p99.9", summary.p999_us),
    ];
    for (name, value) in percentiles {
        match value {
            Some(value) => _ = write!(text, "  {name} {}", span(value)),
            None => _ = write!(text, "  {name} -"), // Too few samples to tell.
        }
    }
    let _ = write!(text, "  max {}", span(summary.max_us));
    text
}

fn generator(report: &Report) -> String {
    let mut text = format!(
        "{:.3} s of CPU, {:.3} s waiting for a core",
        report.client_cpu_seconds, report.client_wait_seconds
    );
    if let (Some(adherence), Some(lag)) = (report.adherence, report.max_lag_us) {
        let share = adherence * 100.0;
        let _ = write!(text, "; {share:.2} % on time, the latest by {}", span(lag));
    }
    if let Some(gap) = report.littles_law {
        let _ = write!(text, "; Little's law holds within {:.2} %", gap * 100.0);
    }
    text
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate to read")]
fn server(page: &mut Page, report: &Report, watch: &Watched) {
    let Some(cpu) = watch.server_cpu_seconds() else {
        page.line("server", &format!("process {} ended during the run", watch.pid));
        return;
    };
    let mut text = format!("{cpu:.3} s of CPU");
    if let Some(rate) = report.answers_per_server_cpu_second() {
        let _ = write!(text, ": {} answers a CPU second", grouped(rate as u64));
    }
    if let Some(start) = &watch.start {
        let _ = write!(text, "; {} threads, {} before", start.threads, watch.before.threads);
    }
    page.line("server", &text);
    let memory = watch.start.as_ref().and_then(|start| start.memory);
    if let (Some(before), Some(held)) = (watch.before.memory, memory) {
        page.line("memory", &grown(before, held, report.established));
    }
}

/// What the connections added, in all and each.
#[expect(clippy::cast_precision_loss, reason = "bytes of memory to read")]
fn grown(before: Memory, held: Memory, connections: usize) -> String {
    let kib = |bytes: u64| bytes as f64 / 1024.0;
    let added = kib(held.private_bytes) - kib(before.private_bytes);
    format!(
        "{:.0} KiB private, {:.0} KiB before; {:.2} KiB a connection; {:.0} MiB address space",
        kib(held.private_bytes),
        kib(before.private_bytes),
        added / (connections.max(1) as f64),
        kib(held.virtual_bytes) / 1024.0
    )
}

fn errors(errors: &Errors) -> String {
    let kinds = [
        (errors.refused, "refused"),
        (errors.connect_timeout, "connect timeout"),
        (errors.reset, "reset"),
        (errors.closed_early, "closed early"),
        (errors.mismatch, "mismatch"),
        (errors.bad_status, "bad status"),
        (errors.protocol, "protocol"),
        (errors.server_died, "server died"),
        (errors.other, "other"),
    ];
    let told: Vec<String> = kinds
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, kind)| format!("{} {kind}", grouped(*count)))
        .collect();
    if told.is_empty() { "none".to_owned() } else { told.join(", ") }
}

/// A span of microseconds in the unit that reads best.
fn span(us: f64) -> String {
    if us < 1e3 {
        format!("{us:.0} µs")
    } else if us < 1e6 {
        format!("{:.2} ms", us / 1e3)
    } else {
        format!("{:.2} s", us / 1e6)
    }
}

/// A number with a comma at each thousand.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        let texts = [0, 999, 1000, 1_234_567].map(grouped);
        assert_eq!(texts, ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn spans_choose_their_unit() {
        assert_eq!([12.3, 1500.0, 2e6].map(span), ["12 µs", "1.50 ms", "2.00 s"]);
    }
}
