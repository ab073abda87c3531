//! A report for a person: who was served first, how fast after that.

use std::{cmp::Reverse, fmt::Write, time::Duration};

use ::load::{
    Errors, Kind, Memory, Method, Mode, Plan, Report, Request, SlowReaders, Summary, Watched,
};
use humantime::format_duration;
use results::grouped;

/// Threads of the server told one by one.
const BUSIEST: usize = 4;

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
    if let Some(drops) = report.accept_drops.filter(|&drops| drops > 0) {
        let drops = grouped(drops);
        page.line(
            "dropped",
            &format!("{drops} connections at full accept queues, of any server here"),
        );
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
        page.line("void", why);
    }
    if let Some(hint) = hint(plan, report) {
        page.line("hint", hint);
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
        "{}, {}, {mode}{}, {} after {} or more",
        plan.target,
        requests.join(" + "),
        particulars(plan),
        format_duration(plan.duration),
        format_duration(plan.warmup)
    )
}

/// What few plans have.
fn particulars(plan: &Plan) -> String {
    let mut text = String::new();
    if plan.in_flight.get() > 1 {
        let _ = write!(text, ", {} in flight a connection", plan.in_flight);
    }
    if let Some(hot) = plan.hot {
        let think = format_duration(hot.cold_think);
        let _ = write!(text, ", {think} of thought but for one in {}", hot.every);
    }
    if let Some(each) = plan.requests_per_connection {
        let _ = write!(text, ", {each} a connection");
    }
    if let Some(stall) = plan.stall {
        let (lasts, after) = (format_duration(stall.lasts), format_duration(stall.after));
        let _ = write!(text, ", server stopped for {lasts} after {after}");
    }
    if plan.threads > 1 {
        let _ = write!(text, ", {} threads", plan.threads);
    }
    text
}

/// What to try, if the server may not speak what was asked.
fn hint(plan: &Plan, report: &Report) -> Option<&'static str> {
    let was_asked = report.established > report.unasked;
    let kind = &plan.requests.first()?.kind;
    (report.served == 0 && was_asked).then_some(match kind {
        Kind::Echo { .. } => {
            "does the server echo? for HTTP try --path /, for another protocol --exact and --expect"
        }
        Kind::Http { .. } => {
            "does the server speak HTTP, and know this path? for echo try --protocol echo"
        }
        Kind::Rpc { .. } => {
            "does the server speak JSON-RPC, a line each? try --protocol to say what it speaks"
        }
        Kind::Exact { .. } => "is --expect the whole answer, to its last \\r\\n?",
    })
}

fn request(request: &Request) -> String {
    let slow = if request.slow { " (slow)" } else { "" };
    match &request.kind {
        Kind::Echo { bytes } => format!("echo of {} bytes{slow}", grouped(*bytes as u64)),
        Kind::Exact { send, .. } => {
            let cut: String = send.chars().take(40).collect();
            format!("{} x {cut:?}{slow}", request.weight)
        }
        Kind::Rpc { method, params, .. } => {
            let params = params.as_ref().map(|params| format!(" {params}")).unwrap_or_default();
            let cut: String = params.chars().take(40).collect();
            format!("{} x call {method}{cut}{slow}", request.weight)
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
            "{} in {:.2} s after {:.2} s: {} a second",
            grouped(report.answered),
            report.window_seconds,
            report.warmup_seconds,
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
        let mut text = format!("{censored} unanswered at the end, {unsent} never sent");
        if let (Some(shortest), Some(longest)) =
            (report.censored_shortest_us, report.censored_longest_us)
        {
            let _ = write!(text, "; waited for {} to {}", span(shortest), span(longest));
        }
        page.line("not answered", &text);
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
    if let Some([low, high]) = summary.p99_interval_us {
        let _ = write!(text, "  (p99 {} to {})", span(low), span(high));
    }
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
    if let Some(lag) = &report.receive_lag {
        let at_p99 = lag.p99_us.map(|p99| format!(", p99 {}", span(p99))).unwrap_or_default();
        let _ = write!(text, "; answers noted {} after receipt{at_p99}", span(lag.mean_us));
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
    if let Some(waited) = watch.run_queue_seconds() {
        let _ = write!(text, "; {waited:.3} s waiting for a core");
    }
    if let Some(start) = &watch.start {
        let _ = write!(text, "; {} threads, {} before", start.threads, watch.before.threads);
        if start.processes > 1 {
            let _ = write!(text, ", in {} processes", start.processes);
        }
    }
    page.line("server", &text);
    if let Some(busiest) = busiest(watch) {
        page.line("  threads", &busiest);
    }
    let memory = watch.start.as_ref().and_then(|start| start.memory);
    if let (Some(before), Some(held)) = (watch.before.memory, memory) {
        page.line("memory", &grown(before, held, report.established));
    }
}

/// The threads that used most in the window, if there are several and they are told.
fn busiest(watch: &Watched) -> Option<String> {
    let (start, end) = (watch.start.as_ref()?, watch.end.as_ref()?);
    let before =
        |tid| start.tasks.iter().find(|task| task.tid == tid).map_or(0, |task| task.cpu_ns);
    let mut used: Vec<(u64, &str)> = end
        .tasks
        .iter()
        .map(|task| (task.cpu_ns.saturating_sub(before(task.tid)), task.name.as_str()))
        .collect();
    used.sort_by_key(|one| Reverse(one.0));
    let told = used
        .iter()
        .take(BUSIEST)
        .map(|&(ns, name)| format!("{name} {:.3} s", Duration::from_nanos(ns).as_secs_f64()));
    let more = if used.len() > BUSIEST { ", …" } else { "" };
    (used.len() > 1).then(|| told.collect::<Vec<_>>().join(", ") + more)
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
        (errors.unanswered, "nobody answered"),
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
#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write as _},
        net::TcpListener,
        sync::atomic::AtomicBool,
        thread,
    };

    use super::*;

    #[test]
    fn a_server_of_another_protocol_is_suspected() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let plan = Plan {
            connections: 1,
            warmup: Duration::from_millis(1),
            duration: Duration::from_secs(10),
            ..Plan::new(listener.local_addr().unwrap())
        };
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.read_exact(&mut [0; 64]).unwrap();
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        });
        let page = of(&plan, &::load::run(&plan, &AtomicBool::new(false)).unwrap());
        assert!(page.contains("hint         does the server echo?"), "{page}");
        assert!(page.contains("HTTP/1.1 400 Bad Request"), "{page}");
        assert!(!page.contains("of the others"), "{page}");
    }

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
