//! Everyone against the baseline, and the baseline against itself, within blocks.

use std::collections::BTreeSet;

use results::{Cell, Compare, Comparison, Experiment, Judge, Measured, Trial};

/// Controls and comparisons of an experiment.
pub(crate) fn compare(
    experiment: &Experiment,
    measured: &Measured,
) -> (Vec<Comparison>, Vec<Comparison>) {
    let Experiment { compare: plan, models, trials, .. } = experiment;
    let judge = Judge { experiment, measured };
    let (mut controls, mut comparisons) = (Vec::new(), Vec::new());
    for (variant, x) in places(plan, trials) {
        let cell = |model: &str| Cell { model: model.to_owned(), variant: variant.clone(), x };
        let here: BTreeSet<&str> =
            trials.iter().filter(|t| t.cell() == cell(&t.model)).map(|t| &*t.model).collect();
        let Some(baseline) = baseline(plan, models, |model| here.contains(model)) else { continue };
        let others = models.iter().filter(|&model| model != baseline);
        for &figure in &plan.figures {
            let baseline = cell(baseline);
            controls.extend(judge.control(&baseline, figure));
            for other in others.clone().filter(|model| here.contains(model.as_str())) {
                comparisons.extend(judge.comparison(&cell(other), &baseline, figure));
            }
        }
    }
    (controls, comparisons)
}

/// Who the others are compared with, where only some are measured.
pub(crate) fn baseline<'m>(
    plan: &Compare,
    models: &'m [String],
    is_here: impl Fn(&str) -> bool,
) -> Option<&'m String> {
    let here = || models.iter().filter(|model| is_here(model));
    here().find(|model| **model == plan.baseline).or_else(|| here().next())
}

