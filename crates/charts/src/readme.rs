//! The `README.md` of a results folder: the machine, the charts, the claims.

use std::fmt::Write as _;

use results::{
    Course, Environment, Experiment, FEWEST_BLOCKS, Soak, Unit, Verdict, core_names, grouped,
};

use crate::told;

/// The whole text.
pub(crate) fn text(
    environment: Option<&Environment>,
    experiments: &[Experiment],
    soak: Option<&Soak>,
) -> String {
    let mut out = String::from(
        "# Results\n\n\
         Written by `cargo lab plot` from the JSON files beside it; do not edit.\n\
         `cargo lab bench` measures again, on your machine.\n\n",
    );
    match environment {
        Some(environment) => machine(&mut out, environment),
        None => out.push_str("On what machine this was measured is not known.\n\n"),
    }
    for experiment in experiments {
        section(&mut out, experiment, environment);
    }
    if let Some(soak) = soak {
        soaked(&mut out, soak);
    }
    claims(&mut out, experiments);
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

fn soaked(out: &mut String, soak: &Soak) {
    let sum = |of: fn(&Course) -> u64| grouped(soak.courses.iter().map(of).sum::<u64>());
    let (valid, invalid) = (sum(|course| course.valid), sum(|course| course.invalid));
    let _ = write!(
        out,
        "## Soak\n\n\
         Each server had {:.1} minutes of traffic, right and wrong: in all {valid} requests whose \
         answers were checked, and {invalid} connections with nonsense, halves or resets. \
         Measured by `just soak`, on {}; see `soak.json`.\n\n\
         ![The memory of each server over its time](charts/soak.svg)\n\n",
        soak.run.seconds / 60.0,
        inline(&soak.run.system),
    );
}

fn machine(out: &mut String, environment: &Environment) {
    let Environment { cpu, cores, kernel, governor, clock_source, rustc, commit, .. } = environment;
    let memory = Unit::Bytes.format(exact(environment.memory_bytes));
    let plural = if *cores == 1 { "" } else { "s" };
    let _ = writeln!(
        out,
        "Measured on {}, {cores} core{plural}, {memory} of memory, {}, \
         governor {governor}, clock source {clock_source}; server on {}, load generator on {}.",
        inline(cpu),
        inline(kernel),
        core_names(&environment.server_cores),
        core_names(&environment.client_cores),
    );
    let started = &environment.started;
    let _ = writeln!(out, "Commit {commit}, {}, started {started}.", inline(rustc));
    if !environment.limits.is_empty() {
        let limits = environment.limits.iter().map(|(name, value)| format!("{name} {value}"));
        let _ = writeln!(out, "Limits: {}.", inline(&limits.collect::<Vec<_>>().join(", ")));
    }
    out.push('\n');
    if !environment.remarks.is_empty() {
        out.push_str("Before the run:\n\n");
        for remark in &environment.remarks {
            let _ = writeln!(out, "- {}", inline(remark));
        }
        out.push('\n');
    }
}

fn section(out: &mut String, experiment: &Experiment, environment: Option<&Environment>) {
    let _ = writeln!(out, "## {}\n\n{}\n", inline(&experiment.title), inline(&experiment.question));
    if environment.is_some_and(|environment| environment.started != experiment.run) {
        let run = inline(&experiment.run);
        let _ =
            writeln!(out, "This is of another run, started {run}: the above is not said of it.\n");
    }
    if experiment.quick {
        out.push_str("This was a quick run: fewer blocks, fewer points.\n\n");
    }
    if !experiment.complete {
        out.push_str(
            "The run was interrupted and trials are missing; `cargo lab bench` goes on with it.\n\n",
        );
    }
    for chart in &experiment.charts {
        let title = inline(&chart.title);
        let alt = title.replace(['[', ']'], "");
        let _ = writeln!(out, "![{alt}](charts/{}.svg)\n", chart.file);
        // A title that asks has its mark already.
        let stop = if title.ends_with(['.', '?', '!', ':']) { "" } else { "." };
        let _ = writeln!(out, "**{title}{stop}** {}\n", inline(&chart.look_for));
    }
    told::text(out, experiment);
    remarks(out, experiment);
}

/// Remarks, and who is left out; void cells are many on a busy machine, and folded away.
fn remarks(out: &mut String, experiment: &Experiment) {
    let left_out = experiment.left_out.iter();
    let left_out = left_out.map(|l| format!("{} is left out{}: {}", l.model, l.place(), l.why));
    let told: Vec<String> = experiment.remarks.iter().cloned().chain(left_out).collect();
    for remark in &told {
        let _ = writeln!(out, "- {}", inline(remark));
    }
    if !told.is_empty() {
        out.push('\n');
    }
    let void = experiment.void_cells();
    if !void.is_empty() {
        let trials = if void.len() == 1 { "cell" } else { "cells" };
        let _ = writeln!(
            out,
            "<details><summary>{} {trials} void in a block, and not in its figures</summary>\n",
            void.len()
        );
        for (block, cell, why) in void {
            let text = format!("block {block}, {}: {why}", experiment.place(&cell));
            let _ = writeln!(out, "- {}", inline(&text));
        }
        out.push_str("\n</details>\n\n");
    }
}

fn claims(out: &mut String, experiments: &[Experiment]) {
    if experiments.iter().all(|e| e.claims.is_empty()) {
        return;
    }
    let _ = write!(
        out,
        "## Claims\n\n\
         Measured: the value over all blocks, and in brackets its 95 % interval, or with fewer than {FEWEST_BLOCKS} blocks the range.\n\
         A claim holds if the whole interval is within what was expected, and fails if the whole interval is outside.\n\n\
         | Claim | Source | Expected | Measured | Verdict |\n\
         |-------|--------|----------|----------|---------|\n",
    );
    for experiment in experiments {
        for claim in &experiment.claims {
            let verdict = experiment.verdicts.iter().find(|v| v.claim == claim.id);
            let cells = [
                claim.says.clone(),
                claim.source.clone(),
                experiment.expected(&claim.expects),
                verdict
                    .and_then(|verdict| verdict.told(&claim.expects))
                    .unwrap_or_else(|| "–".to_owned()),
                verdict.map_or_else(|| "not judged".to_owned(), outcome),
            ];
            let _ = writeln!(out, "| {} |", cells.map(|cell| table_cell(&cell)).join(" | "));
        }
    }
}

/// The verdict with its reason.
fn outcome(verdict: &Verdict) -> String {
    let label = verdict.outcome.label();
    let why = if verdict.why.is_empty() { String::new() } else { format!(": {}", verdict.why) };
    format!("**{label}**{why}")
}

/// Text as Markdown shows it: nothing in it becomes a tag or a new paragraph.
pub(crate) fn inline(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('*', "\\*");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Text in a table; the asterisks of a verdict stay.
pub(crate) fn table_cell(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('|', "\\|");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[expect(clippy::cast_precision_loss, reason = "a size that is shown with three digits")]
fn exact(bytes: u64) -> f64 {
    bytes as f64
}
