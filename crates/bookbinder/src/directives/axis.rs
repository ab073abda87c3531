//! `{{axis EXPERIMENT MODEL max FIGURE}}`: the greatest x at which a figure was measured.
//!
//! A sweep is cut to the limits of the machine; a sentence that speaks of its
//! end takes the number from here.

use results::Unit;

use crate::{
    cell::{self, Point},
    directive::Directive,
    evidence::{Evidence, Failure},
    html, quantity,
};

const USAGE: &str = "axis EXPERIMENT MODEL max|min FIGURE [variant=NAME]";

pub(super) fn render(directive: &Directive<'_>, evidence: &Evidence) -> Result<String, Failure> {
    let [experiment, model, x, figure] = directive.exactly(&["variant"], USAGE)?;
    if !matches!(x, "max" | "min") {
        return Err(format!("`{x}` is not `max` or `min`; write {{{{{USAGE}}}}}").into());
    }
    let figure = cell::figure(figure)?;
    let experiment = evidence.experiment(experiment)?;
    let point = Point { model, variant: directive.option("variant"), x };
    let statistic = point.statistic(experiment, figure)?;
    let end = if x == "max" { "greatest" } else { "least" };
    let title = format!(
        "{}: the {end} of {} that {model} was run with",
        experiment.name, experiment.x.label
    );
    Ok(html::figure(&quantity::format(Unit::Count, statistic.x), &title))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{missing, render, render_without_results, wrong};

    #[test]
    fn the_ends_of_the_axis() {
        let max = render("{{axis starvation thread-pool max served}}").unwrap();
        assert!(max.ends_with(">64</span>"), "{max}");
        let min = render("{{axis starvation thread-pool min served}}").unwrap();
        assert!(min.ends_with(">2</span>"), "{min}");
    }

    #[test]
    fn a_number_has_no_need_of_it_and_no_results_are_missing() {
        assert!(wrong("{{axis starvation thread-pool 64 served}}").contains("max|min"));
        assert!(wrong("{{axis starvation thread-poll max served}}").contains("thread-pool"));
        let text = "{{axis starvation thread-pool max served}}";
        assert_eq!(missing(render_without_results(text)), "cargo lab bench starvation");
    }
}
