//! Everyone against the baseline, and the baseline against itself, within blocks.

use std::collections::BTreeSet;

use results::{Cell, Compare, Comparison, Figure, Standing, Trial};

use crate::estimate::{Estimate, FEWEST};

/// The trials of one block at one variant and x, which ran one after the other.
type Place = (Option<String>, u64);

/// Controls and comparisons of an experiment.
pub(crate) fn compare(
    plan: &Compare,
    models: &[String],
    trials: &[Trial],
) -> (Vec<Comparison>, Vec<Comparison>) {
    let (mut controls, mut comparisons) = (Vec::new(), Vec::new());
    for (variant, x) in places(plan, trials) {
        let cell = |model: &str| Cell { model: model.to_owned(), variant: variant.clone(), x };
        let here: BTreeSet<&str> =
            trials.iter().filter(|t| is_at(t, &cell(&t.model))).map(|t| &*t.model).collect();
        let Some(baseline) = baseline(plan, models, |model| here.contains(model)) else { continue };
        let others = models.iter().filter(|&model| model != baseline);
        for &figure in &plan.figures {
            controls.extend(control(plan, &cell(baseline), figure, trials));
            for other in others.clone().filter(|model| here.contains(model.as_str())) {
                comparisons.extend(comparison(plan, &cell(other), &cell(baseline), figure, trials));
            }
        }
    }
    (controls, comparisons)
}

/// Who the others are compared with, where only some are measured.
pub(crate) fn baseline<'m>(
    plan: &Compare,
    models: &'m [String],
    is_here: impl Fn(&str) -> bool,
) -> Option<&'m String> {
    let here = || models.iter().filter(|model| is_here(model));
    here().find(|model| **model == plan.baseline).or_else(|| here().next())
}

/// The baseline of `cell` against itself; `None` if it was not measured twice.
pub(crate) fn control(
    plan: &Compare,
    cell: &Cell,
    figure: Figure,
    trials: &[Trial],
) -> Option<Comparison> {
    let again = |trial: &Trial| trial.control && is_at(trial, cell);
    let estimate = ratio(trials, figure, again, |trial| is_of(trial, cell))?;
    let (standing, why) = if estimate.carries() {
        (plan.standing(figure, estimate.low, estimate.high), None)
    } else {
        (Standing::Inconclusive, Some(few(estimate.count)))
    };
    Some(told(figure, cell, cell, estimate, standing, why))
}

fn comparison(
    plan: &Compare,
    of: &Cell,
    over: &Cell,
    figure: Figure,
    trials: &[Trial],
) -> Option<Comparison> {
    let estimate = ratio(trials, figure, |trial| is_of(trial, of), |trial| is_of(trial, over))?;
    let (standing, why) = if let Some(why) = unlike(of, over, trials) {
        (Standing::Unlike, Some(why))
    } else if !estimate.carries() {
        (Standing::Inconclusive, Some(few(estimate.count)))
    } else if let Some(stray) = stray(plan, over, figure, trials) {
        // What differs by more than the control strayed differs all the same.
        match plan.standing_beyond(stray.edge, figure, estimate.low, estimate.high) {
            told @ (Standing::Better | Standing::Worse) => (told, Some(stray.why)),
            _ => (Standing::Inconclusive, Some(stray.why)),
        }
    } else {
        (plan.standing(figure, estimate.low, estimate.high), None)
    };
    Some(told(figure, of, over, estimate, standing, why))
}

/// A control that is told from itself.
#[derive(Debug)]
pub(crate) struct Stray {
    /// How far it may have strayed, as a factor of 1 or more.
    pub(crate) edge: f64,
    /// The same in words.
    pub(crate) why: String,
}

/// How far the control at `cell`'s variant and x strays, if it is told from itself.
pub(crate) fn stray(
    plan: &Compare,
    cell: &Cell,
    figure: Figure,
    trials: &[Trial],
) -> Option<Stray> {
    let twice = trials.iter().find(|trial| {
        trial.control && trial.variant == cell.variant && trial.x.total_cmp(&cell.x).is_eq()
    })?;
    let control =
        control(plan, &Cell { model: twice.model.clone(), ..cell.clone() }, figure, trials)?;
    let Comparison { standing, ratio, low, high, .. } = control;
    matches!(standing, Standing::Better | Standing::Worse).then(|| Stray {
        edge: high.max(1.0 / low),
        why: format!("the control differs from itself, {ratio:.2} [{low:.2}, {high:.2}]"),
    })
}

