//! `lab batch MODEL`: a batch job, as one of the ways to wait for many sources.

use std::{
    net::{SocketAddr, ToSocketAddrs},
    num::{NonZeroU32, NonZeroUsize},
    process::ExitCode,
    thread,
    time::Duration,
};

use ::batch::{Job, Model, Report};
use anyhow::{Context, Result};
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use server::program::{WORKERS_MOST, count, duration, raise_descriptor_limit};

use crate::{
    console::{self, code},
    sources::{HabitArgs, Started, end_with},
};

/// Descriptors that a job needs beside its connections.
const DESCRIPTORS_BESIDE: u64 = 32;

/// Options of `lab batch`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How the job waits for its sources
    #[arg(value_name = "MODEL", value_parser = model_parser())]
    model: Model,
    /// Sources to ask
    #[arg(long, value_name = "N", default_value = "100")]
    sources: NonZeroU32,
    /// Threads of the pool, or processes with a loop each [default: available cores]
    #[arg(long, value_name = "N", value_parser = count(WORKERS_MOST))]
    workers: Option<NonZeroUsize>,
    /// Sources to ask, as `lab sources` has them [default: some of its own]
    #[arg(long, value_name = "ADDR", conflicts_with_all = ["delay", "records"])]
    server: Option<String>,
    #[command(flatten)]
    habits: HabitArgs,
    /// How long a source may take
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration)]
    timeout: Duration,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Number of the first source
    #[arg(long, value_name = "N", default_value_t = 0, hide = true)]
    first: u32,
    /// A part of that process's job
    #[arg(long, value_name = "PID", hide = true)]
    part_of: Option<i32>,
}

fn model_parser() -> impl TypedValueParser<Value = Model> {
    let values = Model::ALL.map(|model| PossibleValue::new(model.name()).help(model.summary()));
    PossibleValuesParser::new(values).map(|name| {
        Model::ALL.into_iter().find(|model| model.name() == name).unwrap_or(Model::Sequential)
    })
}

/// Does the job, and prints what came and what it took.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    end_with(args.part_of)?;
    let limit = raise_descriptor_limit();
    if let Some(message) = too_many(args, limit) {
        console::tell(format_args!("lab batch: {message}"));
        return Ok(ExitCode::from(code::ENVIRONMENT));
    }
    // Sources of its own are there until the job is done.
    let own = if args.server.is_some() { None } else { Some(Started::start(&args.habits)?) };
    let server = match (&own, &args.server) {
        (Some(own), _) => own.address,
        (None, text) => resolve(text.as_deref().unwrap_or_default())?,
    };
    let job = Job {
        server,
        sources: args.first..args.first.saturating_add(args.sources.get()),
        workers: match args.workers {
            Some(workers) => workers,
            None => thread::available_parallelism()?,
        },
        part: args.part_of.is_some(),
        timeout: args.timeout,
    };
    let report = ::batch::run(args.model, &job)
        .with_context(|| format!("{} cannot go on", args.model.name()))?;
    let text = if args.json { serde_json::to_string(&report)? + "\n" } else { text(&report) };
    console::print(&text)?;
    if let Some(first) = &report.failures.first
        && args.part_of.is_none()
    {
        let Report { sources, failures, .. } = &report;
        console::tell(format_args!(
            "lab batch: {} of {sources} sources failed, such as {first}",
            failures.count
        ));
        return Ok(ExitCode::from(code::FAILED));
    }
    Ok(ExitCode::SUCCESS)
}

/// What to say if the sources do not fit into the limit of descriptors.
fn too_many(args: &Args, limit: Option<u64>) -> Option<String> {
    let at_once = match args.model {
        Model::Sequential | Model::ThreadPool => return None,
        Model::ThreadPerSource | Model::EventLoop | Model::LoopPerProcess => args.sources.get(),
    };
    let limit = limit?;
    let room = limit.saturating_sub(DESCRIPTORS_BESIDE);
    (u64::from(at_once) > room).then(|| {
        format!(
            "{at_once} sources at once do not fit into the limit of {limit} descriptors: \
             raise it (ulimit -n) or ask at most {room}"
        )
    })
}

fn resolve(text: &str) -> Result<SocketAddr> {
    let mut addresses = text
        .to_socket_addrs()
        .with_context(|| format!("{text} is no address, such as 127.0.0.1:5556"))?;
    addresses.next().with_context(|| format!("{text} has no address"))
}

/// For a person.
fn text(report: &Report) -> String {
    let mib = |bytes: u64| format!("{}.{} MiB", bytes >> 20, (bytes >> 10) % 1024 * 10 / 1024);
    let mut rows: Vec<[String; 2]> = Vec::new();
    let mut row = |what: &str, value: String| rows.push([what.to_owned(), value]);
    row("sources", format!("{}, {} failed", report.sources, report.failures.count));
    row("records", report.aggregate.records.to_string());
    for (region, total) in &report.aggregate.totals {
        row(region, total.to_string());
    }
    row("time", format!("{:.0} ms", report.elapsed_ms));
    row("CPU", format!("{:.0} ms", report.cpu_ms));
    row("context switches", report.context_switches.to_string());
    row("threads", report.threads_peak.to_string());
    row("processes", report.processes.to_string());
    row(
        "memory",
        format!("{}, of {} reserved", mib(report.memory_bytes), mib(report.virtual_bytes)),
    );
    console::aligned("", &rows)
}
