//! Two points of an experiment, held against each other.
//!
//! What the experiment compares has its verdict there. Any other two are judged by the
//! same rules.

use results::{Cell, Comparison, Experiment, Figure, Judge, Measured, Standing};

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
    let measured = &Measured::of(experiment);
    Judge { experiment, measured }.comparison(of, over, figure)
}
