//! `lab proxy MODEL`: a TCP proxy until a stop signal.

use std::process::ExitCode;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use proxy::{ALL, Model, program};

/// Options of `lab proxy`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Model to serve with
    #[arg(value_name = "MODEL", value_parser = model_parser())]
    model: &'static Model,
    #[command(flatten)]
    options: program::Options,
}

fn model_parser() -> impl TypedValueParser<Value = &'static Model> {
    let card = |model: &Model| PossibleValue::new(model.name).help(model.summary);
    PossibleValuesParser::new(ALL.map(card))
        .map(|name| ALL.into_iter().find(|model| model.name == name).unwrap_or(ALL[0]))
}

/// Passes connections on until a stop signal.
pub(crate) fn run(args: &Args) -> ExitCode {
    program::run(args.model, &args.options)
}
