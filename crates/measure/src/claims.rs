//! Claims, held against the trials.

use results::{Claim, Estimate, Experiment, Judge, Measured, Outcome, Verdict};

/// Judges every claim by the blocks in which it can be.
pub(crate) fn judge(experiment: &Experiment, measured: &Measured) -> Vec<Verdict> {
    let judge = Judge { experiment, measured };
    experiment.claims.iter().map(|claim| verdict(claim, judge)).collect()
}

fn verdict(claim: &Claim, judge: Judge) -> Verdict {
    let expects = &claim.expects;
    let estimate = match &expects.over {
        Some(over) => judge.measured.ratio(&expects.of, over, expects.figure),
        None => judge.measured.value(&expects.of, expects.figure),
    };
    let Some(estimate) = estimate else {
        return Verdict {
            claim: claim.id.clone(),
            outcome: Outcome::NotMeasurable,
            measured: None,
            low: None,
            high: None,
            why: "this run has no usable trial of what the claim is about".to_owned(),
        };
    };
    let (outcome, why) = outcome(claim, judge, &estimate);
    Verdict {
        claim: claim.id.clone(),
        outcome,
        measured: Some(estimate.value),
        low: Some(estimate.low),
        high: Some(estimate.high),
        why,
    }
}

fn outcome(claim: &Claim, judge: Judge, estimate: &Estimate) -> (Outcome, String) {
    let expects = &claim.expects;
    if let Some(why) = judge.too_early(estimate).filter(|_| !expects.figure.is_counted()) {
        return (Outcome::Inconclusive, why);
    }
    let scheduled = judge.experiment.blocks();
    let void = scheduled - estimate.blocks.min(scheduled);
    if void * 4 > scheduled {
        // What is void may have been so for a reason.
        return (Outcome::Inconclusive, format!("{void} of {scheduled} blocks are void"));
    }
    // A ratio is no surer than that of a model with itself.
    let stray = expects
        .over
        .as_ref()
        .and_then(|over| judge.stray_beside(&expects.of, over, expects.figure));
    let edge = stray.as_ref().map_or(1.0, |stray| stray.edge);
    let (low, high) = (estimate.low / edge, estimate.high * edge);
    let (least, most) = expects.bounds();
    let blocks = match estimate.blocks {
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

#[cfg(test)]
mod tests {
    use results::{Cell, Expectation, Figure, Trial};

    use super::*;
    use crate::comparisons::tests::{control_trial, experiment, trial};

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
        let experiment = experiment(trials.to_vec());
        let measured = Measured::of(&experiment);
        verdict(claim, Judge { experiment: &experiment, measured: &measured })
    }

    #[test]
    fn the_interval_decides() {
        let trials: Vec<Trial> = (0..6).map(|n| trial(n, "a", 4.0 + f64::from(n))).collect();
        let outcome = |at_least| judged(&claim(RATE, None, at_least), &trials).outcome;
        // About 6.3 [4.6, 8.6].
        assert_eq!(outcome(4.4), Outcome::Holds);
        assert_eq!(outcome(5.0), Outcome::Inconclusive);
        assert_eq!(outcome(9.5), Outcome::Fails);
        let mut tolerant = claim(RATE, None, 4.7);
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
