//! `lab compare DIR DIR`: two results folders, held against each other.

mod differences;
mod text;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, Result, ensure};
use measure::{Across, across};
use results::{Environment, Experiment, Standing, Store};
use serde_json::{Value, json};

use self::differences::{Differences, environments};
use crate::console::{self, code};

/// Tells in what two runs differ: machines, plans, and every figure compared in both.
///
/// The first folder is what was before, the second what is after. Two runs are
/// not interleaved, so a ratio of their values holds whatever the machine did
/// meanwhile. Verdicts are therefore taken from the ratio of two ratios, each
/// over the baseline of its own run. Exits 0 if nothing is worse and all is
/// decided, 1 if something is worse, 5 if something stays open, 3 if there is
/// nothing to compare.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Results folder of the first run, or its name
    #[arg(value_name = "BEFORE")]
    before: PathBuf,
    /// Results folder of the second run
    #[arg(value_name = "AFTER")]
    after: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// A results folder, read.
struct Run {
    environment: Option<Environment>,
    experiments: Vec<Experiment>,
}

/// Both runs of one experiment, with what is common.
struct Pair<'a> {
    after: &'a Experiment,
    /// Whether the two were measured by one plan.
    same_plan: bool,
    cells: Vec<Across>,
}

/// Compares, and prints differences, then figures.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    for folder in [&args.before, &args.after] {
        if !folder.is_dir() {
            console::tell(format_args!("lab compare: {} is not a folder", folder.display()));
            return Ok(ExitCode::from(code::USAGE));
        }
    }
    let (before, after) = match (read(&args.before), read(&args.after)) {
        (Ok(before), Ok(after)) => (before, after),
        (Err(error), _) | (_, Err(error)) => {
            console::tell(format_args!("lab compare: {error:#}"));
            return Ok(ExitCode::from(code::ENVIRONMENT));
        }
    };
    let pairs = pairs(&before, &after);
    let differences = Differences {
        environments: environments(before.environment.as_ref(), after.environment.as_ref())?,
        only_before: missing(&before, &after),
        only_after: missing(&after, &before),
    };
    if args.json {
        let text = serde_json::to_string_pretty(&as_json(&differences, &pairs))?;
        console::print(&(text + "\n"))?;
    } else {
        console::print(&text::report((&args.before, &args.after), &differences, &pairs))?;
    }
    let cells: Vec<&Across> = pairs.iter().flat_map(|pair| &pair.cells).collect();
    if cells.is_empty() {
        console::tell("the two runs have no cell in common");
        return Ok(ExitCode::from(code::ENVIRONMENT));
    }
    console::tell(text::summary(&cells));
    Ok(ExitCode::from(exit_code(&cells)))
}

fn read(folder: &Path) -> Result<Run> {
    let store = Store::new(folder);
    let experiments = store.experiments()?;
    ensure!(
        !experiments.is_empty(),
        "no results in {}; run `cargo lab bench --out {}` first",
        folder.display(),
        folder.display()
    );
    let environment = store.environment().context("cannot tell the machine")?;
    Ok(Run { environment, experiments })
}

fn pairs<'a>(before: &Run, after: &'a Run) -> Vec<Pair<'a>> {
    let pair = |after: &'a Experiment| {
        let before = before.experiments.iter().find(|e| e.name == after.name)?;
        let same_plan = before.plan == after.plan;
        Some(Pair { after, same_plan, cells: across(before, after) })
    };
    after.experiments.iter().filter_map(pair).collect()
}

/// The experiments of one run that the other does not have.
fn missing(of: &Run, other: &Run) -> Vec<String> {
    let is_known = |name: &String| other.experiments.iter().any(|e| e.name == *name);
    of.experiments.iter().map(|e| e.name.clone()).filter(|name| !is_known(name)).collect()
}

/// Whether a change is told that is not the machine's.
fn is_worse(cell: &Across) -> bool {
    cell.standing == Standing::Worse && cell.cancels_the_machine()
}

fn is_open(cell: &Across) -> bool {
    match cell.standing {
        Standing::Equivalent => false,
        Standing::Better | Standing::Worse => !cell.cancels_the_machine(),
        Standing::Inconclusive | Standing::Unlike => true,
    }
}

fn exit_code(cells: &[&Across]) -> u8 {
    if cells.iter().any(|cell| is_worse(cell)) {
        code::FAILED
    } else if cells.iter().any(|cell| is_open(cell)) {
        code::INCONCLUSIVE
    } else {
        0
    }
}

fn as_json(differences: &Differences, pairs: &[Pair<'_>]) -> Value {
    let experiments = pairs.iter().map(|pair| {
        json!({
            "name": pair.after.name,
            "same_plan": pair.same_plan,
            "equivalent": pair.after.compare.equivalent,
            "cells": pair.cells,
        })
    });
    let environments: Vec<Value> = differences
        .environments
        .iter()
        .map(|one| json!({ "field": one.field, "before": one.before, "after": one.after }))
        .collect();
    json!({
        "environment": environments,
        "only_before": differences.only_before,
        "only_after": differences.only_after,
        "experiments": experiments.collect::<Vec<_>>(),
    })
}
