//! `{{figure EXPERIMENT MODEL X FIGURE}}`: a number that was measured.
//!
//! X is a place on the axis, `max` or `min`. `variant=NAME` chooses a variant,
//! `show=range` adds the least and the greatest of the blocks.

use crate::{
    cell::{self, Point},
    directive::Directive,
    evidence::{Evidence, Failure},
    html, quantity,
};

const USAGE: &str = "figure EXPERIMENT MODEL X FIGURE [variant=NAME] [show=range]";

pub(super) fn render(directive: &Directive<'_>, evidence: &Evidence) -> Result<String, Failure> {
    let [experiment, model, x, figure] = directive.exactly(&["variant", "show"], USAGE)?;
    let figure = cell::figure(figure)?;
    let with_range = match directive.option("show") {
        None => false,
        Some("range") => true,
        Some(other) => return Err(format!("show={other}; write {{{{{USAGE}}}}}").into()),
    };
    let experiment = evidence.experiment(experiment)?;
    let point = Point { model, variant: directive.option("variant"), x };
    let statistic = point.statistic(experiment, figure)?;

    let range = quantity::range(figure.unit(), statistic.low, statistic.high);
    let title = format!(
        "{}: {}, {}: {}, {range}",
        experiment.name,
        figure.label(),
        cell::describe(experiment, model, point.variant, statistic.x),
        cell::blocks(experiment, statistic.blocks)
    );
    let median = quantity::format(figure.unit(), statistic.median);
    let text = if with_range && range != median { format!("{median} ({range})") } else { median };
    Ok(html::figure(&text, &title))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{missing, render, render_without_results, wrong};

    #[test]
    fn a_figure_names_where_it_is_from() {
        assert_eq!(
            render("{{figure starvation thread-pool 64 served}}").unwrap(),
            "<span class=\"figure\" title=\"starvation: connections served, \
             thread-pool, 64 connections: median of 5 blocks, 4\">4</span>"
        );
        let wait = render("{{figure starvation event-loop max longest_wait_ms show=range}}");
        let wait = wait.unwrap();
        assert!(wait.contains(">2.5\u{202f}ms (2\u{202f}ms–3\u{202f}ms)<"), "{wait}");
    }

    #[test]
    fn a_figure_that_was_not_measured_is_missing() {
        let text = "{{figure starvation thread-pool 64 served}}";
        assert_eq!(missing(render_without_results(text)), "cargo lab bench starvation");
        let text = "{{figure starvation thread-pool 1000 served}}";
        assert_eq!(missing(render(text)), "cargo lab bench starvation");
    }

    #[test]
    fn a_misspelt_figure_is_wrong_even_without_results() {
        assert!(wrong("{{figure starvation thread-pool 64 servd}}").contains("servd"));
        assert!(
            render_without_results("{{figure a b 1 servd}}")
                .is_err_and(|failure| matches!(failure, crate::evidence::Failure::Wrong(_)))
        );
        assert!(wrong("{{figure starvation thred-pool 64 served}}").contains("thread-pool"));
        assert!(wrong("{{figure starvation thread-pool served}}").contains("wants 4 arguments"));
        assert!(wrong("{{figure starvation thread-pool 64 served show=x}}").contains("show=x"));
    }
}
