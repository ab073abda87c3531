//! Two runs of one experiment, held against each other.
//!
//! The trials of two runs were not interleaved: whatever the machine did
//! meanwhile is in the ratio of their values. Where both runs measured the
//! baseline beside a cell, the ratio of the two ratios cancels how fast the
//! machine was that day, and the verdict is taken from it. It says nothing of the
//! baseline itself: if that has changed, all others seem to have.

use results::{Cell, Estimate, Experiment, FEWEST_BLOCKS, Figure, Measured, Standing, few};
use serde::Serialize;

use crate::comparisons::baseline;

/// One figure of one cell in two runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Across {
    /// The figure.
    pub figure: Figure,
    /// The cell.
    pub of: Cell,
    /// The value in the first run.
    pub before: f64,
    /// The value in the second.
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

/// A ratio with its 95 % interval; without one, where blocks are few.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// Ratio of the two.
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

/// A run with what it measured.
struct Run<'e> {
    experiment: &'e Experiment,
    measured: Measured<'e>,
}

/// Every cell that both runs measured, for each figure that the second compares.
#[must_use]
pub fn across(before: &Experiment, after: &Experiment) -> Vec<Across> {
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
    let run = |experiment| Run { experiment, measured: Measured::of(experiment) };
    let (before, after) = (run(before), run(after));
    let figures = after.experiment.compare.figures.iter();
    let each = |&figure: &Figure| -> Vec<Across> {
        common.iter().filter_map(|cell| one(&before, &after, cell, figure)).collect()
    };
    figures.flat_map(each).collect()
}

fn cells(run: &Experiment) -> Vec<Cell> {
    let mut cells: Vec<Cell> = Vec::new();
    for trial in run.trials.iter().filter(|trial| trial.is_usable()) {
        let cell = trial.cell();
        if !cells.contains(&cell) {
            cells.push(cell);
        }
    }
    cells
}

/// One figure of one cell; `None` if a run does not have it.
fn one(before: &Run, after: &Run, of: &Cell, figure: Figure) -> Option<Across> {
    let first = before.measured.value(of, figure)?;
    let second = after.measured.value(of, figure)?;
    let beside = beside(before.experiment, after.experiment, of);
    let over = |run: &Run, model: &str| {
        let below = Cell { model: model.to_owned(), ..of.clone() };
        run.measured.ratio(of, &below, figure)
    };
    let ratios = beside.and_then(|model| Some((over(before, model)?, over(after, model)?)));
    let relative = ratios.and_then(|(first, second)| quotient(&second, &first));
    let change = quotient(&second, &first);
    // What counts is what the verdict is taken from.
    let fewest = match (ratios, relative) {
        (Some((first, second)), Some(_)) => first.blocks.min(second.blocks),
        _ => first.blocks.min(second.blocks),
    };
    let (standing, why) = judge(before, after, of, figure, relative.or(change), fewest);
    Some(Across {
        figure,
        of: of.clone(),
        before: first.value,
        after: second.value,
        blocks: (first.blocks, second.blocks),
        change,
        baseline: beside.filter(|_| relative.is_some()).map(str::to_owned),
        relative,
        standing,
        why,
    })
}

fn quotient(of: &Estimate, over: &Estimate) -> Option<Interval> {
    if of.value.total_cmp(&over.value).is_eq() && of.low.total_cmp(&of.high).is_eq() {
        // Nothing and nothing are as much.
        return Some(Interval { ratio: 1.0, low: 1.0, high: 1.0 });
    }
    let Estimate { value: ratio, low, high, .. } = of.over(over)?;
    [ratio, low, high].iter().all(|v| v.is_finite()).then_some(Interval { ratio, low, high })
}

fn judge(
    before: &Run,
    after: &Run,
    of: &Cell,
    figure: Figure,
    interval: Option<Interval>,
    fewest: u32,
) -> (Standing, Option<String>) {
    let Some(interval) = interval else {
        return (Standing::Inconclusive, Some("there is no ratio over 0".to_owned()));
    };
    let served = |run: &Run| Some(run.measured.value(of, Figure::Served)?.value);
    if let (false, Some(first), Some(second)) = (figure.is_counted(), served(before), served(after))
        && (first - second).abs() > 0.01 * first
    {
        let why = format!("it served {first} connections in the first run, {second} in the second");
        return (Standing::Unlike, Some(why));
    }
    if fewest < FEWEST_BLOCKS && !figure.is_counted() {
        return (Standing::Inconclusive, Some(few(fewest)));
    }
    (after.experiment.compare.standing(figure, interval.low, interval.high), None)
}

/// The baseline that both runs measured at the variant and x of `of`, unless it is `of`.
fn beside<'a>(before: &'a Experiment, after: &'a Experiment, of: &Cell) -> Option<&'a str> {
    let found = |run: &'a Experiment| {
        let at = |model: &str| Cell { model: model.to_owned(), ..of.clone() };
        let is_here = |model: &str| {
            run.trials.iter().any(|trial| trial.is_usable() && trial.cell() == at(model))
        };
        baseline(&after.compare, &run.models, is_here).map(String::as_str)
    };
    let (first, second) = (found(before)?, found(after)?);
    (first == second && first != of.model).then_some(first)
}

#[cfg(test)]
mod tests {
    use rand::{RngExt as _, SeedableRng as _};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::comparisons::tests::{experiment, trial};

    /// A run of the baseline `a` and of `b`, given their values block by block.
    fn run(values: impl IntoIterator<Item = (f64, f64)>) -> Experiment {
        let pair = |(block, (a, b))| [trial(block, "a", a), trial(block, "b", b)];
        experiment((0..).zip(values).flat_map(pair).collect())
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
        let told = across(&steady(9, 1.0, 2.0), &steady(2, 1.0, 9.0));
        assert_eq!(told[1].standing, Standing::Inconclusive);
        assert!(told[1].why.as_ref().unwrap().contains("2 blocks"));

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
