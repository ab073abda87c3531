//! A run of experiments: what is left to do, trial by trial, written as it goes.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::{Duration, Instant},
};

use results::{Environment, Experiment, SCHEMA, Store, Trial};

use crate::{
    Definition, Effort, Error, Limits,
    claims::judge,
    cores::Cores,
    environment,
    histograms::Log,
    schedule::{Task, schedule},
    statistics::statistics,
    trial::{self, Bed},
};

/// Time of a trial beside its warm-up and window: two processes, the
/// handshakes, the grace. For the estimate only.
const BESIDE: Duration = Duration::from_millis(350);
/// Attempts at a trial before its cell goes without in this block.
const ATTEMPTS: usize = 3;

/// A run of experiments.
#[derive(Debug)]
pub struct Bench<'a> {
    /// The program with the verbs `serve` and `load`.
    pub lab: PathBuf,
    /// The experiments, in order.
    pub definitions: Vec<Definition>,
    /// Every model that there is to measure.
    pub models: Vec<String>,
    /// The results folder.
    pub store: Store,
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
        /// The machine.
        environment: &'a Environment,
        /// What bounds the number of connections, and to how many.
        limit: (u64, &'static str),
        /// Trials still to be run, and those kept from an interrupted run.
        trials: (usize, usize),
        /// How long they will take.
        estimate: Duration,
    },
    /// An experiment begins, with a number of trials left.
    Experiment(&'a Definition, usize),
    /// Something that the reader of the results must know.
    Remark(&'a str),
    /// A trial begins.
    Trial {
        /// What is measured: model, variant, x and its label.
        label: String,
        /// How long the rest of the run will take.
        left: Duration,
    },
    /// The trial has ended; void, with the reason, or not.
    Done(Option<&'a str>),
}

/// An experiment and what is left of it.
struct Job<'d> {
    definition: &'d Definition,
    experiment: Experiment,
    tasks: Vec<Task>,
}

impl Bench<'_> {
    /// Runs every trial that is not yet in the results folder, or all of them
    /// if the last run was finished.
    ///
    /// # Errors
    ///
    /// Fails if results cannot be read or written, not if a trial fails.
    pub fn run(&self, watch: &mut dyn FnMut(Event)) -> Result<Finish, Error> {
        let cores = Cores::divide().map_err(Error::system("divide the cores"))?;
        let limits = Limits::look_up();
        let mut environment = self.environment(&cores, &limits)?;
        let jobs = self.jobs(&environment, &limits)?;
        let scratch = self.store.folder().join("scratch.tmp");
        std::fs::create_dir_all(&scratch)
            .map_err(Error::system(format!("make {}", scratch.display())))?;
        self.store.write_environment(&environment)?;

        let kept = jobs.iter().map(|job| job.experiment.trials.len()).sum();
        let mut clock = Clock::new(jobs.iter().flat_map(|job| {
            let effort = job.definition.effort(self.quick);
            job.tasks.iter().map(move |_| effort.warmup + effort.duration + BESIDE)
        }));
        watch(Event::Begin {
            environment: &environment,
            limit: limits.connections(),
            trials: (clock.planned.len(), kept),
            estimate: clock.left(),
        });
        let bed = Bed { lab: self.lab.clone(), cores, scratch };
        let finish = self.all(&bed, jobs, &mut clock, watch);
        // It holds the reports of servers, which have been read.
        let _ = std::fs::remove_dir_all(&bed.scratch);
        let finish = finish?;
        if finish == Finish::Interrupted {
            return Ok(finish);
        }
        environment.finished = self.is_complete(&environment)?;
        self.store.write_environment(&environment)?;
        Ok(finish)
    }

    /// Whether nothing of the run is left, also not of what was asked for
    /// before it was interrupted.
    fn is_complete(&self, environment: &Environment) -> Result<bool, Error> {
        let experiments = self.store.experiments()?;
        Ok(experiments.iter().filter(|one| one.run == environment.started).all(|one| one.complete))
    }

    fn all(
        &self,
        bed: &Bed,
        jobs: Vec<Job>,
        clock: &mut Clock,
        watch: &mut dyn FnMut(Event),
    ) -> Result<Finish, Error> {
        let mut void = 0;
        for job in jobs {
            match self.experiment(bed, job, clock, watch)? {
                Finish::Complete { void: here } => void += here,
                Finish::Interrupted => return Ok(Finish::Interrupted),
            }
        }
        Ok(Finish::Complete { void })
    }

    /// The record of an unfinished run that this one can go on with, or a new one.
    fn environment(&self, cores: &Cores, limits: &Limits) -> Result<Environment, Error> {
        let new = environment::record(&self.lab, cores, limits);
        let same = |old: &Environment| {
            let Environment { started, finished, .. } = old;
            let renamed =
                Environment { started: started.clone(), finished: *finished, ..new.clone() };
            !finished && *old == renamed
        };
        Ok(self.store.environment()?.filter(same).unwrap_or(new))
    }

    fn jobs(&self, environment: &Environment, limits: &Limits) -> Result<Vec<Job<'_>>, Error> {
        self.definitions
            .iter()
            .map(|definition| {
                let models = definition.models(&self.models);
                let effort = definition.effort(self.quick);
                let (values, remark) = limits.fit(definition, &effort.values);
                let mut experiment = self.blank(definition, &models, environment);
                experiment.remarks.extend(remark);
                let mut tasks = schedule(definition, &models, &values, effort.blocks.get());
                if let Some(old) = self.store.experiment(&definition.name)?
                    && (&old.run, &old.plan_hash) == (&experiment.run, &experiment.plan_hash)
                {
                    // Whole blocks only: what is compared must have run together.
                    let is_left = |task: &Task| !old.trials.iter().any(|trial| is_of(trial, task));
                    let open: BTreeSet<u32> =
                        tasks.iter().filter(|task| is_left(task)).map(|task| task.block).collect();
                    let of_open =
                        |remark: &String| open.iter().any(|&b| remark.starts_with(&void_in(b)));
                    experiment.remarks = old.remarks;
                    experiment.remarks.retain(|remark| !of_open(remark));
                    experiment.trials = old.trials;
                    experiment.trials.retain(|trial| !open.contains(&trial.block));
                    tasks.retain(|task| open.contains(&task.block));
                }
                Ok(Job { definition, experiment, tasks })
            })
            .collect()
    }

    fn blank(&self, definition: &Definition, models: &[String], run: &Environment) -> Experiment {
        Experiment {
            schema: SCHEMA,
            name: definition.name.clone(),
            title: definition.title.clone(),
            question: definition.question.clone(),
            plan_hash: definition.hash(self.quick, models),
            run: run.started.clone(),
            quick: self.quick,
            complete: false,
            x: definition.axis(),
            models: models.to_vec(),
            variants: definition.variants.iter().map(|variant| variant.name.clone()).collect(),
            left_out: definition.left_out.clone(),
            charts: definition.charts.clone(),
            claims: definition.claims.clone(),
            verdicts: Vec::new(),
            statistics: Vec::new(),
            remarks: Vec::new(),
            trials: Vec::new(),
        }
    }

    fn experiment(
        &self,
        bed: &Bed,
        job: Job,
        clock: &mut Clock,
        watch: &mut dyn FnMut(Event),
    ) -> Result<Finish, Error> {
        let Job { definition, mut experiment, tasks } = job;
        watch(Event::Experiment(definition, tasks.len()));
        for remark in &experiment.remarks {
            watch(Event::Remark(remark));
        }
        let effort = definition.effort(self.quick);
        let mut log = Log::open(&self.store, &definition.name, experiment.trials.len());
        let mut void = 0;
        for task in &tasks {
            watch(Event::Trial { label: label(definition, task), left: clock.left() });
            let why = self.trial(bed, definition, effort, task, &mut experiment, &mut log);
            if self.interrupted.load(Relaxed) {
                log.write()?;
                return Ok(Finish::Interrupted);
            }
            watch(Event::Done(why.as_deref()));
            if let Some(why) = why {
                void += 1;
                let cell = label(definition, task);
                experiment.remarks.push(format!("{} {cell}: {why}", void_in(task.block)));
            }
            clock.tick();
            self.write(&mut experiment)?;
        }
        experiment.complete = true;
        self.write(&mut experiment)?;
        log.write()?;
        Ok(Finish::Complete { void })
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

    fn write(&self, experiment: &mut Experiment) -> Result<(), Error> {
        experiment.statistics = statistics(&experiment.trials);
        experiment.verdicts = judge(&experiment.claims, &experiment.trials);
        Ok(self.store.write_experiment(experiment)?)
    }
}

