//! `lab plot`: charts and a README from results.

use std::{
    io::{Write as _, stdout},
    path::PathBuf,
    process::ExitCode,
    time::Instant,
};

use anyhow::Context as _;
use results::Store;

use crate::{console, workspace};

/// Draws the charts of a results folder, and the README that shows them.
///
/// Runs no server and measures nothing: it reads the JSON files of DIR and writes
/// DIR/charts/*.svg and DIR/README.md. Charts that no experiment names are removed.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder of the results [default: results/ of the workspace]
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Draws, and prints each file written.
///
/// # Errors
///
/// Fails if a results file is of another version or a file cannot be written.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let start = Instant::now();
    let dir = workspace::results(args.dir.as_deref())?;
    let written = charts::draw_all(&Store::new(&dir))
        .with_context(|| format!("cannot draw the results in {}", dir.display()))?;
    if written.is_empty() {
        console::tell(format_args!("no results in {}; run `cargo lab bench` first", dir.display()));
        return Ok(ExitCode::from(console::code::ENVIRONMENT));
    }
    let mut out = stdout().lock();
    for path in &written {
        writeln!(out, "{}", path.display())?;
    }
    console::tell(format_args!("{} files in {} ms", written.len(), start.elapsed().as_millis()));
    Ok(ExitCode::SUCCESS)
}
