//! `lab serve MODEL`: one server until a stop signal.

use std::process::ExitCode;

use clap::{
    FromArgMatches as _,
    builder::{PossibleValuesParser, TypedValueParser},
};
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

/// The names of all services.
pub(crate) fn services() -> Vec<&'static str> {
    program::service_names().collect()
}

/// Whether a server can be started with these words behind `lab serve`; if not, why.
pub(crate) fn check(words: &[String]) -> Result<(), String> {
    let command = <Args as clap::Args>::augment_args(clap::Command::new("serve"));
    let words = ["serve"].into_iter().chain(words.iter().map(String::as_str));
    let parsed = command.try_get_matches_from(words);
    let parsed = parsed.and_then(|found| Args::from_arg_matches(&found));
    // The first line says what is wrong, the others how `lab serve` is used.
    let wrong = |error: clap::Error| {
        let told = error.to_string();
        let line = told.lines().next().unwrap_or_default();
        line.strip_prefix("error: ").unwrap_or(line).to_owned()
    };
    let Args { model, options } = parsed.map_err(wrong)?;
    options.check(model)
}
