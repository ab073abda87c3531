//! A run of experiments: block after block, written as it goes.

use std::{
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::{Duration, Instant},
};

use results::{Environment, Experiment, LeftOut, Store};

use crate::{
    Definition, Effort, Error, Limits,
    cores::Cores,
    environment,
    forecast::{Forecast, planned},
    histograms,
    preflight::preflight,
    priority::Preferred,
    process::Nursery,
    record::{begin, conclude, is_missing, renew},
    schedule::{Task, Unit, schedule},
    sitting::{self, OUTSIDE_OF},
    trial::{self, Bed},
};

/// Attempts at a trial, or a sitting, before a cell goes without in this block.
const ATTEMPTS: usize = 3;

/// A run of experiments.
#[derive(Debug)]
pub struct Bench<'a> {
    /// The program with the verbs `serve` and `load`.
    pub lab: PathBuf,
    /// The folder of the experiments.
    pub benches: PathBuf,
    /// The experiments, in order.
    pub definitions: Vec<Definition>,
    /// Every model that there is to measure.
    pub models: Vec<String>,
    /// The results folder.
    pub store: Store,
    /// Where servers and the generator run.
    pub cores: Cores,
    /// Fewer points, fewer rounds.
    pub quick: bool,
    /// Set to end the run after the current trial, which is not kept.
    pub interrupted: &'a AtomicBool,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// Everything was measured.
    Complete {
        /// Cells that have no usable trial in some block.
        void: usize,
    },
    /// It was interrupted; the next run goes on.
    Interrupted,
}

