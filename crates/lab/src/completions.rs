//! `lab completions SHELL`: tab completion for the shell.

use std::process::ExitCode;

use anyhow::Result;
use clap::CommandFactory;
use clap_complete::{Shell, generate};

use crate::console;

/// Options of `lab completions`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The shell, as in `eval "$(lab completions bash)"`
    shell: Shell,
}

/// Prints the script on standard output.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let mut script = Vec::new();
    generate(args.shell, &mut crate::Cli::command(), "lab", &mut script);
    console::print(&String::from_utf8(script)?)?;
    Ok(ExitCode::SUCCESS)
}
