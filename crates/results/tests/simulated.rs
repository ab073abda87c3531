//! Reports of simulated machines, where the truth is known: does the interval hold it,
//! is a server told from itself, is a cost told, is a rare stall seen?

mod machine;

use std::collections::BTreeMap;

use machine::{MACHINES, Machine, Plan, cell, run};
use results::{Compare, Estimate, Figure, Measured, Of, Standing};

const RATE: Figure = Figure::RequestsPerServerCpuSecond;

const FULL: Plan = Plan { blocks: 6, rounds: 12, cost: 1.2, latencies: false, stalls: false };
const QUICK: Plan = Plan { blocks: 3, rounds: 5, ..FULL };
const VERIFY: Plan = Plan { blocks: 8, rounds: 30, ..FULL };

const REPORTS: u64 = 400;

/// In what share of so many reports something is so. Of 400, a share of 95 % is
/// 95 % ± 2 %.
fn share(machine: Machine, plan: Plan, reports: u64, is_so: impl Fn(&Measured) -> bool) -> f64 {
    let is_so = |seed: &u64| is_so(&Measured::from_trials(&run(machine, plan, *seed).trials));
    let count = (0..reports).filter(is_so).count();
    f64::from(u32::try_from(count).unwrap()) / f64::from(u32::try_from(reports).unwrap())
}

fn b_over_a(measured: &Measured, figure: Figure) -> Estimate {
    measured.ratio(&cell("b"), &cell("a"), figure).unwrap()
}

fn a_over_itself(measured: &Measured, figure: Figure) -> Estimate {
    let a = cell("a");
    measured.ratio(Of { cell: &a, control: true }, &a, figure).unwrap()
}

fn holds(estimate: Estimate, truth: f64) -> bool {
    estimate.low <= truth && truth <= estimate.high
}

fn standing(figure: Figure, estimate: Estimate, equivalent: f64) -> Standing {
    let compare = Compare {
        baseline: "a".to_owned(),
        figures: vec![figure],
        at: Vec::new(),
        equivalent,
        equivalent_tail: 0.2,
        floors: BTreeMap::new(),
    };
    compare.standing(figure, estimate.low, estimate.high)
}

#[test]
fn the_interval_of_a_ratio_of_rates_holds_the_truth() {
    for plan in [FULL, QUICK] {
        let is_held = |measured: &Measured| holds(b_over_a(measured, RATE), 1.0 / plan.cost);
        for machine in MACHINES {
            let held = share(machine, plan, REPORTS, is_held);
            assert!((0.92..=0.99).contains(&held), "{held} of reports: {machine:?}, {plan:?}");
        }
    }
}

#[test]
fn the_interval_of_a_ratio_of_percentiles_holds_the_truth() {
    const FIGURES: [Figure; 2] = [Figure::LatencyP50Us, Figure::LatencyP99Us];
    for plan in [FULL, QUICK].map(|plan| Plan { latencies: true, ..plan }) {
        for machine in MACHINES {
            let mut held = [0.0; 2];
            for seed in 0..150 {
                let report = run(machine, plan, seed);
                let measured = Measured::from_trials(&report.trials);
                for (held, figure) in held.iter_mut().zip(FIGURES) {
                    let is_held = holds(b_over_a(&measured, figure), plan.cost);
                    *held += f64::from(u8::from(is_held)) / 150.0;
                }
            }
            let is_right = held.iter().all(|held| (0.9..=0.999).contains(held));
            assert!(is_right, "{held:?} of reports for {FIGURES:?}: {machine:?}, {plan:?}");
        }
    }
}

#[test]
fn a_server_is_seldom_told_from_itself() {
    for plan in [FULL, QUICK, VERIFY] {
        for machine in MACHINES {
            for equivalent in [0.05, 0.01] {
                let is_told = |measured: &Measured| {
                    let standing = standing(RATE, a_over_itself(measured, RATE), equivalent);
                    matches!(standing, Standing::Better | Standing::Worse)
                };
                let told = share(machine, plan, REPORTS, is_told);
                assert!(told <= 0.05, "{told} of reports at {equivalent}: {machine:?}, {plan:?}");
            }
        }
    }
}

