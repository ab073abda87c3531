//! Two points of an experiment, held against each other.
//!
//! What the experiment compares has its verdict there. Any other two are held against
//! the same edge, and by the same rules: no verdict before all blocks are there, none
//! between servers that did not serve alike, and none that a control contradicts.

use results::{Cell, Comparison, Estimate, Experiment, FEWEST_BLOCKS, Figure, Measured, Standing};

use crate::{
    cell::{self, Point},
    directive::Directive,
    evidence::{Evidence, Failure, Missing},
    html,
};

/// The options that name a pair.
pub(crate) const OPTIONS: [&str; 5] = ["variant", "over", "over-x", "over-variant", "show"];

/// A pair as a directive names it, with what is known of it.
pub(crate) struct Pair<'e> {
    experiment: &'e Experiment,
    pub(crate) comparison: Comparison,
}

impl<'e> Pair<'e> {
    /// Reads `EXPERIMENT MODEL X FIGURE over=MODEL …`.
    pub(crate) fn read(
        directive: &Directive<'_>,
        evidence: &'e Evidence,
        options: &[&str],
        usage: &str,
    ) -> Result<Self, Failure> {
        let [experiment, model, x, figure] = directive.exactly(options, usage)?;
        let figure = cell::figure(figure)?;
        if !directive.options.iter().any(|(key, _)| key.starts_with("over")) {
            return Err(format!("nothing to hold it against; write {{{{{usage}}}}}").into());
        }
        let experiment = evidence.experiment(experiment)?;
        let of = Point { model, variant: directive.option("variant"), x };
        let over = Point {
            model: directive.option("over").unwrap_or(of.model),
            variant: directive.option("over-variant").or(of.variant),
            x: directive.option("over-x").unwrap_or(of.x),
        };
        let cell = |point: Point<'_>| {
            let found = point.statistic(experiment, figure)?;
            let (model, variant) = (found.model.clone(), found.variant.clone());
            Ok::<_, Failure>(Cell { model, variant, x: found.x })
        };
        let (of, over) = (cell(of)?, cell(over)?);
        let comparison = compared(experiment, figure, &of, &over)
            .or_else(|| judged(experiment, figure, &of, &over))
            .ok_or_else(|| {
                Failure::Missing(Missing {
                    what: "no block holds both points".to_owned(),
                    ..Missing::experiment(&experiment.name)
                })
            })?;
        Ok(Self { experiment, comparison })
    }

    /// `text`, with all that is known of the pair for who rests the pointer on it.
    pub(crate) fn show(&self, text: &str) -> String {
        let one = &self.comparison;
        let why = one.why.iter().fold(String::new(), |_, why| format!(" ({why})"));
        let title = format!(
            "{}: {}, {}: {}, {} {}: {}{why}",
            self.experiment.name,
            one.figure.label(),
            self.experiment.pair(&one.of, &one.over),
            cell::blocks(self.experiment, one.blocks),
            results::ratio(one.ratio),
            format_args!("{} {}", results::ends(one.blocks), results::ratios(one.low, one.high)),
            one.label(),
        );
        html::figure(text, &title)
    }
}

/// The comparison of two cells, if the experiment made it, in either order.
pub(crate) fn compared(
    experiment: &Experiment,
    figure: Figure,
    of: &Cell,
    over: &Cell,
) -> Option<Comparison> {
    let find = |of: &Cell, over: &Cell| {
        let mut all = experiment.comparisons.iter();
        all.find(|one| one.figure == figure && one.of == *of && one.over == *over).cloned()
    };
    find(of, over).or_else(|| find(over, of).map(turned))
}

/// The other way round.
fn turned(one: Comparison) -> Comparison {
    Comparison {
        ratio: 1.0 / one.ratio,
        low: 1.0 / one.high,
        high: 1.0 / one.low,
        of: one.over,
        over: one.of,
        standing: match one.standing {
            Standing::Better => Standing::Worse,
            Standing::Worse => Standing::Better,
            same => same,
        },
        ..one
    }
}

/// The comparison of two cells that the experiment did not make.
fn judged(experiment: &Experiment, figure: Figure, of: &Cell, over: &Cell) -> Option<Comparison> {
    let measured = Measured::of(experiment);
    let Estimate { value, low, high, blocks, .. } = measured.ratio(of, over, figure)?;
    let (standing, why) = if let Some(why) = unlike(&measured, figure, of, over) {
        (Standing::Unlike, Some(why))
    } else if blocks < FEWEST_BLOCKS || !experiment.complete {
        (Standing::Inconclusive, Some("there are not yet enough blocks".to_owned()))
    } else {
        let edge = edge(experiment, figure, [of, over]);
        let why = (edge > experiment.compare.edge(figure))
            .then(|| "a control against itself is not near enough to 1".to_owned());
        match experiment.compare.standing_beyond(edge, figure, low, high) {
            Standing::Equivalent if why.is_some() => (Standing::Inconclusive, why),
            standing => (standing, why),
        }
    };
    let (of, over) = (of.clone(), over.clone());
    Some(Comparison { figure, of, over, ratio: value, low, high, blocks, standing, why })
}

/// Why two cells did not do the same work, if they did not. Who is served, and how
/// evenly, may be held against each other all the same.
fn unlike(measured: &Measured, figure: Figure, of: &Cell, over: &Cell) -> Option<String> {
    let served = |cell| Some(measured.value(cell, Figure::Served)?.value);
    let (one, other) = (served(of)?, served(over)?);
    let is_of_all = figure.is_counted() || matches!(figure, Figure::Jain | Figure::LongestWaitMs);
    let is_alike = is_of_all || of.x.total_cmp(&over.x).is_ne() || (one - other).abs() < 0.5;
    (!is_alike).then(|| format!("of the connections it served {one:.0}, the other {other:.0}"))
}

/// The edge beyond which two cells differ: that of the plan, or as far as a control
/// beside one of them reaches.
fn edge(experiment: &Experiment, figure: Figure, cells: [&Cell; 2]) -> f64 {
    let is_beside = |control: &&Comparison| {
        let here = |cell: &&Cell| {
            cell.variant == control.of.variant && cell.x.total_cmp(&control.of.x).is_eq()
        };
        control.figure == figure && cells.iter().any(here)
    };
    let reached = experiment.controls.iter().filter(is_beside);
    reached.map(|c| c.high.max(1.0 / c.low)).fold(experiment.compare.edge(figure), f64::max)
}
