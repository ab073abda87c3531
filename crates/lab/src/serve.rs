//! `lab serve MODEL`: one server until a stop signal.

use std::process::ExitCode;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use server::{Model, program};

use crate::models::{ALL, YARDSTICKS};

/// Options of `lab serve`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Model (or yardstick) to serve with; `lab models` tells what each is
    #[arg(value_name = "MODEL", value_parser = model_parser())]
    model: &'static Model,
    #[command(flatten)]
    options: program::Options,
}

fn model_parser() -> impl TypedValueParser<Value = &'static Model> {
    let all = || ALL.into_iter().chain(YARDSTICKS);
    PossibleValuesParser::new(all().map(|model| model.name))
        .map(move |name| all().find(|model| model.name == name).unwrap_or(ALL[0]))
}

/// Serves until a stop signal.
pub(crate) fn run(args: &Args) -> ExitCode {
    program::run(args.model, &args.options)
}