/// The variants and values of x at which there is something to compare.
fn places(plan: &Compare, trials: &[Trial]) -> Vec<(Option<String>, f64)> {
    let places: BTreeSet<(Option<String>, u64)> = trials
        .iter()
        .filter(|trial| plan.is_at(trial.x))
        .map(|trial| (trial.variant.clone(), trial.x.to_bits()))
        .collect();
    places.into_iter().map(|(variant, x)| (variant, f64::from_bits(x))).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use rand::{RngExt as _, SeedableRng as _};
    use rand_chacha::ChaCha8Rng;
    use results::{FEWEST_BLOCKS, Figure, Standing};

    use super::*;

    const FIGURE: Figure = Figure::RequestsPerServerCpuSecond;

    pub(crate) fn trial(block: u32, model: &str, value: f64) -> Trial {
        Trial {
            block,
            turn: 0,
            model: model.to_owned(),
            control: false,
            variant: None,
            x: 64.0,
            sitting: None,
            void: None,
            warnings: Vec::new(),
            figures: [(FIGURE, value), (Figure::Served, 64.0)].into(),
            workers: Vec::new(),
            slices: None,
            histogram: None,
        }
    }

    pub(crate) fn control_trial(block: u32, model: &str, value: f64) -> Trial {
        Trial { control: true, ..trial(block, model, value) }
    }

    /// An experiment of `a` and `b` with these trials.
    pub(crate) fn experiment(trials: Vec<Trial>) -> Experiment {
        let empty = serde_json::json!({
            "schema": results::SCHEMA, "name": "n", "title": "t", "question": "q", "plan": {},
            "run": "r", "quick": false, "complete": true, "x": { "label": "connections" },
            "models": ["a", "b"], "compare": { "baseline": "a", "figures": [FIGURE] },
            "charts": [], "claims": [], "verdicts": [], "controls": [], "comparisons": [],
            "spent_seconds": 1.0, "statistics": [], "trials": [],
        });
        Experiment { trials, ..serde_json::from_value(empty).unwrap() }
    }

    fn compared(trials: Vec<Trial>) -> (Vec<Comparison>, Vec<Comparison>) {
        let experiment = experiment(trials);
        compare(&experiment, &Measured::of(&experiment))
    }

    fn of(trials: Vec<Trial>) -> (Comparison, Comparison) {
        let (mut controls, mut comparisons) = compared(trials);
        assert_eq!((controls.len(), comparisons.len()), (1, 1));
        (controls.remove(0), comparisons.remove(0))
    }

    #[test]
    fn ratios_are_taken_within_blocks() {
        // The machine gets faster all the time: the ratio does not see it.
        let block = |n: i32| {
            let (speed, block) = (1.5_f64.powi(n), n.unsigned_abs());
            [
                trial(block, "a", 2.0 * speed),
                trial(block, "b", 3.0 * speed),
                control_trial(block, "a", 2.0 * speed),
            ]
        };
        let (control, comparison) = of((0..6).flat_map(block).collect());
        assert_eq!(control.standing, Standing::Equivalent);
        assert!((comparison.low - 1.5).abs() < 1e-9 && (comparison.high - 1.5).abs() < 1e-9);
        assert_eq!(comparison.standing, Standing::Better);
    }

    #[test]
    fn few_blocks_and_unlike_work_carry_no_verdict() {
        let blocks = |count| (0..count).flat_map(|n| [trial(n, "a", 2.0), trial(n, "b", 3.0)]);
        let (_, few) = compared(blocks(2).collect());
        assert_eq!(few[0].standing, Standing::Inconclusive);
        assert_eq!(compared(blocks(3).collect()).1[0].standing, Standing::Better);

        let mut starved: Vec<Trial> = blocks(6).collect();
        for trial in starved.iter_mut().filter(|trial| trial.model == "b") {
            trial.figures.insert(Figure::Served, 4.0);
        }
        let (_, unlike) = compared(starved);
        assert_eq!(unlike[0].standing, Standing::Unlike);
        assert!(unlike[0].why.as_ref().unwrap().contains("served 4, the other 64"));
    }

    #[test]
    fn what_lies_below_the_floor_counts_as_the_floor() {
        let block = |n: u32| {
            let wild = if n.is_multiple_of(2) { 0.2 } else { 4.0 };
            [trial(n, "a", wild), trial(n, "b", 1.0), control_trial(n, "a", 0.5)]
        };
        let with = |floor: Option<f64>, b: f64| {
            let mut seen = experiment((0..6).flat_map(block).collect());
            seen.compare.floors.extend(floor.map(|floor| (FIGURE, floor)));
            let theirs = seen.trials.iter_mut().filter(|trial| trial.model == "b");
            theirs.for_each(|trial| _ = trial.figures.insert(FIGURE, b));
            compare(&seen, &Measured::of(&seen)).1[0].standing
        };
        assert_eq!(with(None, 1.0), Standing::Inconclusive);
        assert_eq!(with(Some(5.0), 1.0), Standing::Equivalent);
        assert_eq!(with(Some(5.0), 800.0), Standing::Better);
    }

    #[test]
    fn nothing_is_told_before_the_plan_is_done() {
        let block = |n| [trial(n, "a", 2.0), trial(n, "b", 3.0)];
        let mut early = experiment((0..6).flat_map(block).collect());
        early.complete = false;
        let (_, comparisons) = compare(&early, &Measured::of(&early));
        assert_eq!(comparisons[0].standing, Standing::Inconclusive);
        assert!(comparisons[0].why.as_ref().unwrap().contains("go on"));
    }

    /// Trials of `a`, of `a` again where there is a control, and of `b`, which cost
    /// alike but for `cost`; each with luck that scatters by `luck`.
    fn simulated(blocks: u32, cost: f64, luck: f64, control: bool, seed: u64) -> Vec<Trial> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut drawn = || {
            let normal: f64 = (0..12).map(|_| random.random::<f64>()).sum::<f64>() - 6.0;
            (luck * normal).exp()
        };
        let mut block = |n| {
            let both = [trial(n, "a", drawn()), trial(n, "b", drawn() / cost)];
            both.into_iter().chain(control.then(|| control_trial(n, "a", drawn())))
        };
        (0..blocks).flat_map(|n| block(n).collect::<Vec<_>>()).collect()
    }

    fn verdict(mut experiment: Experiment, edge: f64, complete: bool) -> Standing {
        (experiment.compare.equivalent, experiment.complete) = (edge, complete);
        compare(&experiment, &Measured::of(&experiment)).1[0].standing
    }

    /// A reader looks after every block, and stops at the first difference. The two
    /// servers are the same, and the luck of their starts is great.
    #[test]
    fn who_looks_early_is_told_nothing_before_the_plan_is_complete() {
        const BLOCKS: u32 = 12;
        const REPORTS: u64 = 400;
        let is_alarm = |has_rule: bool, seed: &u64| {
            (FEWEST_BLOCKS..=BLOCKS).any(|blocks| {
                let seen = experiment(simulated(blocks, 1.0, 0.05, false, *seed));
                let told = verdict(seen, 0.01, !has_rule || blocks == BLOCKS);
                matches!(told, Standing::Better | Standing::Worse)
            })
        };
        let alarms = |has_rule| (0..REPORTS).filter(|seed| is_alarm(has_rule, seed)).count();
        let (with, without) = (alarms(true), alarms(false));
        assert!(with <= 20, "{with} of {REPORTS}");
        assert!(without > 20, "{without} of {REPORTS} without the rule");
    }

    /// The control has an interval too, and a cost must lie beyond the whole of it.
    /// The luck is that of starts and of 30 slices.
    #[test]
    fn beside_a_control_a_small_cost_needs_twice_as_many_blocks() {
        let told = |blocks| {
            let is_told = |seed: &u64| {
                let trials = simulated(blocks, 1.03, 0.0107, true, *seed);
                verdict(experiment(trials), 0.01, true) == Standing::Worse
            };
            (0..400).filter(is_told).count()
        };
        let (eight, sixteen) = (told(8), told(16));
        assert!(eight < 280, "{eight} of 400 with 8 blocks");
        assert!(sixteen >= 380, "{sixteen} of 400 with 16 blocks");
    }

    #[test]
    fn a_control_that_differs_refutes_what_differs_less() {
        let beside = |b: f64| {
            let block = |n| [trial(n, "a", 2.0), trial(n, "b", b), control_trial(n, "a", 2.4)];
            of((0..6).flat_map(block).collect())
        };
        let (control, comparison) = beside(2.2);
        assert_eq!(control.standing, Standing::Better);
        assert_eq!(comparison.standing, Standing::Inconclusive);
        assert!(comparison.why.unwrap().contains("control"));
        // Half as much again is more than the fifth that the control strayed.
        assert_eq!(beside(3.0).1.standing, Standing::Better);
    }

    /// Right on average, and of no use: it says that nothing here is known to 5 %.
    #[test]
    fn a_wide_control_refutes_what_differs_less() {
        let beside = |b: f64| {
            let block = |n: u32| {
                let wild = if n.is_multiple_of(2) { 2.0 * 1.2 } else { 2.0 / 1.2 };
                [trial(n, "a", 2.0), trial(n, "b", b), control_trial(n, "a", wild)]
            };
            of((0..6).flat_map(block).collect())
        };
        let (control, comparison) = beside(2.0);
        assert!((control.ratio - 1.0).abs() < 1e-9 && control.high > 1.2, "{control:?}");
        assert_eq!(comparison.standing, Standing::Inconclusive, "not equivalent either");
        assert_eq!(beside(2.3).1.standing, Standing::Inconclusive);
        assert_eq!(beside(3.0).1.standing, Standing::Better);
    }
}
