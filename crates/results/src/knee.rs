//! The knee: the load up to which a server keeps its latency.

use std::collections::BTreeSet;

use crate::{Experiment, Figure};

/// How many times its value at the lightest load a figure may reach before the knee.
const WITHIN: f64 = 10.0;

impl Experiment {
    /// The greatest x such that at it, and everywhere below, `figure` is at most ten times its value at the least x. A value that is
    /// missing, as of a percentile that too few answers support, or of a void
    /// cell, counts as beyond. `None` if all are within: then the sweep ends
    /// before the knee. `None` too where there is nothing at the least x to
    /// measure by.
    ///
    /// Ten, because what happens at the knee is a change of kind: below it a
    /// request waits for a few others, above it the queue grows for as long as
    /// the load lasts, and latency with it, a hundredfold and more. Ten lies well
    /// above the noise of a shared machine and well below that collapse, so the
    /// place of the knee hardly depends on the number.
    #[must_use]
    pub fn knee(&self, model: &str, variant: Option<&str>, figure: Figure) -> Option<f64> {
        let value = |x| self.statistic(model, variant, x, figure).map(|found| found.value);
        let sweep = self.sweep(variant);
        let (&least, above) = sweep.split_first()?;
        let most = WITHIN * value(least).filter(|value| *value > 0.0)?;
        let is_within = |x: f64| value(x).is_some_and(|value| value <= most);
        let beyond = above.iter().position(|&x| !is_within(x))?;
        Some(sweep[beyond])
    }

    /// Every x that anybody was measured at, in rising order.
    fn sweep(&self, variant: Option<&str>) -> Vec<f64> {
        let tried = self.trials.iter().map(|trial| (&trial.variant, trial.x));
        let known = self.statistics.iter().map(|one| (&one.variant, one.x));
        let here = tried.chain(known).filter(|(of, x)| of.as_deref() == variant && *x >= 0.0);
        // Positive floats sort as their bits do.
        let bits: BTreeSet<u64> = here.map(|(_, x)| x.to_bits()).collect();
        bits.into_iter().map(f64::from_bits).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{SCHEMA, Statistic};

    const FIGURE: Figure = Figure::LatencyP99Us;

    /// An experiment of one model, and of another that was measured everywhere.
    fn experiment(values: &[(f64, f64)]) -> Experiment {
        let mut experiment: Experiment = serde_json::from_value(json!({
            "schema": SCHEMA, "name": "n", "title": "t", "question": "q", "plan": {},
            "run": "r", "quick": false, "complete": true, "x": { "label": "rate" },
            "models": ["m", "other"], "compare": { "baseline": "m", "figures": [] },
            "charts": [], "claims": [], "verdicts": [], "controls": [], "comparisons": [],
            "spent_seconds": 1.0, "statistics": [], "trials": [],
        }))
        .unwrap();
        let statistic = |model: &str, &(x, value): &(f64, f64)| Statistic {
            model: model.to_owned(),
            variant: None,
            x,
            figure: FIGURE,
            value,
            low: value,
            high: value,
            blocks: 7,
        };
        let everywhere = [1.0, 2.0, 4.0, 8.0].map(|x| (x, 1.0));
        let all = values.iter().map(|point| statistic("m", point));
        experiment.statistics =
            all.chain(everywhere.iter().map(|point| statistic("other", point))).collect();
        experiment
    }

    fn knee(values: &[(f64, f64)]) -> Option<f64> {
        experiment(values).knee("m", None, FIGURE)
    }

    #[test]
    fn the_knee_is_the_last_load_within_ten_times_the_lightest() {
        assert_eq!(knee(&[(1.0, 5.0), (2.0, 9.0), (4.0, 50.0), (8.0, 51.0)]), Some(4.0));
        assert_eq!(knee(&[(1.0, 5.0), (2.0, 500.0), (4.0, 9.0), (8.0, 9.0)]), Some(1.0));
    }

    #[test]
    fn a_sweep_that_ends_before_the_knee_has_none() {
        assert_eq!(knee(&[(1.0, 5.0), (2.0, 6.0), (4.0, 7.0), (8.0, 50.0)]), None);
    }

    #[test]
    fn what_is_missing_is_beyond() {
        assert_eq!(knee(&[(1.0, 5.0), (2.0, 6.0), (8.0, 6.0)]), Some(2.0));
        assert_eq!(knee(&[(1.0, 5.0), (2.0, 6.0), (4.0, 6.0)]), Some(4.0));
        assert_eq!(knee(&[(2.0, 6.0), (4.0, 600.0)]), None);
        assert_eq!(knee(&[]), None);
        assert_eq!(experiment(&[]).knee("m", Some("no such"), FIGURE), None);
    }
}