/// Whether every interval that counts is narrow enough, so that no more blocks
/// are needed. Never because a verdict pleases: only widths are looked at.
pub(crate) fn are_narrow(plan: &Compare, comparisons: &[&Comparison]) -> bool {
    let primary = plan.figures.first();
    let counts =
        |one: &&&Comparison| Some(&one.figure) == primary && one.standing != Standing::Unlike;
    comparisons
        .iter()
        .filter(counts)
        .all(|one| one.blocks as usize >= FEWEST && one.high <= one.low * (1.0 + plan.narrow))
}

pub(crate) fn few(blocks: u32) -> String {
    let blocks = if blocks == 1 { "1 block".to_owned() } else { format!("{blocks} blocks") };
    format!("{blocks}: an interval needs {FEWEST}")
}

fn told(
    figure: Figure,
    of: &Cell,
    over: &Cell,
    estimate: Estimate,
    standing: Standing,
    why: Option<String>,
) -> Comparison {
    Comparison {
        figure,
        of: of.clone(),
        over: over.clone(),
        ratio: estimate.median,
        low: estimate.low,
        high: estimate.high,
        blocks: estimate.count,
        standing,
        why,
    }
}

/// The ratio of `figure` between the two trials of each block that has both.
fn ratio(
    trials: &[Trial],
    figure: Figure,
    of: impl Fn(&Trial) -> bool,
    over: impl Fn(&Trial) -> bool,
) -> Option<Estimate> {
    let value = |block: u32, which: &dyn Fn(&Trial) -> bool| {
        let trial = trials.iter().find(|t| t.block == block && t.void.is_none() && which(t))?;
        trial.figures.get(&figure).copied()
    };
    let blocks: BTreeSet<u32> = trials.iter().map(|trial| trial.block).collect();
    let ratios = blocks.into_iter().filter_map(|block| {
        let ratio = value(block, &of)? / value(block, &over)?;
        ratio.is_finite().then_some(ratio)
    });
    Estimate::of(ratios.collect())
}

/// Why the two cells did not do the same work, if so.
fn unlike(of: &Cell, over: &Cell, trials: &[Trial]) -> Option<String> {
    let served = |cell: &Cell| {
        let served = trials.iter().filter(|trial| trial.is_usable() && is_of(trial, cell));
        Estimate::of(served.filter_map(|t| t.figures.get(&Figure::Served).copied()).collect())
    };
    let (of, over) = (served(of)?.median, served(over)?.median);
    ((of - over).abs() > f64::EPSILON)
        .then(|| format!("of the connections it served {of}, the other {over}"))
}

fn places(plan: &Compare, trials: &[Trial]) -> Vec<(Option<String>, f64)> {
    let places: BTreeSet<Place> = trials
        .iter()
        .filter(|trial| plan.is_at(trial.x))
        .map(|trial| (trial.variant.clone(), trial.x.to_bits()))
        .collect();
    places.into_iter().map(|(variant, x)| (variant, f64::from_bits(x))).collect()
}

/// Whether the trial is one of `cell`, and no control.
fn is_of(trial: &Trial, cell: &Cell) -> bool {
    !trial.control && is_at(trial, cell)
}

fn is_at(trial: &Trial, cell: &Cell) -> bool {
    trial.model == cell.model && trial.variant == cell.variant && trial.x.total_cmp(&cell.x).is_eq()
}

#[cfg(test)]
pub(crate) mod tests {
    use rand::{RngExt as _, SeedableRng as _};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    const FIGURE: Figure = Figure::RequestsPerServerCpuSecond;

    pub(crate) fn trial(block: u32, model: &str, value: f64) -> Trial {
        Trial {
            block,
            turn: 0,
            model: model.to_owned(),
            control: false,
            variant: None,
            x: 64.0,
            void: None,
            warnings: Vec::new(),
            figures: [(FIGURE, value), (Figure::Served, 64.0)].into(),
            workers: Vec::new(),
        }
    }

    pub(crate) fn control_trial(block: u32, model: &str, value: f64) -> Trial {
        Trial { control: true, ..trial(block, model, value) }
    }

    pub(crate) fn plan() -> Compare {
        Compare {
            baseline: "a".to_owned(),
            figures: vec![FIGURE],
            at: Vec::new(),
            equivalent: 0.05,
            narrow: 0.1,
        }
    }

