//! What a report's figures are worth, in sentences.

use crate::{
    fault::{Cause, Fault},
    plan::Plan,
    report::Report,
};

/// Shares below which an open loop's schedule was not kept: warn, void.
const ADHERENCE_WARN: f64 = 0.999;
const ADHERENCE_VOID: f64 = 0.95;

/// Gap in Little's law beyond which the figures do not belong together.
const LITTLE_WARN: f64 = 0.02;

/// Share of the window that the generator may wait for a core.
const WAIT_WARN: f64 = 0.05;

/// Share of the window beyond which a generator that works is always working.
const BUSY_WARN: f64 = 0.95;

/// Share of the p99 latency that may be the generator's own, at its p99.
const RECEIVE_WARN: f64 = 0.5;

/// Share of the window that the generator may have stood still.
const STALL_VOID: f64 = 0.05;

/// Adds the error and the warnings that a report deserves, and why it is void if it is.
pub(crate) fn pass(report: &mut Report, plan: &Plan) {
    if let Some(fault) = nobody_answered(report) {
        report.errors.count("all connections", &fault);
    }
    (report.warnings, report.void) = of(report);
    if plan.stamped > 0 && report.answered > 0 && report.receive_lag.is_none() {
        report.warnings.push(
            "the kernel stamped no answer of the connections sampled; how late the generator \
             noted answers is not known"
                .to_owned(),
        );
    }
}

/// Who is slow has answers that are owed at the end. Who never answered anybody is no
/// slow server, and its report has no figure that is worth anything.
fn nobody_answered(report: &Report) -> Option<Fault> {
    let asked = report.established.saturating_sub(report.unasked);
    let all_went_well = report.errors.total() == 0 && !report.interrupted;
    (all_went_well && asked > 0 && report.answered_total == 0).then(|| {
        let came = match report.bytes_in {
            0 => "nothing came".to_owned(),
            bytes => format!("the {bytes} bytes that came are no whole answer"),
        };
        let text = format!("{asked} asked, and {came}: does the server speak this protocol?");
        Fault::new(Cause::Unanswered, text)
    })
}

fn of(report: &Report) -> (Vec<String>, Option<String>) {
    let mut warnings = Vec::new();
    let mut voids = Vec::new();
    if let Some(adherence) = report.adherence.filter(|&share| share < ADHERENCE_WARN) {
        let text = format!(
            "the generator took up only {:.2} % of the requests within 1 ms of being due; \
             give it a core of its own or lower the rate",
            adherence * 100.0
        );
        if adherence < ADHERENCE_VOID { voids.push(text) } else { warnings.push(text) }
    }
    if report.stalled_seconds > 0.0 {
        let text = format!(
            "the generator stood still for {:.2} s of the window; give it a core of its own",
            report.stalled_seconds
        );
        if report.stalled_seconds > STALL_VOID * report.window_seconds {
            voids.push(text);
        } else {
            warnings.push(text);
        }
    }
    if let Some(gap) = report.littles_law.filter(|&gap| gap > LITTLE_WARN) {
        warnings.push(format!(
            "rate, latency and connections disagree by {:.1} % (Little's law); \
             measure longer, or look for connections that stopped being served",
            gap * 100.0
        ));
    }
    if !report.steady {
        warnings.push(format!(
            "the rate was still changing when the window began, after {:.2} s; \
             give it a longer warm-up",
            report.warmup_seconds
        ));
    }
    capacity(report, &mut warnings);
    accounts(report, &mut warnings);
    if report.interrupted {
        warnings.push("the run was interrupted; the figures are of what there was".to_owned());
    }
    (warnings, (!voids.is_empty()).then(|| voids.join("; ")))
}

/// Warnings about the generator's share of the machine.
fn capacity(report: &Report, warnings: &mut Vec<String>) {
    let window = all_threads(report);
    if report.client_wait_seconds > WAIT_WARN * window {
        warnings.push(format!(
            "the generator waited {:.2} s of the window for a core, which the latencies include; \
             stop other programs or pin it apart",
            report.client_wait_seconds
        ));
    }
    let lag = report.receive_lag.as_ref().and_then(|lag| lag.p99_us);
    if let (Some(lag), Some(latency)) = (lag, report.latency.p99_us)
        && lag > RECEIVE_WARN * latency
    {
        warnings.push(format!(
            "answers waited up to {lag:.0} µs (p99) for the generator, of a latency of \
             {latency:.0} µs; ask for less, give it another thread or a core of its own"
        ));
    }
    // An open loop spins, so there it says nothing.
    let busy = report.answered > 0 && report.client_cpu_seconds > BUSY_WARN * window;
    if report.adherence.is_none() && busy {
        warnings.push(
            "the generator was busy all the time: the rate is its own limit, perhaps not the \
             server's; give it another thread, or look at answers a CPU second of the server \
             (--pid)"
                .to_owned(),
        );
    }
}

/// The seconds that the generator's threads had together in the window.
#[expect(clippy::cast_precision_loss, reason = "threads are few")]
fn all_threads(report: &Report) -> f64 {
    report.window_seconds * report.threads as f64
}

/// Warnings about who was not served.
fn accounts(report: &Report, warnings: &mut Vec<String>) {
    if report.starved > 0 && report.served == 0 {
        warnings.push(format!("none of {} connections ever got an answer", report.requested));
    } else if report.starved > 0 {
        warnings.push(format!(
            "{} of {} connections never got an answer; the latencies are of the others",
            report.starved, report.requested
        ));
    }
    if report.censored > 0 {
        let longest = report.censored_longest_us.unwrap_or(0.0) / 1e3;
        warnings.push(format!(
            "{} requests were still unanswered at the end, after up to {longest:.0} ms; \
             no latency includes them",
            report.censored
        ));
    }
    if report.unsent > 0 {
        warnings.push(format!(
            "{} requests were due and never sent, as their connections stayed busy or had ended",
            report.unsent
        ));
    }
}
