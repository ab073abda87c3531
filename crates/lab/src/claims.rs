//! `lab claims [DIR]`: every claim, held against what was measured.

use std::{fmt::Write as _, path::PathBuf, process::ExitCode};

use anyhow::Result;
use results::{
    Claim, Comparison, Experiment, FEWEST_BLOCKS, Outcome, Standing, Store, Unit, Verdict,
};

use crate::{
    console::{self, code},
    workspace,
};

/// Options of `lab claims`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Folder of the results [default: results/ of the workspace]
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
}

/// Prints every claim: verdict, sentence, source, measured, expected, why; then the controls.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let folder = workspace::results(args.folder.as_deref())?;
    let experiments = Store::new(&folder).experiments()?;
    let judged: Vec<(&Experiment, &Claim, &Verdict)> = experiments
        .iter()
        .flat_map(|experiment| {
            let pairs = experiment.claims.iter().zip(&experiment.verdicts);
            pairs.map(move |(claim, verdict)| (experiment, claim, verdict))
        })
        .collect();
    if judged.is_empty() {
        eprintln!("no claims in {}; run `cargo lab bench` first", folder.display());
        return Ok(ExitCode::from(code::ENVIRONMENT));
    }
    let mut text = String::new();
    for &(experiment, claim, verdict) in &judged {
        describe(&mut text, experiment, claim, verdict)?;
    }
    controls(&mut text, &experiments)?;
    console::print(&text)?;
    eprintln!("{}", summary(&judged.iter().map(|(.., verdict)| *verdict)));
    Ok(exit_code(judged.iter().map(|(.., verdict)| verdict.outcome)))
}

/// How many claims fared how, in a line.
pub(crate) fn summary<'a>(verdicts: &(impl Iterator<Item = &'a Verdict> + Clone)) -> String {
    let outcomes = [Outcome::Holds, Outcome::Fails, Outcome::Inconclusive, Outcome::NotMeasurable];
    let counted = outcomes.map(|outcome| {
        let count = verdicts.clone().filter(|verdict| verdict.outcome == outcome).count();
        format!("{count} {}", outcome.label())
    });
    format!("claims: {}", counted.join(", "))
}

fn exit_code(outcomes: impl Iterator<Item = Outcome>) -> ExitCode {
    let worst = outcomes.map(|outcome| match outcome {
        Outcome::Holds => 0,
        Outcome::NotMeasurable | Outcome::Inconclusive => 1,
        Outcome::Fails => 2,
    });
    match worst.max() {
        Some(2) => ExitCode::from(code::FAILED),
        Some(1) => ExitCode::from(code::INCONCLUSIVE),
        _ => ExitCode::SUCCESS,
    }
}

fn describe(
    text: &mut String,
    experiment: &Experiment,
    claim: &Claim,
    verdict: &Verdict,
) -> Result<()> {
    let expects = &claim.expects;
    let unit = if expects.over.is_some() { Unit::Share } else { expects.figure.unit() };
    let times = if expects.over.is_some() { " times" } else { "" };
    writeln!(text, "{}: {}", verdict.outcome.label(), claim.says)?;
    writeln!(text, "    by \"{}\"", claim.source)?;
    let what = expects.figure.label();
    let of = experiment.place(&expects.of);
    let over =
        expects.over.as_ref().map(|cell| format!(" over that of {}", experiment.place(cell)));
    writeln!(text, "    {what} of {of}{}", over.unwrap_or_default())?;
    if let (Some(measured), Some(low), Some(high)) = (verdict.measured, verdict.low, verdict.high) {
        let [measured, low, high] = [measured, low, high].map(|value| unit.format(value));
        let interval = if experiment.blocks() < FEWEST_BLOCKS { "range" } else { "95 % interval" };
        write!(text, "    measured {measured}{times}, {interval} {low} to {high}")?;
        writeln!(text, "; expected {}", expects.told())?;
    }
    writeln!(text, "    {}: {}\n", experiment.name, verdict.why)?;
    Ok(())
}

/// How far the baseline of each experiment differs from itself: whether the
/// machine was to be trusted.
fn controls(text: &mut String, experiments: &[Experiment]) -> Result<()> {
    writeln!(text, "Controls: a server against itself, which should be equivalent\n")?;
    for experiment in experiments {
        writeln!(text, "{}: {}", experiment.name, experiment.effort())?;
        if experiment.controls.is_empty() {
            writeln!(text, "    no control")?;
        }
        let rows = experiment.controls.iter().map(|control| {
            [
                experiment.place(&control.of),
                control.figure.label().to_owned(),
                format!("{:.2}", control.ratio),
                format!("[{:.2}, {:.2}]", control.low, control.high),
                standing(control),
            ]
        });
        text.push_str(&console::aligned("    ", &rows.collect::<Vec<_>>()));
        text.push('\n');
    }
    Ok(())
}

fn standing(control: &Comparison) -> String {
    let word = match control.standing {
        Standing::Better | Standing::Worse => "differs from itself",
        standing => standing.label(control.figure),
    };
    match &control.why {
        Some(why) => format!("{word} ({why})"),
        None => word.to_owned(),
    }
}