/// What happens in a run, for whoever watches.
#[derive(Debug)]
pub enum Event<'a> {
    /// The run begins.
    Begin {
        /// The machine, with what speaks against it.
        environment: &'a Environment,
        /// What bounds the number of connections, and to how many.
        limit: (u64, &'static str),
        /// Trials kept from an interrupted run.
        kept: usize,
        /// How long the run will take.
        estimate: Duration,
    },
    /// An experiment begins.
    Experiment(&'a Definition),
    /// Something that the reader of the results must know.
    Remark(&'a str),
    /// A trial or a sitting begins.
    Trial {
        /// What is measured.
        label: String,
        /// Share of the run that is done, 0 … 1.
        done: f64,
        /// How long the rest of the run will take.
        left: Duration,
    },
    /// It has ended; something in it void, with the reason, or not.
    Done(Option<&'a str>),
}

/// An experiment and where it stands.
struct Job<'d> {
    definition: &'d Definition,
    effort: &'d Effort,
    experiment: Experiment,
    /// The values of the sweep that the machine allows, and the most connections.
    values: Vec<u32>,
    most: u64,
}

impl Bench<'_> {
    /// Runs every block that is not yet in the results folder, or all of them
    /// if the last run was finished.
    ///
    /// # Errors
    ///
    /// Fails if results cannot be read or written, or if nothing can be measured; not
    /// if a trial fails.
    pub fn run(&self, watch: &mut dyn FnMut(Event)) -> Result<Finish, Error> {
        let cores = self.cores.clone();
        let _preferred = Preferred::session();
        let limits = Limits::look_up();
        let mut environment = self.environment(&cores, &limits)?;
        let scratch = self.store.folder().join("scratch.tmp");
        std::fs::create_dir_all(&scratch)
            .and_then(|()| scratch.canonicalize())
            .map_err(Error::system(format!("make {}", scratch.display())))
            .and_then(|scratch| {
                let nursery =
                    Nursery::open(&self.lab).map_err(Error::system("start the keeper"))?;
                let (lab, benches) = (self.lab.clone(), self.benches.clone());
                let bed = Bed { lab, benches, cores, scratch, nursery };
                let finish = self.all(&bed, &mut environment, &limits, watch);
                // It holds the reports of servers, which have been read.
                let _ = std::fs::remove_dir_all(&bed.scratch);
                finish
            })
    }

    fn all(
        &self,
        bed: &Bed,
        environment: &mut Environment,
        limits: &Limits,
        watch: &mut dyn FnMut(Event),
    ) -> Result<Finish, Error> {
        let (mut jobs, mut idle) = (Vec::new(), Vec::new());
        for definition in &self.definitions {
            let job = self.job(definition, bed, environment, limits)?;
            if job.units(0).is_empty() {
                idle.push((definition, self.why_nothing(&job)));
            } else {
                jobs.push(job);
            }
        }
        if jobs.is_empty() {
            let told = idle.into_iter().map(|(one, why)| format!("{}: {why}", one.name));
            return Err(Error::Nothing(told.collect::<Vec<_>>().join("; ")));
        }
        preflight(environment, limits, &bed.cores);
        self.store.write_environment(environment)?;
        let mut forecast = Forecast::default();
        for job in &jobs {
            let missing = (0..job.effort.blocks.get()).flat_map(|block| job.units(block));
            let missing = missing.filter(|unit| !job.has(unit));
            missing.for_each(|unit| {
                forecast.plan(planned(&unit, job.effort, job.definition.x.varies));
            });
        }
        watch(Event::Begin {
            environment,
            limit: limits.connections(),
            kept: jobs.iter().map(|job| job.experiment.trials.len()).sum(),
            estimate: forecast.left(),
        });
        for (definition, why) in idle {
            watch(Event::Experiment(definition));
            watch(Event::Remark(&format!("nothing of it is measured: {why}")));
        }
        let mut void = 0;
        for job in jobs {
            match self.experiment(bed, job, &mut forecast, watch)? {
                Finish::Complete { void: here } => void += here,
                Finish::Interrupted => return Ok(Finish::Interrupted),
            }
        }
        environment.finished = self.is_complete(environment)?;
        self.store.write_environment(environment)?;
        Ok(Finish::Complete { void })
    }

    /// Whether nothing of the run is left, also not of what was asked for
    /// before it was interrupted.
    fn is_complete(&self, environment: &Environment) -> Result<bool, Error> {
        let experiments = results::Error::or_outdated(self.store.experiments())?;
        Ok(experiments.iter().filter(|one| one.run == environment.started).all(|one| one.complete))
    }

    /// The record of an unfinished run that this one can go on with, or a new one.
    fn environment(&self, cores: &Cores, limits: &Limits) -> Result<Environment, Error> {
        let new = environment::record(&self.lab, cores, limits);
        let same = |old: &Environment| {
            let Environment { started, remarks, speed, finished, .. } = old.clone();
            !finished && *old == Environment { started, remarks, speed, finished, ..new.clone() }
        };
        let old = results::Error::or_outdated(self.store.environment())?;
        Ok(old.filter(same).unwrap_or(new))
    }

    /// Where an experiment stands: at its beginning, or where it was interrupted.
    fn job<'d>(
        &self,
        definition: &'d Definition,
        bed: &Bed,
        environment: &Environment,
        limits: &Limits,
    ) -> Result<Job<'d>, Error> {
        let effort = definition.effort(self.quick);
        let (values, remark) = limits.fit(definition, &effort.values, bed.cores.server.len());
        let (most, _) = limits.connections();
        let mut experiment = begin(definition, &self.models, self.quick, bed, environment);
        experiment.remarks.extend(remark);
        let old = results::Error::or_outdated(self.store.experiment(&definition.name))?;
        if let Some(old) = old
            && (&old.run, &old.plan) == (&experiment.run, &experiment.plan)
        {
            experiment.remarks = old.remarks;
            experiment.trials = old.trials;
            experiment.spent_seconds = old.spent_seconds;
            experiment.complete = old.complete;
        }
        Ok(Job { definition, effort, experiment, values, most })
    }

    /// What has left nothing of an experiment to measure.
    fn why_nothing(&self, job: &Job) -> String {
        let Job { definition, experiment, values, .. } = job;
        if values.is_empty() {
            return experiment.remarks.join("; ");
        }
        let asked = |out: &&LeftOut| {
            self.models.contains(&out.model) || definition.peer(&out.model).is_some()
        };
        let out = experiment.left_out.iter().filter(asked);
        let out: Vec<String> =
            out.map(|out| format!("without {}{}: {}", out.model, out.place(), out.why)).collect();
        if out.is_empty() {
            return format!("it measures none of {}", self.models.join(", "));
        }
        out.join("; ")
    }

    /// Measures every unit that is missing.
    fn experiment(
        &self,
        bed: &Bed,
        mut job: Job,
        forecast: &mut Forecast,
        watch: &mut dyn FnMut(Event),
    ) -> Result<Finish, Error> {
        let Job { definition, effort, .. } = job;
        watch(Event::Experiment(definition));
        let missing = job.experiment.left_out.iter().filter(|out| is_missing(definition, out));
        let missing: Vec<String> =
            missing.map(|out| format!("without {}: {}", out.model, out.why)).collect();
        for remark in job.experiment.remarks.iter().chain(&missing) {
            watch(Event::Remark(remark));
        }
        let units = (0..effort.blocks.get()).flat_map(|block| job.units(block));
        let missing: Vec<Unit> = units.filter(|unit| !job.has(unit)).collect();
        for unit in missing {
            let began = Instant::now();
            let (done, left) = forecast.look();
            watch(Event::Trial { label: label(definition, &unit), done, left });
            let why = self.measure(bed, &mut job, &unit);
            if self.interrupted.load(Relaxed) {
                return Ok(Finish::Interrupted);
            }
            watch(Event::Done(why.as_deref()));
            job.experiment.spent_seconds += began.elapsed().as_secs_f64();
            forecast.tick(planned(&unit, effort, definition.x.varies));
            self.store.write_experiment(&job.experiment)?;
        }
        job.experiment.complete = true;
        conclude(&mut job.experiment);
        self.store.write_experiment(&job.experiment)?;
        histograms::write(&self.store, &job.experiment)?;
        Ok(Finish::Complete { void: job.experiment.void_cells().len() })
    }

    /// Measures a unit, again if something in it is void, and keeps what was tried.
    /// Returns why the last attempt is void, if it is.
    fn measure(&self, bed: &Bed, job: &mut Job, unit: &Unit) -> Option<String> {
        let Job { definition, effort, experiment, .. } = job;
        let interrupted = || self.interrupted.load(Relaxed);
        for attempt in 1..=ATTEMPTS {
            let mut trials = match unit.sitting {
                Some(_) => sitting::run(bed, definition, effort, unit, &interrupted),
                None => unit
                    .tasks
                    .iter()
                    .map(|task| trial::run(bed, definition, effort, task, &interrupted))
                    .collect(),
            };
            if interrupted() {
                return None;
            }
            let void = |trial: &results::Trial| {
                trial.void.as_ref().map(|why| format!("{}: {why}", trial.model))
            };
            let why = trials.iter().find_map(void);
            if why.is_some() && attempt < ATTEMPTS {
                // The others will be measured again, beside it.
                trials.retain(|trial| trial.void.is_some());
            }
            remark(experiment, &trials);
            experiment.trials.append(&mut trials);
            if why.is_none() || attempt == ATTEMPTS {
                return why;
            }
        }
        None
    }

    /// Judges what was measured by what the experiment files say now: their
    /// words, claims and charts, and this program's statistics. Measures
    /// nothing. Experiments whose trials would be others today are left as they
    /// are, and named.
    ///
    /// # Errors
    ///
    /// Fails if results cannot be read or written.
    pub fn judge(&self) -> Result<Vec<String>, Error> {
        let mut stale = Vec::new();
        for definition in &self.definitions {
            let Some(mut experiment) = self.store.experiment(&definition.name)? else { continue };
            if renew(&mut experiment, definition) {
                self.store.write_experiment(&experiment)?;
            } else {
                stale.push(definition.name.clone());
            }
        }
        Ok(stale)
    }
}

