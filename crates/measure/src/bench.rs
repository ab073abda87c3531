//! A run of experiments: block after block, written as it goes.

use std::{
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::{Duration, Instant},
};

use results::{Ended, Environment, Experiment, Store, Trial, VOID_CELL};

use crate::{
    Definition, Effort, Error, Limits,
    cores::Cores,
    environment,
    forecast::Forecast,
    histograms::Log,
    preflight::preflight,
    record::{begin, conclude, ended, is_missing, renew},
    schedule::{Task, schedule},
    trial::{self, Bed},
};

/// Attempts at a trial before its cell goes without in this block.
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
    /// Fewer points, one short block.
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
        /// How long the run will take, and at most if intervals stay wide.
        estimate: (Duration, Duration),
    },
    /// An experiment begins.
    Experiment(&'a Definition),
    /// Something that the reader of the results must know.
    Remark(&'a str),
    /// A trial begins.
    Trial {
        /// What is measured: model, variant, x and its label.
        label: String,
        /// Share of the run that is done, 0 … 1.
        done: f64,
        /// How long the rest of the run will take.
        left: Duration,
    },
    /// The trial has ended; void, with the reason, or not.
    Done(Option<&'a str>),
}

/// An experiment and where it stands.
struct Job<'d> {
    definition: &'d Definition,
    experiment: Experiment,
    /// The values of the sweep that the machine allows.
    values: Vec<u32>,
}

impl Bench<'_> {
    /// Runs every block that is not yet in the results folder, or all of them
    /// if the last run was finished.
    ///
    /// # Errors
    ///
    /// Fails if results cannot be read or written, not if a trial fails.
    pub fn run(&self, watch: &mut dyn FnMut(Event)) -> Result<Finish, Error> {
        let cores = self.cores.clone();
        let limits = Limits::look_up();
        let mut environment = self.environment(&cores, &limits)?;
        let scratch = self.store.folder().join("scratch.tmp");
        std::fs::create_dir_all(&scratch)
            .and_then(|()| scratch.canonicalize())
            .map_err(Error::system(format!("make {}", scratch.display())))
            .and_then(|scratch| {
                let bed =
                    Bed { lab: self.lab.clone(), benches: self.benches.clone(), cores, scratch };
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
        preflight(environment, limits, &bed.cores);
        let mut jobs = Vec::new();
        for definition in &self.definitions {
            jobs.push(self.job(definition, bed, environment, limits)?);
        }
        self.store.write_environment(environment)?;
        let mut forecast = Forecast::default();
        for job in &jobs {
            let block = job.tasks(0).len();
            forecast.plan(job.definition.effort(self.quick), block, job.experiment.blocks());
        }
        watch(Event::Begin {
            environment,
            limit: limits.connections(),
            kept: jobs.iter().map(|job| job.experiment.trials.len()).sum(),
            estimate: forecast.range(),
        });
        let mut void = 0;
        for (number, job) in jobs.into_iter().enumerate() {
            forecast.begin(number);
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
        let (values, remark) = limits.fit(definition, &effort.values);
        let mut experiment = begin(definition, &self.models, self.quick, bed, environment);
        experiment.remarks.extend(remark);
        let old = results::Error::or_outdated(self.store.experiment(&definition.name))?;
        if let Some(old) = old
            && (&old.run, &old.plan_hash) == (&experiment.run, &experiment.plan_hash)
        {
            let blocks = old.blocks();
            experiment.remarks = old.remarks;
            experiment.trials = old.trials;
            experiment.spent_seconds = old.spent_seconds;
            experiment.ended = old.ended;
            let job = Job { definition, experiment, values };
            // Whole blocks only: what is compared must have run together.
            let whole = (0..blocks)
                .take_while(|&block| job.tasks(block).iter().all(|task| job.has(task)))
                .count();
            return Ok(job.keep(u32::try_from(whole).unwrap_or(0)));
        }
        Ok(Job { definition, experiment, values })
    }

    /// Measures block after block until there are enough.
    fn experiment(
        &self,
        bed: &Bed,
        mut job: Job,
        forecast: &mut Forecast,
        watch: &mut dyn FnMut(Event),
    ) -> Result<Finish, Error> {
        let definition = job.definition;
        watch(Event::Experiment(definition));
        let missing = job.experiment.left_out.iter().filter(|out| is_missing(definition, out));
        let missing: Vec<String> =
            missing.map(|out| format!("without {}: {}", out.model, out.why)).collect();
        for remark in job.experiment.remarks.iter().chain(&missing) {
            watch(Event::Remark(remark));
        }
        let effort = definition.effort(self.quick);
        let mut log = Log::open(&self.store, &definition.name, job.experiment.trials.len());
        conclude(&mut job.experiment);
        while job.experiment.ended == Ended::Not {
            let block = job.experiment.blocks();
            let spent = job.experiment.spent_seconds;
            let began = Instant::now();
            for task in job.tasks(block) {
                let (done, left) = forecast.look();
                watch(Event::Trial { label: label(definition, &task), done, left });
                let why = self.trial(bed, definition, effort, &task, &mut job.experiment, &mut log);
                if self.interrupted.load(Relaxed) {
                    log.write()?;
                    return Ok(Finish::Interrupted);
                }
                watch(Event::Done(why.as_deref()));
                if let Some(why) = why {
                    let remark = format!("{} {}: {why}", void_in(block), label(definition, &task));
                    job.experiment.remarks.push(remark);
                }
                job.experiment.spent_seconds = spent + began.elapsed().as_secs_f64();
                forecast.tick();
                self.store.write_experiment(&job.experiment)?;
            }
            conclude(&mut job.experiment);
            job.experiment.ended = ended(&job.experiment, effort);
            self.store.write_experiment(&job.experiment)?;
        }
        job.experiment.complete = true;
        self.store.write_experiment(&job.experiment)?;
        log.write()?;
        Ok(Finish::Complete { void: void_cells(&job.experiment) })
    }

    /// Runs a trial, again if it is void, and keeps every attempt. Returns why
    /// the last one is void, if it is.
    fn trial(
        &self,
        bed: &Bed,
        definition: &Definition,
        effort: &Effort,
        task: &Task,
        experiment: &mut Experiment,
        log: &mut Log,
    ) -> Option<String> {
        let mut why = None;
        for _ in 0..ATTEMPTS {
            let interrupted = || self.interrupted.load(Relaxed);
            let measured = trial::run(bed, definition, effort, task, &interrupted);
            if interrupted() {
                return None;
            }
            let trial = measured.trial;
            why.clone_from(&trial.void);
            if let (None, Some(histogram)) = (&why, measured.histogram) {
                log.add(&trial, experiment.trials.len(), effort.duration, histogram);
            }
            experiment.trials.push(trial);
            if why.is_none() {
                break;
            }
        }
        why
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
    /// The trials of a block, in order.
    fn tasks(&self, block: u32) -> Vec<Task> {
        schedule(self.definition, &self.experiment.models, &self.values, block)
    }

    fn has(&self, task: &Task) -> bool {
        self.experiment.trials.iter().any(|trial| is_of(trial, task))
    }

    /// Keeps the first `whole` blocks, and what was said of them.
    fn keep(mut self, whole: u32) -> Self {
        let experiment = &mut self.experiment;
        if experiment.blocks() > whole {
            experiment.ended = Ended::Not;
        }
        for block in whole..experiment.blocks() {
            experiment.remarks.retain(|remark| !remark.starts_with(&void_in(block)));
        }
        experiment.trials.retain(|trial| trial.block < whole);
        self
    }
}

/// Cells that have no usable trial in some block.
fn void_cells(experiment: &Experiment) -> usize {
    experiment.remarks.iter().filter(|remark| remark.starts_with(VOID_CELL)).count()
}

fn is_of(trial: &Trial, task: &Task) -> bool {
    trial.block == task.block
        && trial.model == task.model
        && trial.control == task.control
        && trial.variant == task.variant
        && trial.x.total_cmp(&f64::from(task.x)).is_eq()
}

/// How the remark on a void cell of one block begins.
fn void_in(block: u32) -> String {
    format!("{VOID_CELL}{block}:")
}

fn label(definition: &Definition, task: &Task) -> String {
    let variant = task.variant.iter().fold(String::new(), |_, name| format!(", {name}"));
    let control = if task.control { " (control)" } else { "" };
    let Task { model, x, .. } = task;
    format!("{}: {model}{control}{variant}, {x} {}", definition.name, definition.x.label)
}
