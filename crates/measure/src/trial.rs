//! One trial by itself: a server, a load, a window; or a job, from its start to its end.

use std::{
    collections::BTreeMap, net::SocketAddr, path::PathBuf, process::Command, time::Duration,
};

use results::Figure;
use serde_json::Value;

use crate::{
    Definition, Effort,
    cores::Cores,
    definition::Job,
    figures::{ServerEnd, figures},
    process::Nursery,
    schedule::Task,
    server::{self, PATIENCE, start_backend, words, workers},
};

/// How long a job may take.
const JOB_PATIENCE: Duration = Duration::from_secs(120);
/// How long a generator may take beyond its plan.
pub(crate) const OVERTIME: Duration = Duration::from_secs(15);

/// What every trial of a run shares.
#[derive(Debug)]
pub(crate) struct Bed {
    /// The program with the verbs `serve`, `load` and `sit`.
    pub(crate) lab: PathBuf,
    /// The folder of the experiments.
    pub(crate) benches: PathBuf,
    pub(crate) cores: Cores,
    /// A folder for what a trial leaves and nobody keeps.
    pub(crate) scratch: PathBuf,
    pub(crate) nursery: Nursery,
}

/// Runs a trial. What goes wrong makes it void, and is said in it.
pub(crate) fn run(
    bed: &Bed,
    definition: &Definition,
    effort: &Effort,
    task: &Task,
    interrupted: &dyn Fn() -> bool,
) -> results::Trial {
    let mut trial = empty(task);
    if let Some(job) = &definition.job {
        match run_job(bed, definition, job, task, interrupted) {
            Ok(figures) => trial.figures = figures,
            Err(why) => trial.void = Some(why),
        }
        return trial;
    }
    match measure(bed, definition, effort, task, interrupted) {
        Ok((report, end)) => {
            trial.figures =
                figures(&report, &end, server::cores(bed, definition, task).len().max(1));
            tell(&mut trial, report, &end);
        }
        Err(why) => trial.void = Some(why),
    }
    trial
}

/// A trial of which nothing is known yet.
pub(crate) fn empty(task: &Task) -> results::Trial {
    results::Trial {
        block: task.block,
        turn: task.turn,
        model: task.model.clone(),
        control: task.control,
        variant: task.variant.clone(),
        x: task.x.into(),
        sitting: None,
        void: None,
        warnings: Vec::new(),
        figures: [].into(),
        workers: Vec::new(),
        slices: None,
        histogram: None,
    }
}

/// Puts what is no figure into a trial.
pub(crate) fn tell(trial: &mut results::Trial, report: load::Report, end: &ServerEnd) {
    trial.void = void(&report);
    trial.warnings = report.warnings;
    trial.workers = end.workers();
    trial.histogram = (report.latency.samples > 0).then_some(report.histogram);
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
    let backend = start_backend(bed, definition)?;
    let port = backend.as_ref().map(|(_, port)| *port);
    let server = server::start(bed, definition, task, port, &bed.scratch)?.ready()?;
    let plan = plan(definition, effort, task, server.address, server.id());
    let plan = load::Plan { threads: threads(bed, &plan), ..plan };
    let patience = plan.connect_timeout + 3 * plan.warmup + plan.duration + plan.grace + OVERTIME;
    let json = serde_json::to_vec(&plan).map_err(|error| format!("the plan: {error}"))?;
    let said = generate(bed, &["load", "--json", "--plan", "-"], &json, patience, interrupted)?;
    let report = serde_json::from_str(&said);
    let report = report.map_err(|error| format!("the generator's report: {error}"))?;
    let end = server.end()?;
    if let Some((backend, _)) = backend {
        backend.end(PATIENCE)?;
    }
    Ok((report, end))
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
    let words = words(bed, &bed.scratch, 0, port, workers(definition, task), task.x);
    let command = &peer.start(&words)?;
    let said = bed
        .nursery
        .start("job", &bed.scratch, &bed.cores.server, command)?
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

/// What the task's server is asked.
pub(crate) fn plan(
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

/// Threads of the generator: one for each of its cores, as far as they have
/// connections to drive.
pub(crate) fn threads(bed: &Bed, plan: &load::Plan) -> usize {
    bed.cores.client.len().clamp(1, plan.connections.max(1))
}

/// Starts the generator with the words of a verb, tells it what to do, and returns
/// what it prints.
pub(crate) fn generate(
    bed: &Bed,
    verb: &[&str],
    told: &[u8],
    patience: Duration,
    interrupted: &dyn Fn() -> bool,
) -> Result<String, String> {
    let command = &mut Command::new(&bed.lab);
    let mut generator =
        bed.nursery.start("generator", &bed.scratch, &bed.cores.client, command.args(verb))?;
    generator.tell(told)?;
    generator.output(patience, interrupted)
}
