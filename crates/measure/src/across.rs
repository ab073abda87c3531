//! Two runs of one experiment, held against each other.
//!
//! The trials of two runs were not interleaved: whatever the machine did
//! meanwhile is in the ratio of their medians. Where both runs measured the
//! baseline beside a cell, the ratio of the two ratios cancels how fast the
//! machine was that day, and the verdict is taken from it. It says nothing of the
//! baseline itself: if that has changed, all others seem to have.
//!
//! The interval is the percentile bootstrap's for two independent samples: the
//! blocks of each run are drawn again, each by themselves (B. Efron and R.
//! Tibshirani, "An Introduction to the Bootstrap", 1993, ch. 8), with the percentiles
//! expanded for few blocks as in the module `estimate`.

use std::collections::BTreeSet;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use results::{Cell, Experiment, Figure, Standing, Trial};
use serde::Serialize;

use crate::{
    comparisons::{baseline, few},
    estimate::{FEWEST, expanded_tail},
};

/// Resamples of an interval; its ends are good to about a tenth of its width.
const DRAWS: usize = 2000;

/// One figure of one cell in two runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Across {
    /// The figure.
    pub figure: Figure,
    /// The cell.
    pub of: Cell,
    /// Median over the blocks of the first run.
    pub before: f64,
    /// Median over the blocks of the second.
    pub after: f64,
    /// Blocks of the first run, and of the second.
    pub blocks: (u32, u32),
    /// After over before; absent where before is 0 and after is not.
    pub change: Option<Interval>,
    /// The model that both runs measured beside it.
    pub baseline: Option<String>,
    /// The ratio over the baseline after, over the same before.
    pub relative: Option<Interval>,
    /// What that says: of `relative`, or without it of `change`.
    pub standing: Standing,
    /// Why it says no more, where it does not.
    pub why: Option<String>,
}

/// A ratio with its 95 % interval; with the range, where blocks are few.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// Ratio of the medians.
    pub ratio: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Across {
    /// Whether the verdict holds however fast the machine was on either day.
    #[must_use]
    pub fn cancels_the_machine(&self) -> bool {
        self.relative.is_some() || self.figure.is_counted()
    }
}

/// Every cell that both runs measured, for each figure that the second compares.
#[must_use]
pub fn across(before: &Experiment, after: &Experiment) -> Vec<Across> {
    let cells = |run: &Experiment| -> Vec<Cell> {
        let usable = run.trials.iter().filter(|trial| trial.is_usable());
        let mut cells: Vec<Cell> = Vec::new();
        for trial in usable {
            let cell = cell(&trial.model, trial);
            if !cells.contains(&cell) {
                cells.push(cell);
            }
        }
        cells
    };
    let known = cells(before);
    let mut common: Vec<Cell> =
        cells(after).into_iter().filter(|cell| known.contains(cell)).collect();
    let place = |name: &str, names: &[String]| names.iter().position(|known| known == name);
    common.sort_by(|one, other| {
        let key = |cell: &Cell| {
            let variant = cell.variant.as_deref().and_then(|v| place(v, &after.variants));
            (variant, place(&cell.model, &after.models))
        };
        key(one).cmp(&key(other)).then(one.x.total_cmp(&other.x))
    });
    let figures = after.compare.figures.iter();
    figures
        .flat_map(|&figure| common.iter().filter_map(move |cell| one(before, after, cell, figure)))
        .collect()
}

/// One figure of one cell; `None` if a run does not have it.
fn one(before: &Experiment, after: &Experiment, of: &Cell, figure: Figure) -> Option<Across> {
    let values = |run: &Experiment| by_block(run, of, figure).map(|(_, value)| value).collect();
    let (first, second): (Vec<f64>, Vec<f64>) = (values(before), values(after));
    let change = ratio(&first, &second);
    let beside = beside(before, after, of);
    let over = |run: &Experiment, model: &str| -> Vec<f64> {
        let below = Cell { model: model.to_owned(), ..of.clone() };
        let below: Vec<(u32, f64)> = by_block(run, &below, figure).collect();
        let ratio = |(block, value): (u32, f64)| {
            let (_, below) = below.iter().find(|(other, _)| *other == block)?;
            Some(value / below).filter(|ratio| ratio.is_finite())
        };
        by_block(run, of, figure).filter_map(ratio).collect()
    };
    let ratios = beside.map(|model| (over(before, model), over(after, model)));
    let relative = ratios.as_ref().and_then(|(first, second)| ratio(first, second));
    // What counts is what the verdict is taken from.
    let fewest = match (&ratios, relative) {
        (Some((first, second)), Some(_)) => first.len().min(second.len()),
        _ => first.len().min(second.len()),
    };
    let (standing, why) = judge(before, after, of, figure, relative.or(change), fewest);
    let count = |values: &[f64]| u32::try_from(values.len()).unwrap_or(u32::MAX);
    Some(Across {
        figure,
        of: of.clone(),
        before: median(first.clone())?,
        after: median(second.clone())?,
        blocks: (count(&first), count(&second)),
        change,
        baseline: beside.filter(|_| relative.is_some()).map(str::to_owned),
        relative,
        standing,
        why,
    })
}

