//! A results folder, held against `benches/`: the one that the variable
//! `RESULTS` names, or else `results/`, as long as that holds a full run. A
//! reader's own quick or unfinished run there is no fault of the sources.

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
};

use measure::Definition;
use results::{Cell, Expectation, Experiment, FEWEST_BLOCKS, Figure, Outcome, Store, Trial};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The results to be held, and what they are held against.
struct Run {
    store: Store,
    definitions: Vec<Definition>,
}

impl Run {
    fn named_or_full() -> Option<Self> {
        let definitions = Definition::read_all(&root().join("benches")).unwrap();
        assert!(definitions.len() >= 5, "{} experiments", definitions.len());
        let of = |store: Store| {
            let is_there = |definition: &Definition| {
                !definition.on_request || store.experiment(&definition.name).unwrap().is_some()
            };
            let definitions = definitions.into_iter().filter(is_there).collect();
            Self { store, definitions }
        };
        if let Some(folder) = env::var_os("RESULTS") {
            return Some(of(Store::new(folder)));
        }
        let run = of(Store::new(root().join("results")));
        let finished = run.store.environment().unwrap().is_some_and(|record| record.finished);
        let full = run.store.experiments().unwrap().iter().all(|experiment| !experiment.quick);
        if finished && full {
            return Some(run);
        }
        eprintln!("skipped: results/ holds no full run; name a folder with RESULTS");
        None
    }

    fn experiment(&self, name: &str) -> Experiment {
        self.store.experiment(name).unwrap().unwrap_or_else(|| panic!("{name} was not measured"))
    }
}

#[test]
fn every_experiment_is_there_and_complete() {
    let Some(run) = Run::named_or_full() else { return };
    let environment = run.store.environment().unwrap().expect("environment.json");
    assert!(environment.finished, "the run was interrupted");
    for definition in &run.definitions {
        let experiment = run.experiment(&definition.name);
        assert!(experiment.complete, "{}", definition.name);
        // What is measured on request is measured when it is asked for.
        let same = experiment.run == environment.started || definition.on_request;
        assert!(same, "{}: of another run", definition.name);
        let plan = definition.plan(experiment.quick, &experiment.models);
        assert_eq!(experiment.plan, plan, "{}: the plan has changed", definition.name);
    }
}

#[test]
fn every_cell_has_a_usable_trial_in_every_block() {
    let Some(run) = Run::named_or_full() else { return };
    for definition in &run.definitions {
        let experiment = run.experiment(&definition.name);
        let planned = definition.effort(experiment.quick).blocks.get();
        assert_eq!(experiment.blocks(), planned, "{}", experiment.name);
        let cell = |trial: &Trial| {
            (trial.model.clone(), trial.control, trial.variant.clone(), trial.x.to_bits())
        };
        let all: BTreeSet<_> = experiment.trials.iter().map(cell).collect();
        for model in &experiment.models {
            assert!(all.iter().any(|cell| &cell.0 == model), "{}: no {model}", experiment.name);
        }
        for block in 0..experiment.blocks() {
            let usable = |trial: &&Trial| trial.block == block && trial.void.is_none();
            let here: BTreeSet<_> = experiment.trials.iter().filter(usable).map(cell).collect();
            let lacks = &all - &here;
            // A quick run may meet a busy machine: it says so, and has most cells.
            let excused = experiment.quick && lacks.len() * 4 <= all.len();
            assert!(
                lacks.is_empty() || excused,
                "{}: block {block} lacks {lacks:?}",
                experiment.name
            );
        }
    }
}

#[test]
fn every_report_has_its_control() {
    let Some(run) = Run::named_or_full() else { return };
    for experiment in run.store.experiments().unwrap() {
        let carries = experiment.blocks() >= FEWEST_BLOCKS;
        assert_eq!(!experiment.controls.is_empty(), carries, "{}", experiment.name);
        for one in experiment.comparisons.iter().chain(&experiment.controls) {
            assert!(one.low <= one.ratio && one.ratio <= one.high, "{}: {one:?}", experiment.name);
        }
    }
}

#[test]
fn no_answer_was_wrong() {
    let Some(run) = Run::named_or_full() else { return };
    for definition in &run.definitions {
        for trial in run.experiment(&definition.name).trials {
            let errors = trial.figures.get(&Figure::Errors);
            assert!(trial.void.is_some() || errors == Some(&0.0), "{}: {trial:?}", definition.name);
        }
    }
}

#[test]
fn every_claim_was_judged() {
    let Some(run) = Run::named_or_full() else { return };
    for definition in &run.definitions {
        let experiment = run.experiment(&definition.name);
        assert_eq!(experiment.verdicts.len(), definition.claims.len(), "{}", experiment.name);
        for (claim, verdict) in experiment.claims.iter().zip(&experiment.verdicts) {
            // A quick run has fewer points, and a peer may not be installed.
            let is_missing = |cell: &Cell| !experiment.models.contains(&cell.model);
            let Expectation { of, over, .. } = &claim.expects;
            let excused =
                experiment.quick || is_missing(of) || over.as_ref().is_some_and(is_missing);
            let judged = verdict.outcome != Outcome::NotMeasurable;
            assert!(judged || excused, "{}", verdict.claim);
        }
    }
}

/// What follows from the architecture alone, on every machine.
#[test]
fn pools_serve_their_workers_and_loops_serve_all() {
    let Some(run) = Run::named_or_full() else { return };
    let starvation = run.experiment("starvation");
    let served = |model| {
        starvation.statistic(model, None, 64.0, Figure::Served).map(|s| (s.low, s.high)).unwrap()
    };
    assert_eq!(served("single-threaded"), (1.0, 1.0));
    for pool in ["thread-pool", "connection-per-event-base"] {
        assert_eq!(served(pool), (4.0, 4.0), "{pool}");
    }
    for everybody in ["thread-per-connection", "event-loop", "pooled-event-loops"] {
        assert_eq!(served(everybody), (64.0, 64.0), "{everybody}");
    }
}

#[test]
fn the_charts_are_those_of_the_results() {
    let Some(run) = Run::named_or_full() else { return };
    for experiment in run.store.experiments().unwrap() {
        for chart in &experiment.charts {
            let path = run.store.charts().join(format!("{}.svg", chart.file));
            let drawn =
                fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            let again = charts::draw(&experiment, chart).unwrap();
            assert!(drawn == again, "{}: draw again with `cargo lab plot`", path.display());
        }
    }
}

#[test]
fn what_servers_took_under_the_soak_was_flat() {
    let Some(run) = Run::named_or_full() else { return };
    let Some(soak) = run.store.soak().unwrap() else { return };
    assert!(soak.courses.len() >= 4 * 11, "{} servers", soak.courses.len());
    for course in &soak.courses {
        assert!(course.valid > 0 && course.invalid > 0, "{course:?}");
        assert_eq!(course.growing(&soak.run), None);
    }
}
