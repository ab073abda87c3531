//! What the `README.md` tells of an experiment's comparisons: the table, the
//! controls, how many blocks there are and why.

use std::fmt::Write as _;

use results::{Cell, Comparison, Experiment, Figure, Standing};

use crate::readme::{inline, table_cell};

/// All of it, in paragraphs.
pub(crate) fn text(out: &mut String, experiment: &Experiment) {
    table(out, experiment);
    controls(out, experiment);
    let _ = writeln!(out, "{}\n", blocks(experiment));
    if !experiment.peers.is_empty() {
        let peers = experiment.peers.iter().map(|peer| format!("{} ({})", peer.name, peer.version));
        let peers: Vec<String> = peers.collect();
        let _ = writeln!(out, "Servers of others: {}.\n", inline(&peers.join(", ")));
    }
}

/// Folded away: the charts show what most readers want of it.
fn table(out: &mut String, experiment: &Experiment) {
    if experiment.comparisons.is_empty() {
        return;
    }
    let _ = write!(
        out,
        "<details><summary>{}</summary>\n\n\
         | What | Over | Figure | Ratio [95 % interval] | Blocks | Verdict |\n\
         |------|------|--------|-----------------------|-------:|---------|\n",
        inline(&summary(experiment))
    );
    for figure in figures(&experiment.comparisons) {
        for c in experiment.comparisons.iter().filter(|c| c.figure == figure) {
            let cells = [
                experiment.place(&c.of),
                c.over.model.clone(),
                figure.label().to_owned(),
                c.told(),
                c.blocks.to_string(),
                verdict(c),
            ];
            let _ = writeln!(out, "| {} |", cells.map(|cell| table_cell(&cell)).join(" | "));
        }
    }
    out.push_str("\n</details>\n\n");
}

/// `12 comparisons: 3 better, 5 worse, 1 equivalent, 3 inconclusive`.
fn summary(experiment: &Experiment) -> String {
    let kinds = [
        (Standing::Better, "better"),
        (Standing::Worse, "worse"),
        (Standing::Equivalent, "equivalent"),
        (Standing::Inconclusive, "inconclusive"),
        (Standing::Unlike, "not alike"),
    ];
    let count = |standing| {
        let all = experiment.comparisons.iter();
        all.filter(|comparison| comparison.standing == standing).count()
    };
    let told = kinds.into_iter().map(|(standing, word)| (count(standing), word));
    let told: Vec<String> =
        told.filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect();
    let all = experiment.comparisons.len();
    let plural = if all == 1 { "" } else { "s" };
    format!("{all} comparison{plural}: {}", told.join(", "))
}

/// `Controls: event-loop against itself, 64 connections: p99 latency 1.01 [0.97, 1.04], equivalent.`
fn controls(out: &mut String, experiment: &Experiment) {
    let mut places: Vec<&Cell> = Vec::new();
    for control in &experiment.controls {
        if !places.contains(&&control.of) {
            places.push(&control.of);
        }
    }
    let told = places.into_iter().map(|of| {
        let here = experiment.controls.iter().filter(|control| control.of == *of);
        let figures =
            here.map(|c| format!("{} {}, {}", c.figure.label(), c.told(), control_verdict(c)));
        let figures: Vec<String> = figures.collect();
        format!("{} against itself: {}", experiment.place(of), figures.join("; "))
    });
    let told: Vec<String> = told.collect();
    match &told[..] {
        [] if experiment.comparisons.is_empty() => {}
        [] => {
            out.push_str("No control: the baseline was not measured against itself.\n\n");
        }
        [one] => {
            let _ = writeln!(out, "Control: {}.\n", inline(one));
        }
        several => {
            out.push_str("Controls:\n\n");
            for one in several {
                let _ = writeln!(out, "- {}", inline(one));
            }
            out.push('\n');
        }
    }
}

/// How it was measured, and how long that took.
fn blocks(experiment: &Experiment) -> String {
    format!("{}; {} in all.", experiment.effort(), time(experiment.spent_seconds))
}

/// `2 min 30 s`.
fn time(seconds: f64) -> String {
    let minutes = (seconds / 60.0).floor();
    let rest = (seconds - 60.0 * minutes).floor();
    if minutes < 1.0 { format!("{rest:.0} s") } else { format!("{minutes:.0} min {rest:.0} s") }
}

/// The figures of some comparisons, each once, in their order.
fn figures(comparisons: &[Comparison]) -> Vec<Figure> {
    let mut figures = Vec::new();
    for comparison in comparisons {
        if !figures.contains(&comparison.figure) {
            figures.push(comparison.figure);
        }
    }
    figures
}

fn verdict(comparison: &Comparison) -> String {
    let label = comparison.label();
    let label = match comparison.standing {
        Standing::Better | Standing::Worse => format!("**{label}**"),
        _ => label.to_owned(),
    };
    match &comparison.why {
        Some(why) => format!("{label}: {why}"),
        None => label,
    }
}

fn control_verdict(control: &Comparison) -> String {
    let why = control.why.iter().fold(String::new(), |_, why| format!(" ({why})"));
    format!("{}{why}", control.label())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_in_words() {
        assert_eq!(time(9.7), "9 s");
        assert_eq!(time(150.2), "2 min 30 s");
    }
}
