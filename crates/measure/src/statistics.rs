//! Every figure of every cell, over the blocks.

use std::collections::BTreeMap;

use results::{Figure, Statistic, Trial};

use crate::estimate::Estimate;

/// Every figure of every cell over the usable trials, by model, variant and x.
pub(crate) fn statistics(trials: &[Trial]) -> Vec<Statistic> {
    type Cell<'a> = (&'a str, Option<&'a str>, u64);
    // Positive floats sort as their bits do.
    let mut values: BTreeMap<(Cell, Figure), Vec<f64>> = BTreeMap::new();
    for trial in trials.iter().filter(|trial| trial.is_usable()) {
        let cell = (trial.model.as_str(), trial.variant.as_deref(), trial.x.to_bits());
        for (&figure, &value) in &trial.figures {
            values.entry((cell, figure)).or_default().push(value);
        }
    }
    let statistic = |((cell, figure), values): ((Cell, Figure), Vec<f64>)| {
        let estimate = Estimate::of(values)?;
        Some(Statistic {
            model: cell.0.to_owned(),
            variant: cell.1.map(str::to_owned),
            x: f64::from_bits(cell.2),
            figure,
            median: estimate.median,
            low: estimate.low,
            high: estimate.high,
            blocks: estimate.count,
        })
    };
    values.into_iter().filter_map(statistic).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comparisons::tests::trial;

    #[test]
    fn void_trials_and_controls_do_not_count() {
        let mut trials =
            [trial(0, "m", 4.0), trial(1, "m", 9.0), trial(2, "m", 6.0), trial(2, "m", 100.0)];
        trials[1].void = Some("paused".to_owned());
        trials[3].control = true;
        let statistics = statistics(&trials);
        assert_eq!(statistics.len(), 2, "the figure, and how many were served");
        assert_eq!((statistics[0].median, statistics[0].blocks), (5.0, 2));
    }
}
