//! One trial: a server, a load, a window.

use std::{
    collections::BTreeMap,
    fs,
    net::SocketAddr,
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    time::Duration,
};

use nix::sys::signal::Signal;
use results::Figure;
use serde_json::Value;

use crate::{
    Definition, Effort, Varies,
    cores::Cores,
    definition::Job,
    figures::{ServerEnd, figures},
    peer::{Words, free_port, wait_until_listening},
    process::{End, Process},
    schedule::Task,
};

/// How long a server may take to listen, and to end beyond its drain.
const PATIENCE: Duration = Duration::from_secs(10);
/// The drain that servers are given: nothing is wanted of them any more.
const DRAIN: &str = "500ms";
/// How long a job may take.
const JOB_PATIENCE: Duration = Duration::from_secs(120);
/// How long a generator may take beyond its plan.
const OVERTIME: Duration = Duration::from_secs(15);

/// What every trial of a run shares.
#[derive(Debug)]
pub(crate) struct Bed {
    /// The program with the verbs `serve` and `load`.
    pub(crate) lab: PathBuf,
    /// The folder of the experiments.
    pub(crate) benches: PathBuf,
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
        control: task.control,
        variant: task.variant.clone(),
        x: task.x.into(),
        void: None,
        warnings: Vec::new(),
        figures: [].into(),
        workers: Vec::new(),
    };
    if let Some(job) = &definition.job {
        match run_job(bed, definition, job, task, interrupted) {
            Ok(figures) => trial.figures = figures,
            Err(why) => trial.void = Some(why),
        }
        return Measured { trial, histogram: None };
    }
    match measure(bed, definition, effort, task, interrupted) {
        Ok((report, end)) => {
            trial.figures = figures(&report, &end, bed.cores.server.len().max(1));
            trial.void = void(&report);
            trial.warnings = report.warnings;
            trial.workers = end.workers();
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
) -> Result<(load::Report, ServerEnd), String> {
    let left = bed.scratch.join("server.json");
    // A server that leaves no report must not be credited with the last one's.
    let _ = fs::remove_file(&left);
    let backend = start_backend(bed, definition)?;
    let port = backend.as_ref().map(|(_, port)| *port);
    let (server, address) = start(bed, definition, task, port, &left)?;
    let plan = plan(definition, effort, task, address, server.id());
    let report = generate(bed, &plan, interrupted)?;
    let End { status, context_switches } = server.end(PATIENCE)?;
    if let Some((backend, _)) = backend {
        backend.end(PATIENCE)?;
    }
    // Ours end in order. Of others, some let the signal end them.
    let is_peer = definition.peer(&task.model).is_some();
    let in_order = status.success() || (is_peer && was_asked_to_end(status));
    if !in_order {
        return Err(format!("the server ended with {status}"));
    }
    let said = fs::read(&left).ok().and_then(|text| serde_json::from_slice(&text).ok());
    Ok((report, ServerEnd { context_switches, said }))
}

/// Runs a program to its end, and reads its figures in what it prints.
fn run_job(
    bed: &Bed,
    definition: &Definition,
    job: &Job,
    task: &Task,
    interrupted: &dyn Fn() -> bool,
) -> Result<BTreeMap<Figure, f64>, String> {
    let peer = definition.peer(&task.model).ok_or("only peers can be jobs")?;
    let backend = start_backend(bed, definition)?;
    let port = backend.as_ref().map(|(_, port)| *port);
    let words = words(bed, 0, port, workers(definition, task), task.x);
    let command = &mut peer.start(&words)?;
    let said = Process::start("job", &bed.scratch, &bed.cores.server, command)?
        .result(JOB_PATIENCE, interrupted)?;
    if let Some((backend, _)) = backend {
        backend.end(PATIENCE)?;
    }
    let said: Value = serde_json::from_str(&said)
        .map_err(|error| format!("the job printed something else than JSON: {error}"))?;
    let read = |(&figure, place): (&Figure, &String)| {
        let value = said.pointer(&format!("/{place}")).and_then(Value::as_f64);
        Ok((figure, value.ok_or_else(|| format!("the job printed no number at `{place}`"))?))
    };
    job.reads.iter().map(read).collect()
}

/// Starts the server behind those measured, if there is one, and waits until it
/// listens; returns its port, too. What it costs is not the measured one's: it
/// shares the generator's cores.
fn start_backend(bed: &Bed, definition: &Definition) -> Result<Option<(Process, u16)>, String> {
    let Some(backend) = &definition.backend else { return Ok(None) };
    let port = free_port()?;
    let words = words(bed, port, None, definition.server.workers, 0);
    let process =
        Process::start("backend", &bed.scratch, &bed.cores.client, &mut backend.start(&words))?;
    wait_until_listening(port, PATIENCE).map_err(|why| format!("the backend: {why}"))?;
    Ok(Some((process, port)))
}

fn words(bed: &Bed, port: u16, backend: Option<u16>, workers: u32, x: u32) -> Words<'_> {
    let Bed { lab, benches, scratch, .. } = bed;
    Words { lab, benches, scratch, port, backend, workers, x }
}

