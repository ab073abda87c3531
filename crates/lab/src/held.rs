//! `lab held` and `lab keeper`: what `lab bench` starts so that nothing outlives it. Of
//! no use to anybody else, and not in the help.

use std::{ffi::OsString, io, process::ExitCode};

use anyhow::{Result, bail};
use measure::Hold;

/// Options of `lab held`.
#[derive(clap::Args, Clone)]
pub(crate) struct Args {
    /// Die with this process
    #[arg(long, value_name = "PID")]
    parent: u32,
    /// Tell this process of the group
    #[arg(long, value_name = "PID")]
    keeper: u32,
    /// Run on these cores
    #[arg(long, value_name = "LIST")]
    cores: Option<String>,
    /// The program, and its words
    #[arg(required = true, last = true)]
    command: Vec<OsString>,
}

/// Becomes the command.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let Args { parent, keeper, cores, command } = args.clone();
    let why = measure::hold(&Hold { parent, keeper, cores }, &command);
    bail!("cannot run {}: {why}", command[0].display())
}

/// Waits for the end of whoever has started it, and kills what that has left.
pub(crate) fn keep() -> ExitCode {
    measure::keep(io::stdin().lock());
    ExitCode::SUCCESS
}