fn judge(
    before: &Experiment,
    after: &Experiment,
    of: &Cell,
    figure: Figure,
    interval: Option<Interval>,
    fewest: usize,
) -> (Standing, Option<String>) {
    let Some(interval) = interval else {
        return (Standing::Inconclusive, Some("there is no ratio over 0".to_owned()));
    };
    let served = |run: &Experiment| {
        median(by_block(run, of, Figure::Served).map(|(_, served)| served).collect())
    };
    if let (false, Some(first), Some(second)) = (figure.is_counted(), served(before), served(after))
        && (first - second).abs() > f64::EPSILON
    {
        let why = format!("it served {first} connections in the first run, {second} in the second");
        return (Standing::Unlike, Some(why));
    }
    if fewest < FEWEST && !figure.is_counted() {
        return (Standing::Inconclusive, Some(few(u32::try_from(fewest).unwrap_or(u32::MAX))));
    }
    (after.compare.standing(figure, interval.low, interval.high), None)
}

/// The baseline that both runs measured at the variant and x of `of`, unless it is `of`.
fn beside<'a>(before: &'a Experiment, after: &'a Experiment, of: &Cell) -> Option<&'a str> {
    let found = |run: &'a Experiment| {
        let is_here = |model: &str| run.trials.iter().any(|t| t.is_usable() && is_at(t, model, of));
        baseline(&after.compare, &run.models, is_here).map(String::as_str)
    };
    let (first, second) = (found(before)?, found(after)?);
    (first == second && first != of.model).then_some(first)
}

/// The values of a figure in the usable trials of a cell, each with its block.
fn by_block<'a>(
    run: &'a Experiment,
    of: &'a Cell,
    figure: Figure,
) -> impl Iterator<Item = (u32, f64)> + 'a {
    let trials = run.trials.iter().filter(|t| t.is_usable() && is_at(t, &of.model, of));
    let values = trials.filter_map(move |t| Some((t.block, *t.figures.get(&figure)?)));
    let mut seen = BTreeSet::new();
    values.filter(move |(block, _)| seen.insert(*block))
}

fn cell(model: &str, trial: &Trial) -> Cell {
    Cell { model: model.to_owned(), variant: trial.variant.clone(), x: trial.x }
}

fn is_at(trial: &Trial, model: &str, place: &Cell) -> bool {
    trial.model == model && trial.variant == place.variant && trial.x.total_cmp(&place.x).is_eq()
}

/// The ratio of the medians of two independent samples, second over first.
fn ratio(first: &[f64], second: &[f64]) -> Option<Interval> {
    let of = |first: f64, second: f64| {
        // Nothing and nothing are as much.
        if first.total_cmp(&second).is_eq() { 1.0 } else { second / first }
    };
    let ratio = of(median(first.to_vec())?, median(second.to_vec())?);
    let fewest = first.len().min(second.len());
    let (low, high) = if fewest < FEWEST {
        let least = |values: &[f64]| values.iter().copied().fold(f64::INFINITY, f64::min);
        let most = |values: &[f64]| values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        (of(most(first), least(second)), of(least(first), most(second)))
    } else {
        // Always the same draws: the same results give the same interval.
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let mut draw = |values: &[f64]| {
            median(values.iter().map(|_| values[random.random_range(0..values.len())]).collect())
        };
        let mut draws = Vec::with_capacity(DRAWS);
        for _ in 0..DRAWS {
            draws.push(of(draw(first)?, draw(second)?));
        }
        draws.sort_unstable_by(f64::total_cmp);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a share of the draws"
        )]
        let cut = (expanded_tail(fewest) * DRAWS as f64) as usize;
        (draws[cut], draws[DRAWS - 1 - cut])
    };
    [ratio, low, high].iter().all(|value| value.is_finite()).then_some(Interval {
        ratio,
        low,
        high,
    })
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    let last = values.len().checked_sub(1)?;
    values.sort_unstable_by(f64::total_cmp);
    Some(f64::midpoint(values[last / 2], values[values.len() / 2]))
}

#[cfg(test)]
mod tests {
    use results::{Axis, Ended, SCHEMA, Scale};

    use super::*;
    use crate::comparisons::tests::{plan, trial};

