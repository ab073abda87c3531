//! `lab claims [DIR]`: every claim, held against what was measured.

use std::{fmt::Write as _, path::PathBuf, process::ExitCode};

use anyhow::Result;
use results::{Claim, Comparison, Experiment, Outcome, Store, Verdict};

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
        console::tell(format_args!(
            "no claims in {}; run `cargo lab bench` first",
            folder.display()
        ));
        return Ok(ExitCode::from(code::ENVIRONMENT));
    }
    let mut text = String::new();
    for &(experiment, claim, verdict) in &judged {
        describe(&mut text, experiment, claim, verdict)?;
    }
    controls(&mut text, &experiments)?;
    console::print(&text)?;
    console::tell(summary(&judged.iter().map(|(.., verdict)| *verdict)));
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
    writeln!(text, "{}: {}", verdict.outcome.label(), claim.says)?;
    writeln!(text, "    by \"{}\"", claim.source)?;
    writeln!(text, "    expected {}", experiment.expected(expects))?;
    if let Some(told) = verdict.told(expects) {
        writeln!(text, "    measured {told}, {}", results::ends(experiment.blocks()))?;
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
                results::ratio(control.ratio),
                results::ratios(control.low, control.high),
                standing(control),
            ]
        });
        text.push_str(&console::aligned("    ", &rows.collect::<Vec<_>>()));
        text.push('\n');
    }
    Ok(())
}

fn standing(control: &Comparison) -> String {
    let word = control.label();
    match &control.why {
        Some(why) => format!("{word} ({why})"),
        None => word.to_owned(),
    }
}
