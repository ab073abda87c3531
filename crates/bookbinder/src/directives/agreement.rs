//! `{{agreement EXPERIMENT OTHER X FIGURE}}`: whether two ways to measure say the same.
//!
//! A row for each model that both compare with the baseline at X: its ratio in the
//! one, its ratio in the other, and what the one is over the other, with an interval.

use results::{Cell, Comparison, Experiment, Figure, Measured};

use crate::{
    cell,
    directive::Directive,
    evidence::{Evidence, Failure, Missing},
    html,
};

const USAGE: &str = "agreement EXPERIMENT OTHER X FIGURE";
const HEAD: &str = "<div class=\"table-wrapper\"><table class=\"claims comparisons\">\n<thead><tr>";
const FOOT: &str = "</tbody>\n</table></div>";

pub(super) fn render(directive: &Directive<'_>, evidence: &Evidence) -> Result<String, Failure> {
    let [one, other, x, figure] = directive.exactly(&[], USAGE)?;
    let figure = cell::figure(figure)?;
    let x: f64 = x.parse().map_err(|_| format!("{x} is no number; write {{{{{USAGE}}}}}"))?;
    let (one, other) = (evidence.experiment(one)?, evidence.experiment(other)?);
    let both = (Measured::of(one), Measured::of(other));
    let rows: Vec<String> = pairs(one, other, x, figure)
        .filter_map(|(first, second)| row(&both, first, second, figure))
        .collect();
    if rows.is_empty() {
        return Err(Failure::Missing(Missing {
            what: format!("no model is compared in both, at {x}"),
            ..Missing::experiment(&other.name)
        }));
    }
    let names = [&one.name, &other.name].map(|name| html::code(name));
    let head = format!(
        "{HEAD}<th>Model</th><th>In {}</th><th>In {}</th><th>One over the other</th></tr></thead>\n<tbody>\n",
        names[0], names[1]
    );
    Ok(html::block(&format!("{head}{}{FOOT}", rows.concat())))
}

/// The comparisons of a figure at `x` that both have, of one model over one baseline,
/// where both did the same work.
fn pairs<'e>(
    one: &'e Experiment,
    other: &'e Experiment,
    x: f64,
    figure: Figure,
) -> impl Iterator<Item = (&'e Comparison, &'e Comparison)> {
    let is_meant = move |one: &&Comparison| {
        one.figure == figure
            && one.of.x.total_cmp(&x).is_eq()
            && one.standing != results::Standing::Unlike
    };
    one.comparisons.iter().filter(is_meant).filter_map(move |first| {
        let mut there = other.comparisons.iter().filter(is_meant);
        let second = there.find(|c| (&c.of, &c.over) == (&first.of, &first.over))?;
        Some((first, second))
    })
}

fn row(
    both: &(Measured, Measured),
    first: &Comparison,
    second: &Comparison,
    figure: Figure,
) -> Option<String> {
    let estimate = |measured: &Measured, c: &Comparison| measured.ratio(&c.of, &c.over, figure);
    let over = estimate(&both.0, first)?.over(&estimate(&both.1, second)?)?;
    let told = |value: f64, low: f64, high: f64| {
        format!("<td>{} {}</td>", results::ratio(value), results::ratios(low, high))
    };
    let Cell { model, .. } = &first.of;
    Some(format!(
        "<tr><td>{}</td>{}{}{}</tr>\n",
        html::escape(model),
        told(first.ratio, first.low, first.high),
        told(second.ratio, second.low, second.high),
        told(over.value, over.low, over.high),
    ))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{missing, render, render_without_results, wrong};

    #[test]
    fn an_experiment_agrees_with_itself() {
        let table = render("{{agreement starvation starvation 64 served}}").unwrap();
        assert!(table.contains("<td>event-loop</td><td>16 [15, 17]</td>"), "{table}");
        assert!(table.contains("<td>1.00 [1.00, 1.00]</td>"), "{table}");
        assert!(!table.contains("<td>thread-pool</td>"), "it did other work: {table}");
    }

    #[test]
    fn what_is_misspelt_or_not_measured_is_told() {
        assert!(wrong("{{agreement starvation starvation x served}}").contains("no number"));
        assert!(wrong("{{agreement starvatoin starvation 64 served}}").contains("starvation"));
        let text = "{{agreement starvation starvation 2 served}}";
        assert_eq!(missing(render_without_results(text)), "cargo lab bench starvation");
        assert_eq!(missing(render(text)), "cargo lab bench starvation");
    }
}