    /// A run of the baseline `a` and of `b`, given their values block by block.
    fn run(values: impl IntoIterator<Item = (f64, f64)>) -> Experiment {
        let pair = |(block, (a, b))| [trial(block, "a", a), trial(block, "b", b)];
        Experiment {
            schema: SCHEMA,
            name: "n".to_owned(),
            title: "t".to_owned(),
            question: "q".to_owned(),
            plan_hash: "0".to_owned(),
            run: "r".to_owned(),
            quick: false,
            complete: true,
            x: Axis { label: "connections".to_owned(), scale: Scale::Linear },
            models: ["a", "b"].map(str::to_owned).to_vec(),
            peers: Vec::new(),
            variants: Vec::new(),
            left_out: Vec::new(),
            compare: plan(),
            charts: Vec::new(),
            claims: Vec::new(),
            verdicts: Vec::new(),
            controls: Vec::new(),
            comparisons: Vec::new(),
            ended: Ended::Budget,
            spent_seconds: 1.0,
            statistics: Vec::new(),
            remarks: Vec::new(),
            trials: (0..).zip(values).flat_map(pair).collect(),
        }
    }

    fn steady(blocks: u32, a: f64, b: f64) -> Experiment {
        run((0..blocks).map(|n| {
            let drift = 1.0 + f64::from(n % 3) / 100.0;
            (a * drift, b * drift)
        }))
    }

    #[test]
    fn a_faster_machine_is_not_a_faster_model() {
        let told = across(&steady(9, 100.0, 50.0), &steady(9, 150.0, 75.0));
        let [a, b] = &told[..] else { panic!("{told:?}") };
        // Of the baseline nobody knows whether it was the machine.
        assert_eq!((a.standing, a.cancels_the_machine()), (Standing::Better, false));
        assert_eq!((b.standing, b.cancels_the_machine()), (Standing::Equivalent, true));
        assert_eq!(b.baseline.as_deref(), Some("a"));
        assert!((b.change.unwrap().ratio - 1.5).abs() < 0.02);
    }

    #[test]
    fn a_model_that_lost_is_told_on_a_faster_machine() {
        let told = across(&steady(9, 100.0, 50.0), &steady(9, 150.0, 60.0));
        assert_eq!(told[1].standing, Standing::Worse);
        assert!((told[1].relative.unwrap().ratio - 0.8).abs() < 0.02);
        assert_eq!(told, across(&steady(9, 100.0, 50.0), &steady(9, 150.0, 60.0)));
    }

    #[test]
    fn few_blocks_and_unlike_work_carry_no_verdict() {
        let told = across(&steady(9, 1.0, 2.0), &steady(5, 1.0, 9.0));
        assert_eq!(told[1].standing, Standing::Inconclusive);
        assert!(told[1].why.as_ref().unwrap().contains("5 blocks"));

        let mut starved = steady(9, 1.0, 2.0);
        for trial in starved.trials.iter_mut().filter(|trial| trial.model == "b") {
            trial.figures.insert(Figure::Served, 4.0);
        }
        let told = across(&steady(9, 1.0, 2.0), &starved);
        assert_eq!(told[1].standing, Standing::Unlike);
        starved.compare.figures = vec![Figure::Served];
        let told = across(&steady(2, 1.0, 2.0), &starved);
        assert_eq!(told[1].standing, Standing::Worse, "what is counted needs few blocks");
    }

    #[test]
    fn only_common_cells_are_compared_and_zero_is_as_much_as_zero() {
        let mut other = steady(9, 1.0, 2.0);
        for trial in other.trials.iter_mut().filter(|trial| trial.model == "b") {
            trial.x = 65.0;
        }
        let told = across(&steady(9, 1.0, 2.0), &other);
        assert_eq!(told.iter().map(|one| &*one.of.model).collect::<Vec<_>>(), ["a"]);

        let told = across(&steady(9, 0.0, 0.0), &steady(9, 0.0, 0.0));
        assert_eq!(told[0].standing, Standing::Equivalent);
        let told = across(&steady(9, 0.0, 0.0), &steady(9, 1.0, 1.0));
        assert_eq!((told[0].change, told[0].standing), (None, Standing::Inconclusive));
    }

    /// Two runs of the same server on a noisy machine, which was another each day.
    #[test]
    fn a_server_is_told_from_itself_in_at_most_one_of_twenty() {
        let mut random = ChaCha8Rng::seed_from_u64(11);
        let mut noise = || {
            let normal: f64 = (0..12).map(|_| random.random::<f64>()).sum::<f64>() - 6.0;
            (normal * 0.1).exp()
        };
        let mut wrong = 0;
        for _ in 0..200 {
            let mut day = |speed: f64| {
                let pairs: Vec<(f64, f64)> =
                    (0..9).map(|_| (speed * noise(), speed * 2.0 * noise())).collect();
                run(pairs)
            };
            let told = across(&day(1.0), &day(1.4));
            wrong += i32::from(matches!(told[1].standing, Standing::Better | Standing::Worse));
        }
        assert!(wrong <= 12, "{wrong} of 200");
    }
}
