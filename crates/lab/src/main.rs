//! The command `lab`: one file a verb.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod batch;
mod bench;
mod claims;
mod compare;
mod completions;
mod console;
mod load;
mod models;
mod plot;
mod proxy;
mod serve;
mod sit;
mod sources;
mod workspace;

/// Server concurrency models: run them, load them, measure them, plot them
#[derive(Parser)]
#[command(name = "lab", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// List every model
    Models(models::Args),
    /// Run one server until SIGINT, SIGTERM or SIGQUIT
    Serve(serve::Args),
    /// Pass connections on to a server until SIGINT, SIGTERM or SIGQUIT
    Proxy(proxy::Args),
    /// Drive any server, ours or not
    Load(Box<load::Args>),
    /// Load several servers in turn, a slice at a time
    Sit(sit::Args),
    /// Fetch records from many slow sources and add them up
    Batch(batch::Args),
    /// Simulate those slow sources, until SIGINT, SIGTERM or SIGQUIT
    Sources(sources::Args),
    /// Measure the experiments of benches/, and draw their charts
    Bench(bench::Args),
    /// Draw charts from results
    Plot(plot::Args),
    /// Hold every claim against what was measured
    Claims(claims::Args),
    /// Hold two results folders against each other
    Compare(compare::Args),
    /// Print tab completions for a shell
    Completions(completions::Args),
}

fn main() -> ExitCode {
    let result = match Cli::parse().verb {
        Verb::Models(args) => models::run(&args),
        Verb::Serve(args) => Ok(serve::run(&args)),
        Verb::Proxy(args) => Ok(proxy::run(&args)),
        Verb::Load(args) => load::run(&args),
        Verb::Sit(args) => sit::run(&args),
        Verb::Batch(args) => batch::run(&args),
        Verb::Sources(args) => sources::run(&args),
        Verb::Bench(args) => bench::run(&args),
        Verb::Plot(args) => plot::run(&args),
        Verb::Claims(args) => claims::run(&args),
        Verb::Compare(args) => compare::run(&args),
        Verb::Completions(args) => completions::run(&args),
    };
    result.unwrap_or_else(|error| {
        console::tell(format_args!("lab: {error:#}"));
        ExitCode::from(console::code::FAILED)
    })
}
