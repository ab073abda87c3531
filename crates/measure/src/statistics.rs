//! Medians and ranges over the blocks.

use std::collections::BTreeMap;

use results::{Figure, Statistic, Trial};

/// The median of `values` and their range; `None` if there are none.
pub(crate) fn summary(values: &mut [f64]) -> Option<(f64, f64, f64)> {
    values.sort_unstable_by(f64::total_cmp);
    let (low, high) = (*values.first()?, *values.last()?);
    let middle = values.len() / 2;
    let median = if values.len() % 2 == 1 {
        values[middle]
    } else {
        f64::midpoint(values[middle - 1], values[middle])
    };
    Some((median, low, high))
}

/// Every figure of every cell over the usable trials, in the order in which
/// the cells stand in `trials`.
pub(crate) fn statistics(trials: &[Trial]) -> Vec<Statistic> {
    type Cell<'a> = (&'a str, Option<&'a str>, u64);
    let mut cells: Vec<Cell> = Vec::new();
    let mut values: BTreeMap<(Cell, Figure), Vec<f64>> = BTreeMap::new();
    for trial in trials.iter().filter(|trial| trial.void.is_none()) {
        let cell = (trial.model.as_str(), trial.variant.as_deref(), trial.x.to_bits());
        if !cells.contains(&cell) {
            cells.push(cell);
        }
        for (&figure, &value) in &trial.figures {
            values.entry((cell, figure)).or_default().push(value);
        }
    }
    cells.sort_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)).then(a.2.cmp(&b.2)));
    let mut statistics = Vec::new();
    for cell in cells {
        for ((_, figure), values) in values.iter_mut().filter(|((of, _), _)| *of == cell) {
            let Some((median, low, high)) = summary(values) else { continue };
            statistics.push(Statistic {
                model: cell.0.to_owned(),
                variant: cell.1.map(str::to_owned),
                x: f64::from_bits(cell.2),
                figure: *figure,
                median,
                low,
                high,
                blocks: u32::try_from(values.len()).unwrap_or(u32::MAX),
            });
        }
    }
    statistics
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_of_odd_and_even_counts() {
        assert_eq!(summary(&mut [3.0, 1.0, 2.0]), Some((2.0, 1.0, 3.0)));
        assert_eq!(summary(&mut [4.0, 1.0, 2.0, 3.0]), Some((2.5, 1.0, 4.0)));
        assert_eq!(summary(&mut []), None);
    }

    #[test]
    fn void_trials_do_not_count() {
        let trial = |block, void: Option<&str>, value| Trial {
            block,
            turn: 0,
            model: "m".to_owned(),
            variant: None,
            x: 1.0,
            void: void.map(str::to_owned),
            warnings: Vec::new(),
            figures: [(Figure::Served, value)].into(),
        };
        let trials = [trial(0, None, 4.0), trial(1, Some("paused"), 9.0), trial(2, None, 6.0)];
        let statistics = statistics(&trials);
        assert_eq!(statistics.len(), 1);
        assert_eq!((statistics[0].median, statistics[0].blocks), (5.0, 2));
    }
}
