//! Claims, held against the trials.

use std::collections::BTreeSet;

use results::{Cell, Claim, Compare, Outcome, Trial, Verdict};

use crate::{
    comparisons::{few, stray},
    estimate::Estimate,
};

/// Judges every claim by the blocks in which it can be.
pub(crate) fn judge(claims: &[Claim], plan: &Compare, trials: &[Trial]) -> Vec<Verdict> {
    claims.iter().map(|claim| verdict(claim, plan, trials)).collect()
}

fn verdict(claim: &Claim, plan: &Compare, trials: &[Trial]) -> Verdict {
    let blocks: BTreeSet<u32> = trials.iter().map(|trial| trial.block).collect();
    let values: Vec<f64> = blocks.iter().filter_map(|&block| value(claim, trials, block)).collect();
    let Some(estimate) = Estimate::of(values.clone()) else {
        return Verdict {
            claim: claim.id.clone(),
            outcome: Outcome::NotMeasurable,
            measured: None,
            low: None,
            high: None,
            why: "this run has no usable trial of what the claim is about".to_owned(),
        };
    };
    let (outcome, why) = outcome(claim, plan, trials, &estimate, blocks.len());
    Verdict {
        claim: claim.id.clone(),
        outcome,
        measured: Some(estimate.median),
        low: Some(estimate.low),
        high: Some(estimate.high),
        why,
    }
}

fn outcome(
    claim: &Claim,
    plan: &Compare,
    trials: &[Trial],
    estimate: &Estimate,
    scheduled: usize,
) -> (Outcome, String) {
    let expects = &claim.expects;
    if !estimate.carries() && !expects.figure.is_counted() {
        return (Outcome::Inconclusive, few(estimate.count));
    }
    let void = scheduled - estimate.count as usize;
    if void * 4 > scheduled {
        // What is void may have been so for a reason.
        return (Outcome::Inconclusive, format!("{void} of {scheduled} blocks are void"));
    }
    // A ratio is no surer than that of a model with itself.
    let stray = expects.over.as_ref().and_then(|over| stray(plan, over, expects.figure, trials));
    let edge = stray.as_ref().map_or(1.0, |stray| stray.edge);
    let (low, high) = (estimate.low / edge, estimate.high * edge);
    let (least, most) = expects.bounds();
    let blocks = match estimate.count {
        1 => "1 block".to_owned(),
        count => format!("{count} blocks"),
    };
    if low >= least && high <= most {
        (Outcome::Holds, format!("{blocks}, the whole interval within the bounds"))
    } else if high < least || low > most {
        (Outcome::Fails, format!("{blocks}, the whole interval outside the bounds"))
    } else if let Some(stray) = stray {
        (Outcome::Inconclusive, stray.why)
    } else {
        (Outcome::Inconclusive, format!("{blocks}, a bound lies within the interval"))
    }
}

/// What the claim is about in one block; a ratio of what ran in it.
fn value(claim: &Claim, trials: &[Trial], block: u32) -> Option<f64> {
    let figure = |cell: &Cell| {
        let trial = trials.iter().find(|trial| {
            trial.is_usable()
                && trial.block == block
                && trial.model == cell.model
                && trial.variant == cell.variant
                && trial.x.total_cmp(&cell.x).is_eq()
        });
        trial?.figures.get(&claim.expects.figure).copied()
    };
    let of = figure(&claim.expects.of)?;
    let value = match &claim.expects.over {
        Some(over) => of / figure(over)?,
        None => of,
    };
    value.is_finite().then_some(value)
}

#[cfg(test)]
mod tests {
    use results::{Expectation, Figure};

    use super::*;
    use crate::comparisons::tests::{control_trial, plan, trial};

    fn claim(figure: Figure, over: Option<&str>, at_least: f64) -> Claim {
        let cell = |model: &str| Cell { model: model.to_owned(), variant: None, x: 64.0 };
        Claim {
            id: "c".to_owned(),
            source: "s".to_owned(),
            says: "t".to_owned(),
            expects: Expectation {
                figure,
                of: cell("a"),
                over: over.map(cell),
                at_least: Some(at_least),
                at_most: None,
                tolerance: 0.0,
            },
        }
    }

    const RATE: Figure = Figure::RequestsPerServerCpuSecond;

    fn judged(claim: &Claim, trials: &[Trial]) -> Verdict {
        verdict(claim, &plan(), trials)
    }

    #[test]
    fn the_interval_decides() {
        let trials: Vec<Trial> = (0..6).map(|n| trial(n, "a", 4.0 + f64::from(n))).collect();
        let outcome = |at_least| judged(&claim(RATE, None, at_least), &trials).outcome;
        assert_eq!(outcome(4.0), Outcome::Holds);
        assert_eq!(outcome(5.0), Outcome::Inconclusive);
        assert_eq!(outcome(9.5), Outcome::Fails);
        let mut tolerant = claim(RATE, None, 4.2);
        tolerant.expects.tolerance = 0.05;
        assert_eq!(judged(&tolerant, &trials).outcome, Outcome::Holds);
    }

    #[test]
    fn few_blocks_decide_what_is_counted_and_nothing_else() {
        let trials = [trial(0, "a", 4.0)];
        assert_eq!(judged(&claim(RATE, None, 1.0), &trials).outcome, Outcome::Inconclusive);
        assert_eq!(judged(&claim(Figure::Served, None, 64.0), &trials).outcome, Outcome::Holds);
        assert_eq!(judged(&claim(Figure::Served, None, 65.0), &trials).outcome, Outcome::Fails);
    }

    #[test]
    fn a_control_that_differs_leaves_a_ratio_open() {
        let pair = |n| [trial(n, "a", 3.0), trial(n, "b", 2.0)];
        let mut trials: Vec<Trial> = (0..6).flat_map(pair).collect();
        let claim = claim(RATE, Some("b"), 1.2);
        assert_eq!(judged(&claim, &trials).outcome, Outcome::Holds);
        // 1.5 / 1.3 is less than 1.2.
        trials.extend((0..6).map(|n| control_trial(n, "b", 2.6)));
        assert_eq!(judged(&claim, &trials).outcome, Outcome::Inconclusive);
    }

    #[test]
    fn many_void_blocks_decide_nothing() {
        let mut trials: Vec<Trial> = (0..9).map(|n| trial(n, "a", 4.0)).collect();
        for trial in &mut trials[..3] {
            trial.void = Some("paused".to_owned());
        }
        let verdict = judged(&claim(RATE, None, 4.0), &trials);
        assert_eq!(verdict.outcome, Outcome::Inconclusive);
        assert!(verdict.why.contains("3 of 9"), "{}", verdict.why);
    }

    #[test]
    fn what_was_not_measured_is_said() {
        let verdict = judged(&claim(RATE, Some("c"), 1.0), &[trial(0, "a", 1.0)]);
        assert_eq!(verdict.outcome, Outcome::NotMeasurable);
    }
}
