//! Claims, held against the trials.

use results::{Cell, Claim, Outcome, Trial, Verdict};

use crate::statistics::summary;

/// Judges every claim by the blocks in which it can be.
pub(crate) fn judge(claims: &[Claim], trials: &[Trial]) -> Vec<Verdict> {
    claims.iter().map(|claim| verdict(claim, trials)).collect()
}

fn verdict(claim: &Claim, trials: &[Trial]) -> Verdict {
    let expects = &claim.expects;
    let scheduled = blocks(trials).count();
    let mut values: Vec<f64> = blocks(trials)
        .filter_map(|block| {
            let of = value(claim, &expects.of, trials, block)?;
            match &expects.over {
                // Only what ran in the same block is compared.
                Some(over) => Some(of / value(claim, over, trials, block)?),
                None => Some(of),
            }
        })
        .filter(|value: &f64| value.is_finite())
        .collect();
    let Some((measured, low, high)) = summary(&mut values) else {
        return Verdict {
            claim: claim.id.clone(),
            outcome: Outcome::NotMeasurable,
            measured: None,
            low: None,
            high: None,
            why: "this run has no usable trial of what the claim is about".to_owned(),
        };
    };
    let within = |value: &f64| {
        expects.at_least.is_none_or(|bound| *value >= bound)
            && expects.at_most.is_none_or(|bound| *value <= bound)
    };
    let held = values.iter().filter(|value| within(value)).count();
    let outcome = match held {
        // What is void may have been so for a reason.
        _ if values.len() < scheduled => Outcome::Inconclusive,
        0 => Outcome::Fails,
        _ if held == values.len() => Outcome::Holds,
        _ => Outcome::Inconclusive,
    };
    Verdict {
        claim: claim.id.clone(),
        outcome,
        measured: Some(measured),
        low: Some(low),
        high: Some(high),
        why: match scheduled - values.len() {
            0 => format!("it was so in {held} of {scheduled} blocks"),
            void => format!("it was so in {held} of {scheduled} blocks, and {void} are void"),
        },
    }
}

fn blocks(trials: &[Trial]) -> impl Iterator<Item = u32> {
    let last = trials.iter().map(|trial| trial.block).max();
    last.into_iter().flat_map(|last| 0..=last)
}

fn value(claim: &Claim, cell: &Cell, trials: &[Trial], block: u32) -> Option<f64> {
    trials
        .iter()
        .filter(|trial| trial.void.is_none() && trial.block == block)
        .find(|trial| {
            trial.model == cell.model
                && trial.variant == cell.variant
                && trial.x.total_cmp(&cell.x).is_eq()
        })
        .and_then(|trial| trial.figures.get(&claim.expects.figure).copied())
}

#[cfg(test)]
mod tests {
    use results::{Expectation, Figure};

    use super::*;

    fn trial(block: u32, model: &str, value: f64) -> Trial {
        Trial {
            block,
            turn: 0,
            model: model.to_owned(),
            variant: None,
            x: 64.0,
            void: None,
            warnings: Vec::new(),
            figures: [(Figure::Served, value)].into(),
        }
    }

    fn claim(over: Option<&str>, at_least: f64) -> Claim {
        let cell = |model: &str| Cell { model: model.to_owned(), variant: None, x: 64.0 };
        Claim {
            id: "c".to_owned(),
            source: "s".to_owned(),
            says: "t".to_owned(),
            expects: Expectation {
                figure: Figure::Served,
                of: cell("a"),
                over: over.map(cell),
                at_least: Some(at_least),
                at_most: None,
            },
        }
    }

    #[test]
    fn blocks_decide() {
        let trials = [trial(0, "a", 4.0), trial(1, "a", 6.0)];
        let outcome = |at_least| verdict(&claim(None, at_least), &trials).outcome;
        assert_eq!(outcome(4.0), Outcome::Holds);
        assert_eq!(outcome(5.0), Outcome::Inconclusive);
        assert_eq!(outcome(7.0), Outcome::Fails);
    }

    #[test]
    fn ratios_are_taken_within_blocks() {
        // The machine was twice as fast in block 1: the ratio does not see it.
        let trials =
            [trial(0, "a", 3.0), trial(0, "b", 2.0), trial(1, "b", 4.0), trial(1, "a", 6.0)];
        let verdict = verdict(&claim(Some("b"), 1.5), &trials);
        assert_eq!(verdict.outcome, Outcome::Holds);
        assert_eq!((verdict.low, verdict.high), (Some(1.5), Some(1.5)));
    }

    #[test]
    fn a_void_block_decides_nothing() {
        let mut void = trial(1, "a", 9.0);
        void.void = Some("paused".to_owned());
        let verdict = verdict(&claim(None, 4.0), &[trial(0, "a", 4.0), void]);
        assert_eq!(verdict.outcome, Outcome::Inconclusive);
        assert!(verdict.why.contains("1 are void"), "{}", verdict.why);
    }

    #[test]
    fn what_was_not_measured_is_said() {
        let verdict = verdict(&claim(Some("c"), 1.0), &[trial(0, "a", 1.0)]);
        assert_eq!(verdict.outcome, Outcome::NotMeasurable);
    }
}
