//! One trial: a server, a load, a window.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use crate::{
    Definition, Effort, Varies,
    cores::Cores,
    figures::{ServerReport, figures},
    process::Process,
    schedule::Task,
};

/// How long a server may take to listen, and to end beyond its drain.
const PATIENCE: Duration = Duration::from_secs(10);
/// The drain that servers are given: nothing is wanted of them any more.
const DRAIN: &str = "500ms";
/// How long a generator may take beyond its plan.
const OVERTIME: Duration = Duration::from_secs(15);

/// What every trial of a run shares.
#[derive(Debug)]
pub(crate) struct Bed {
    /// The program with the verbs `serve` and `load`.
    pub(crate) lab: PathBuf,
    pub(crate) cores: Cores,
    /// A folder for what a trial leaves and nobody keeps.
    pub(crate) scratch: PathBuf,
}

/// What a trial came to.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) trial: results::Trial,
    /// The latencies of the trial, as the generator encodes them.
    pub(crate) histogram: Option<String>,
}

/// Runs a trial. What goes wrong makes it void, and is said in it.
pub(crate) fn run(
    bed: &Bed,
    definition: &Definition,
    effort: &Effort,
    task: &Task,
    interrupted: &dyn Fn() -> bool,
) -> Measured {
    let mut trial = results::Trial {
        block: task.block,
        turn: task.turn,
        model: task.model.clone(),
        variant: task.variant.clone(),
        x: task.x.into(),
        void: None,
        warnings: Vec::new(),
        figures: [].into(),
    };
    match measure(bed, definition, effort, task, interrupted) {
        Ok((report, server)) => {
            trial.figures = figures(&report, &server);
            trial.void = void(&report);
            trial.warnings = report.warnings;
            Measured { trial, histogram: Some(report.histogram) }
        }
        Err(why) => {
            trial.void = Some(why);
            Measured { trial, histogram: None }
        }
    }
}

/// Why the figures of a report must not be used, if so. A server that answers
/// wrongly, or loses clients, may be fast: it is not measured at all.
fn void(report: &load::Report) -> Option<String> {
    let errors = &report.errors;
    let wrong = || format!("{} errors, the first: {}", errors.total(), errors.first.join("; "));
    report.void.clone().or_else(|| (errors.total() > 0).then(wrong))
}

fn measure(
    bed: &Bed,
    definition: &Definition,
    effort: &Effort,
    task: &Task,
    interrupted: &dyn Fn() -> bool,
) -> Result<(load::Report, ServerReport), String> {
    let left = bed.scratch.join("server.json");
    // A server that leaves no report must not be credited with the last one's.
    let _ = fs::remove_file(&left);
    let mut server = Process::start(
        "server",
        &bed.scratch,
        &bed.cores.server,
        Command::new(&bed.lab).args(server_arguments(definition, task)).arg("--report").arg(&left),
    )?;
    let line = server.first_line(PATIENCE)?;
    let address = line
        .strip_prefix("listening on ")
        .and_then(|address| address.parse().ok())
        .ok_or_else(|| format!("the server said {line:?}, not where it listens"))?;

    let plan = plan(definition, effort, task, address, server.id());
    let report = generate(bed, &plan, interrupted)?;
    let end = server.end(PATIENCE)?;
    if !end.status.success() {
        return Err(format!("the server ended with {}", end.status));
    }
    Ok((report, ServerReport { context_switches: end.context_switches, requests: requests(&left) }))
}

fn server_arguments(definition: &Definition, task: &Task) -> Vec<String> {
    let server = &definition.server;
    let workers = match definition.x.varies {
        Varies::Workers => task.x,
        Varies::Connections => *server.workers_of.get(&task.model).unwrap_or(&server.workers),
    };
    ["serve", &task.model, "--listen", "127.0.0.1:0", "--drain", DRAIN]
        .into_iter()
        .map(str::to_owned)
        .chain(["--service".to_owned(), server.service.clone()])
        .chain(["--workers".to_owned(), workers.to_string()])
        .collect()
}

fn plan(
    definition: &Definition,
    effort: &Effort,
    task: &Task,
    target: SocketAddr,
    server: u32,
) -> load::Plan {
    let variant = definition.variants.iter().find(|v| Some(&v.name) == task.variant.as_ref());
    let swept = usize::try_from(task.x).unwrap_or(usize::MAX);
    load::Plan {
        connections: definition.load.connections.unwrap_or(swept),
        connect_timeout: definition.load.connect_timeout,
        requests: variant.map_or(&definition.load.requests, |v| &v.requests).clone(),
        mode: definition.load.mode,
        // Each block another plan, the same for all models of the block.
        seed: u64::from(task.block) + 1,
        warmup: effort.warmup,
        duration: effort.duration,
        watch: Some(server),
        watch_memory: definition.load.memory,
        ..load::Plan::new(target)
    }
}

fn generate(
    bed: &Bed,
    plan: &load::Plan,
    interrupted: &dyn Fn() -> bool,
) -> Result<load::Report, String> {
    let json = serde_json::to_vec(plan).map_err(|error| format!("the plan: {error}"))?;
    let mut generator = Process::start(
        "generator",
        &bed.scratch,
        &bed.cores.client,
        Command::new(&bed.lab).args(["load", "--json", "--plan", "-"]),
    )?;
    generator.tell(&json)?;
    let patience = plan.connect_timeout + plan.warmup + plan.duration + plan.grace + OVERTIME;
    let text = generator.output(patience, interrupted)?;
    serde_json::from_str(&text).map_err(|error| format!("the generator's report: {error}"))
}

/// The requests that the server says to have answered in all, if it says so.
fn requests(path: &Path) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    serde_json::from_str::<serde_json::Value>(&text).ok()?.get("requests")?.as_u64()
}