/// Starts the task's server, and waits until it listens.
fn start(
    bed: &Bed,
    definition: &Definition,
    task: &Task,
    backend: Option<u16>,
    left: &Path,
) -> Result<(Process, SocketAddr), String> {
    let start =
        |command: &mut Command| Process::start("server", &bed.scratch, &bed.cores.server, command);
    let workers = workers(definition, task);
    if let Some(peer) = definition.peer(&task.model) {
        let port = free_port()?;
        let server = start(&mut peer.start(&words(bed, port, backend, workers, task.x))?)?;
        return Ok((server, wait_until_listening(port, PATIENCE)?));
    }
    let variant = definition.variants.iter().find(|v| Some(&v.name) == task.variant.as_ref());
    let service = variant.and_then(|v| v.service.as_ref()).unwrap_or(&definition.server.service);
    let mut server = start(
        Command::new(&bed.lab)
            .args(["serve", &task.model, "--listen", "127.0.0.1:0", "--drain", DRAIN])
            .args(["--service", service, "--workers", &workers.to_string(), "--report"])
            .arg(left)
            .args(definition.options(variant)),
    )?;
    let line = server.first_line(PATIENCE)?;
    let address = line
        .strip_prefix("listening on ")
        .and_then(|address| address.parse().ok())
        .ok_or_else(|| format!("the server said {line:?}, not where it listens"))?;
    Ok((server, address))
}

fn workers(definition: &Definition, task: &Task) -> u32 {
    let server = &definition.server;
    match definition.x.varies {
        Varies::Workers => task.x,
        _ => *server.workers_of.get(&task.model).unwrap_or(&server.workers),
    }
}

/// Whether the signal that asked it to end is what ended it; a shell's way to
/// say so included.
fn was_asked_to_end(status: ExitStatus) -> bool {
    let asked = Signal::SIGTERM as i32;
    status.signal() == Some(asked) || status.code() == Some(128 + asked)
}

fn plan(
    definition: &Definition,
    effort: &Effort,
    task: &Task,
    target: SocketAddr,
    server: u32,
) -> load::Plan {
    let variant = definition.variants.iter().find(|v| Some(&v.name) == task.variant.as_ref());
    let asked = definition.load(variant);
    let asked = match definition.peer(&task.model) {
        Some(peer) => peer.load.over(&asked),
        None => asked,
    };
    let mut plan = load::Plan {
        // Each block another plan, the same for all models of the block.
        seed: u64::from(task.block) + 1,
        warmup: effort.warmup,
        duration: effort.duration,
        watch: Some(server),
        ..load::Plan::new(target)
    };
    asked.fill(&mut plan, definition.x.varies, task.x);
    plan
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
    let patience = plan.connect_timeout + 3 * plan.warmup + plan.duration + plan.grace + OVERTIME;
    let text = generator.output(patience, interrupted)?;
    serde_json::from_str(&text).map_err(|error| format!("the generator's report: {error}"))
}