    fn of(trials: &[Trial]) -> (Comparison, Comparison) {
        let models = ["a", "b"].map(str::to_owned);
        let (mut controls, mut comparisons) = compare(&plan(), &models, trials);
        assert_eq!((controls.len(), comparisons.len()), (1, 1));
        (controls.remove(0), comparisons.remove(0))
    }

    #[test]
    fn ratios_are_taken_within_blocks() {
        // The machine gets faster all the time: the ratio does not see it.
        let trials: Vec<Trial> = (0..6)
            .flat_map(|n| {
                let speed = 1.5f64.powi(n);
                let block = n.unsigned_abs();
                [
                    trial(block, "a", 2.0 * speed),
                    trial(block, "b", 3.0 * speed),
                    control_trial(block, "a", 2.0 * speed),
                ]
            })
            .collect();
        let (control, comparison) = of(&trials);
        assert_eq!(control.standing, Standing::Equivalent);
        assert_eq!((comparison.low, comparison.high), (1.5, 1.5));
        assert_eq!(comparison.standing, Standing::Better);
    }

    #[test]
    fn few_blocks_and_unlike_work_carry_no_verdict() {
        let blocks = |count| (0..count).flat_map(|n| [trial(n, "a", 2.0), trial(n, "b", 3.0)]);
        let models = ["a", "b"].map(str::to_owned);
        let (_, few) = compare(&plan(), &models, &blocks(5).collect::<Vec<_>>());
        assert_eq!(few[0].standing, Standing::Inconclusive);

        let mut starved: Vec<Trial> = blocks(6).collect();
        for trial in starved.iter_mut().filter(|trial| trial.model == "b") {
            trial.figures.insert(Figure::Served, 4.0);
        }
        let (_, unlike) = compare(&plan(), &models, &starved);
        assert_eq!(unlike[0].standing, Standing::Unlike);
        assert!(unlike[0].why.as_ref().unwrap().contains("served 4, the other 64"));
    }

    #[test]
    fn a_control_that_differs_refutes_what_differs_less() {
        let beside = |b: f64| {
            let block = |n| [trial(n, "a", 2.0), trial(n, "b", b), control_trial(n, "a", 2.4)];
            of(&(0..6).flat_map(block).collect::<Vec<_>>())
        };
        let (control, comparison) = beside(2.2);
        assert_eq!(control.standing, Standing::Better);
        assert_eq!(comparison.standing, Standing::Inconclusive);
        assert!(comparison.why.unwrap().contains("control"));
        // Half as much again is more than the fifth that the control strayed.
        assert_eq!(beside(3.0).1.standing, Standing::Better);
    }

    /// Reports of a noisy machine, with the rule that ends them: the drift
    /// within a block is that of a shared machine, with outliers.
    fn reports(truth: f64) -> Vec<(Comparison, Comparison)> {
        let mut random = ChaCha8Rng::seed_from_u64(7);
        let mut noise = move || {
            let normal: f64 = (0..12).map(|_| random.random::<f64>()).sum::<f64>() - 6.0;
            let outlier = if random.random::<f64>() < 0.1 { 5.0 } else { 1.0 };
            (normal * outlier * 0.05).exp()
        };
        let mut report = || {
            let mut trials = Vec::new();
            for block in 0..20 {
                trials.push(trial(block, "a", noise()));
                trials.push(trial(block, "b", truth * noise()));
                trials.push(control_trial(block, "a", noise()));
                let (control, comparison) = of(&trials);
                if block + 1 >= 6 && are_narrow(&plan(), &[&control, &comparison]) {
                    break;
                }
            }
            of(&trials)
        };
        (0..400).map(|_| report()).collect()
    }

    #[test]
    fn a_server_is_told_from_itself_in_at_most_one_report_of_twenty() {
        let told = |standing| matches!(standing, Standing::Better | Standing::Worse);
        let wrong = reports(1.0).iter().filter(|(_, ab)| told(ab.standing)).count();
        assert!(wrong <= 20, "{wrong} of 400");
    }

    #[test]
    fn a_fifth_more_cost_is_told_in_nineteen_reports_of_twenty() {
        let right = reports(1.0 / 1.2).iter().filter(|r| r.1.standing == Standing::Worse).count();
        assert!(right >= 380, "{right} of 400");
    }
}
