//! Every figure of every cell, over the blocks.

use std::collections::{BTreeMap, BTreeSet};

use results::{Figure, Measured, Statistic, Trial};

/// Every figure of every cell over the usable trials, by model, variant and x.
pub(crate) fn statistics(trials: &[Trial], measured: &Measured) -> Vec<Statistic> {
    type Key<'a> = (&'a str, Option<&'a str>, u64);
    // Positive floats sort as their bits do.
    let mut there: BTreeMap<Key, BTreeSet<Figure>> = BTreeMap::new();
    for trial in trials.iter().filter(|trial| trial.is_usable()) {
        let cell = (trial.model.as_str(), trial.variant.as_deref(), trial.x.to_bits());
        let figures = there.entry(cell).or_default();
        figures.extend(trial.figures.keys());
        if trial.histogram.is_some() {
            // All blocks together may support one that none does alone.
            figures.extend(Figure::PERCENTILES);
        }
    }
    let pairs = there.iter().flat_map(|(cell, figures)| figures.iter().map(move |f| (cell, *f)));
    let statistic = |(&(model, variant, x), figure): (&Key, Figure)| {
        let cell = results::Cell {
            model: model.to_owned(),
            variant: variant.map(str::to_owned),
            x: f64::from_bits(x),
        };
        let estimate = measured.value(&cell, figure)?;
        Some(Statistic {
            figure,
            value: estimate.value,
            low: estimate.low,
            high: estimate.high,
            blocks: estimate.blocks,
            model: cell.model,
            variant: cell.variant,
            x: cell.x,
        })
    };
    pairs.filter_map(statistic).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comparisons::tests::trial;

    #[test]
    fn void_trials_and_controls_do_not_count() {
        let mut trials =
            [trial(0, "m", 4.0), trial(1, "m", 9.0), trial(2, "m", 9.0), trial(2, "m", 100.0)];
        trials[1].void = Some("paused".to_owned());
        trials[3].control = true;
        let statistics = statistics(&trials, &Measured::from_trials(&trials));
        assert_eq!(statistics.len(), 2, "the figure, and how many were served");
        assert!((statistics[0].value - 6.0).abs() < 1e-9, "{statistics:?}");
        assert_eq!(statistics[0].blocks, 2);
    }
}
