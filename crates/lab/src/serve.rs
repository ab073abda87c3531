//! `lab serve MODEL`: one server until a stop signal.

use std::process::ExitCode;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use server::{Model, program};

use crate::models::ALL;

/// Options of `lab serve`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Model to serve with; `lab models` tells what each is
    #[arg(value_name = "MODEL", value_parser = model_parser())]
    model: &'static Model,
    #[command(flatten)]
    options: program::Options,
}

fn model_parser() -> impl TypedValueParser<Value = &'static Model> {
    PossibleValuesParser::new(ALL.map(|model| model.name))
        .map(|name| ALL.into_iter().find(|model| model.name == name).unwrap_or(ALL[0]))
}

/// Serves until a stop signal.
pub(crate) fn run(args: &Args) -> ExitCode {
    program::run(args.model, &args.options)
}
