//! `lab sit`: loads several servers in turn, a slice at a time. What `lab bench`
//! starts for what it compares; of use to whoever has servers of their own.

use std::{
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
    sync::{Arc, atomic::AtomicBool},
};

use ::load::Error;
use anyhow::{Context as _, Result};

use crate::{
    console::{self, code},
    load::{fail, interruptible, read},
};

/// Load several servers in turn, slice by slice.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The sitting as JSON: a file, or - for standard input. Its fields are those of
    /// `load::Sitting`: plans, rounds, `rounds_before` and seed
    sitting: PathBuf,
}

/// Runs the verb, which prints an array with an object for each server, and returns
/// the exit code: 0 done, 1 a server failed, 2 usage, 3 the environment cannot,
/// 4 the generator was the bottleneck.
///
/// # Errors
///
/// Only if the report cannot be written.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let sitting = match read(&args.sitting, "sitting") {
        Ok(sitting) => sitting,
        Err(why) => return Ok(fail("sit", code::USAGE, &console::causes(&why))),
    };
    let interrupt = Arc::new(AtomicBool::new(false));
    interruptible(&interrupt)?;
    let seats = match ::load::sit(&sitting, &interrupt) {
        Ok(seats) => seats,
        Err(why @ Error::Plan(_)) => return Ok(fail("sit", code::USAGE, &why.to_string())),
        Err(why) => return Ok(fail("sit", code::ENVIRONMENT, &why.to_string())),
    };
    let printed = serde_json::to_string(&seats)?;
    writeln!(io::stdout().lock(), "{printed}").context("cannot write the report")?;
    for (plan, seat) in sitting.plans.iter().zip(&seats) {
        let errors = &seat.report.errors;
        if errors.total() > 0 {
            let first = errors.first.first().map_or("", String::as_str);
            let why = format!("{}: {} errors, the first: {first}", plan.target, errors.total());
            return Ok(fail("sit", code::FAILED, &why));
        }
        if let Some(why) = &seat.report.void {
            return Ok(fail("sit", code::VOID, &format!("{}: void: {why}", plan.target)));
        }
    }
    Ok(ExitCode::SUCCESS)
}