impl Job<'_> {
    /// The units of a block, in order.
    fn units(&self, block: u32) -> Vec<Unit> {
        let Self { definition, effort, values, most, .. } = self;
        schedule(definition, effort, &self.experiment.models, values, *most, block)
    }

    /// Whether a unit is there, whole: what is compared must have run together.
    fn has(&self, unit: &Unit) -> bool {
        let is_of = |trial: &results::Trial, task: &Task| {
            let turn = (trial.block, trial.turn, trial.control);
            turn == (task.block, task.turn, task.control) && trial.model == task.model
        };
        let trials = &self.experiment.trials;
        unit.tasks.iter().all(|task| trials.iter().any(|trial| is_of(trial, task)))
    }
}

/// Says once of each server that it worked while others were loaded.
fn remark(experiment: &mut Experiment, trials: &[results::Trial]) {
    for trial in trials {
        let Some(why) = trial.warnings.iter().find(|one| one.starts_with(OUTSIDE_OF)) else {
            continue;
        };
        let name = format!("{} at {} {}: ", trial.model, trial.x, experiment.x.label);
        if !experiment.remarks.iter().any(|remark| remark.starts_with(&name)) {
            experiment.remarks.push(format!("{name}{why}"));
        }
    }
}

fn label(definition: &Definition, unit: &Unit) -> String {
    let [task, others @ ..] = &unit.tasks[..] else { return definition.name.clone() };
    let Task { model, x, .. } = task;
    let place = format!("{x} {}", definition.x.label);
    if unit.sitting.is_some() {
        let servers = others.len() + 1;
        return format!("{}: {servers} servers in turn, {place}", definition.name);
    }
    let variant = task.variant.iter().fold(String::new(), |_, name| format!(", {name}"));
    let control = if task.control { " (control)" } else { "" };
    format!("{}: {model}{control}{variant}, {place}", definition.name)
}