fn is_of(trial: &Trial, task: &Task) -> bool {
    trial.block == task.block
        && trial.model == task.model
        && trial.variant == task.variant
        && trial.x.total_cmp(&f64::from(task.x)).is_eq()
}

/// How the remark on a void cell begins.
fn void_in(block: u32) -> String {
    format!("void in block {block}:")
}

fn label(definition: &Definition, task: &Task) -> String {
    let variant = task.variant.iter().fold(String::new(), |_, name| format!(", {name}"));
    format!("{}: {}{variant}, {} {}", definition.name, task.model, task.x, definition.x.label)
}

/// Tells how long the rest will take: by the plan, scaled by how the plan has
/// fared so far.
struct Clock {
    planned: Vec<Duration>,
    done: usize,
    began: Instant,
}

impl Clock {
    fn new(planned: impl Iterator<Item = Duration>) -> Self {
        Self { planned: planned.collect(), done: 0, began: Instant::now() }
    }

    fn tick(&mut self) {
        self.done += 1;
    }

    fn left(&self) -> Duration {
        let (done, left) = self.planned.split_at(self.done.min(self.planned.len()));
        let left: Duration = left.iter().sum();
        match done.iter().sum::<Duration>() {
            Duration::ZERO => left,
            done => left.mul_f64(self.began.elapsed().div_duration_f64(done)),
        }
    }
}
