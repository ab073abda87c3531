//! One sitting: all servers of a table are started, loaded in turn, and stopped.

use std::time::Duration;

use results::Trial;

use crate::{
    Definition, Effort,
    figures::{ServerEnd, seated},
    schedule::{Task, Unit},
    server::{self, PATIENCE, Server, start_backend},
    trial::{Bed, OVERTIME, empty, generate, plan, tell, threads},
};

/// How long a slice waits for its last answers, as a multiple of its length. Long:
/// what is answered later is done while others are loaded. Who is never answered is
/// waited for once.
const GRACE: u32 = 5;

/// Share of the CPU time of its own slices that a server may use in those of others
/// before it is remarked upon.
const OUTSIDE: f64 = 0.02;

/// Runs a sitting: a trial for each of its tasks, in their order. What goes wrong
/// with one server makes its trial void; what goes wrong with all, all of them.
pub(crate) fn run(
    bed: &Bed,
    definition: &Definition,
    effort: &Effort,
    unit: &Unit,
    interrupted: &dyn Fn() -> bool,
) -> Vec<Trial> {
    let mut trials: Vec<Trial> = unit.tasks.iter().map(empty).collect();
    match sit(bed, definition, effort, unit, interrupted) {
        Ok(done) => {
            for ((trial, task), (seat, end)) in trials.iter_mut().zip(&unit.tasks).zip(done) {
                let cores = server::cores(bed, definition, task).len().max(1);
                trial.sitting = unit.sitting;
                match end {
                    Ok(end) => fill(trial, seat, &end, cores),
                    Err(why) => trial.void = Some(why),
                }
            }
        }
        Err(why) => trials.iter_mut().for_each(|trial| trial.void = Some(why.clone())),
    }
    trials
}

type Done = Vec<(load::Seat, Result<ServerEnd, String>)>;

fn sit(
    bed: &Bed,
    definition: &Definition,
    effort: &Effort,
    unit: &Unit,
    interrupted: &dyn Fn() -> bool,
) -> Result<Done, String> {
    let backend = start_backend(bed, definition)?;
    let port = backend.as_ref().map(|(_, port)| *port);
    let mut servers = start_all(bed, definition, &unit.tasks, port)?;
    let sitting = plan_of(bed, definition, effort, unit, &servers);
    let json = serde_json::to_vec(&sitting).map_err(|error| format!("the sitting: {error}"))?;
    let said = generate(bed, &["sit", "-"], &json, longest(&sitting), interrupted)?;
    let seats: Vec<load::Seat> =
        serde_json::from_str(&said).map_err(|error| format!("the generator's report: {error}"))?;
    servers.iter_mut().for_each(Server::ask_to_end);
    let done = seats.into_iter().zip(servers).map(|(seat, server)| (seat, server.end()));
    let done = done.collect();
    if let Some((backend, _)) = backend {
        backend.end(PATIENCE)?;
    }
    Ok(done)
}

/// Starts all at the same time, each with a folder of its own, and waits until they listen.
fn start_all(
    bed: &Bed,
    definition: &Definition,
    tasks: &[Task],
    backend: Option<u16>,
) -> Result<Vec<Server>, String> {
    let named = |task: &Task, why: String| format!("{}: {why}", task.model);
    let starting: Vec<_> = tasks
        .iter()
        .enumerate()
        .map(|(seat, task)| {
            let folder = bed.scratch.join(format!("seat-{seat}"));
            let starting = server::start(bed, definition, task, backend, &folder);
            Ok((task, starting.map_err(|why| named(task, why))?))
        })
        .collect::<Result<_, String>>()?;
    let ready =
        |(task, one): (&Task, server::Starting)| one.ready().map_err(|why| named(task, why));
    starting.into_iter().map(ready).collect()
}

fn plan_of(
    bed: &Bed,
    definition: &Definition,
    effort: &Effort,
    unit: &Unit,
    servers: &[Server],
) -> load::Sitting {
    let mut plans: Vec<load::Plan> = unit
        .tasks
        .iter()
        .zip(servers)
        .map(|(task, server)| {
            let plan = plan(definition, effort, task, server.address, server.id());
            load::Plan { grace: plan.duration * GRACE, ..plan }
        })
        .collect();
    let together = plans.iter().map(|plan| threads(bed, plan)).min().unwrap_or(1);
    for plan in &mut plans {
        plan.threads = together;
    }
    let rounds = effort.rounds.map_or(1, std::num::NonZeroU32::get);
    let block = unit.tasks.first().map_or(0, |task| task.block);
    load::Sitting { plans, rounds, rounds_before: block * rounds, seed: 1 }
}

/// The longest that a sitting may take.
fn longest(sitting: &load::Sitting) -> Duration {
    let each = |plan: &load::Plan| {
        let slice = plan.warmup + plan.duration.mul_f64(1.1);
        2 * (plan.connect_timeout + plan.grace) + 2 * slice * sitting.rounds
    };
    sitting.plans.iter().map(each).sum::<Duration>() + OVERTIME
}

fn fill(trial: &mut Trial, seat: load::Seat, end: &ServerEnd, cores: usize) {
    let load::Seat { report, slices, outside_cpu_seconds } = seat;
    let column = |of: fn(&load::Slice) -> u64| slices.iter().map(of).collect();
    #[expect(clippy::cast_precision_loss, reason = "bytes and answers stay far below 2^53")]
    let bytes_per_answer =
        (report.bytes_in + report.bytes_out) as f64 / report.answered_total.max(1) as f64;
    let columns = results::Slices {
        answered: column(|slice| slice.answered),
        server_cpu_ns: column(|slice| slice.server_cpu_ns),
        client_cpu_ns: column(|slice| slice.client_cpu_ns),
        length_ns: column(|slice| slice.length_ns),
        ramp_answered: column(|slice| slice.ramp_answered),
        ramp_cpu_ns: column(|slice| slice.ramp_cpu_ns),
        bytes_per_answer,
    };
    let inside = slices.iter().map(|slice| slice.server_cpu_ns + slice.ramp_cpu_ns).sum::<u64>();
    let inside = Duration::from_nanos(inside).as_secs_f64();
    trial.slices = Some(columns);
    trial.figures = seated(trial, &report, end, inside, cores);
    tell(trial, report, end);
    if let Some(outside) = outside_cpu_seconds.filter(|&outside| outside > OUTSIDE * inside) {
        trial.warnings.push(format!(
            "{OUTSIDE_OF} {:.1} ms of CPU, {:.0} % of what it used in its own",
            outside * 1e3,
            outside / inside * 100.0
        ));
    }
}

/// How the warning begins that a server used CPU while others were loaded.
pub(crate) const OUTSIDE_OF: &str = "in the slices of others it used";
