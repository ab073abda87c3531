//! The command `lab`: one file a verb.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod models;
mod serve;

/// Server concurrency models: run them, load them, measure them, plot them
#[derive(Parser)]
#[command(name = "lab", arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// List every model
    Models(models::Arguments),
    /// Run one server until SIGINT, SIGTERM or SIGQUIT
    Serve(serve::Arguments),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().verb {
        Verb::Models(arguments) => models::run(&arguments),
        Verb::Serve(arguments) => Ok(serve::run(&arguments)),
    };
    result.unwrap_or_else(|error| {
        eprintln!("lab: {error:#}");
        ExitCode::FAILURE
    })
}