/// How often `b` is told, and rightly, where a difference of 1 % is equivalent.
fn told_to_be_worse(machine: Machine, plan: Plan) -> f64 {
    share(machine, plan, REPORTS, |measured| {
        standing(RATE, b_over_a(measured, RATE), 0.01) == Standing::Worse
    })
}

#[test]
fn a_fifth_more_cost_is_always_told() {
    for machine in MACHINES {
        let told = told_to_be_worse(machine, VERIFY);
        assert!(told >= 1.0, "{told} of reports: {machine:?}");
    }
}

/// Two servers' luck alone is 1.3 % in each block, so 8 blocks tell 3 % in about 7 of
/// 8 reports, however many rounds they have; 12 blocks do in 19 of 20.
#[test]
fn a_small_cost_is_told_by_enough_blocks() {
    for machine in MACHINES {
        for (blocks, least) in [(8, 0.8), (12, 0.95)] {
            let told = told_to_be_worse(machine, Plan { blocks, cost: 1.03, ..VERIFY });
            assert!(told >= least, "{told} of reports with {blocks} blocks: {machine:?}");
        }
    }
}

/// `b` stalls in one slice of fifty. Among all requests they are more than one of a
/// thousand; half of the slices know nothing of them.
#[test]
fn rare_stalls_are_seen() {
    let figure = Figure::LatencyP999Us;
    for plan in [FULL, VERIFY] {
        let plan = Plan { cost: 1.0, latencies: true, stalls: true, ..plan };
        for seed in 0..30 {
            let run = run(Machine::Quiet, plan, seed);
            let estimate = b_over_a(&Measured::from_trials(&run.trials), figure);
            assert!(estimate.value > 10.0, "{estimate:?}, {plan:?}");
            // Stalls in one block of six may be that block's alone: then it says so.
            let is_told = standing(figure, estimate, 0.05) == Standing::Worse;
            let is_wide = plan.blocks == FULL.blocks
                && standing(figure, estimate, 0.05) == Standing::Inconclusive
                && estimate.high > 10.0 * estimate.value;
            assert!(is_told || is_wide, "{estimate:?}, {plan:?}");

            let [a, b] = run.p99_of_slices.map(median);
            assert!((b / a).ln().abs() < 0.1, "{b} over {a}, {plan:?}");
        }
    }
}

/// Where a group is too large for one sitting, each part of it has the baseline. What
/// the machine did between the parts is not between a server and its own baseline.
#[test]
fn a_server_is_held_against_the_baseline_of_its_own_sitting() {
    let mut first = run(Machine::Quiet, FULL, 1).trials;
    let mut second = run(Machine::Quiet, FULL, 2).trials;
    for trial in &mut second {
        trial.sitting = trial.sitting.map(|sitting| FULL.blocks + sitting);
        // The machine was twice as slow then.
        let slices = trial.slices.as_mut().unwrap();
        slices.server_cpu_ns.iter_mut().for_each(|time| *time *= 2);
    }
    second.iter_mut().filter(|trial| trial.model == "b").for_each(|b| b.model = "c".to_owned());
    first.extend(second);
    let measured = Measured::from_trials(&first);
    for model in ["b", "c"] {
        let ratio = measured.ratio(&cell(model), &cell("a"), RATE).unwrap();
        assert!(ratio.blocks == FULL.blocks && (ratio.value * FULL.cost - 1.0).abs() < 0.05);
        let inverse = measured.ratio(&cell("a"), &cell(model), RATE).unwrap();
        assert!((inverse.value * ratio.value - 1.0).abs() < 1e-9, "{ratio:?}, {inverse:?}");
    }
    // One value for each block, not two.
    assert_eq!(a_over_itself(&measured, RATE).blocks, FULL.blocks);
}

fn median(mut values: Vec<u64>) -> f64 {
    values.sort_unstable();
    f64::from(u32::try_from(values[values.len() / 2]).unwrap())
}
