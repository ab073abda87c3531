//! `{{figure EXPERIMENT MODEL X FIGURE}}`: a number that was measured.
//!
//! X is a place on the axis, `max` or `min`. `variant=NAME` chooses a variant,
//! `show=interval` adds the 95 % interval; of few blocks, their range.

use results::Cell;

use crate::{
    cell::{self, Point},
    directive::Directive,
    evidence::{Evidence, Failure},
    html, quantity,
};

const USAGE: &str = "figure EXPERIMENT MODEL X FIGURE [variant=NAME] [show=interval]";

pub(super) fn render(directive: &Directive<'_>, evidence: &Evidence) -> Result<String, Failure> {
    let [experiment, model, x, figure] = directive.exactly(&["variant", "show"], USAGE)?;
    let figure = cell::figure(figure)?;
    let with_interval = match directive.option("show") {
        None => false,
        Some("interval") => true,
        Some(other) => return Err(format!("show={other}; write {{{{{USAGE}}}}}").into()),
    };
    let experiment = evidence.experiment(experiment)?;
    let point = Point { model, variant: directive.option("variant"), x };
    let statistic = point.statistic(experiment, figure)?;

    let cell =
        Cell { model: model.to_owned(), variant: point.variant.map(str::to_owned), x: statistic.x };
    let interval = quantity::range(figure.unit(), statistic.low, statistic.high);
    let title = format!(
        "{}: {}, {}: {}, {} {interval}",
        experiment.name,
        figure.label(),
        experiment.place(&cell),
        cell::blocks(experiment, statistic.blocks),
        results::ends(statistic.blocks)
    );
    let value = quantity::format(figure.unit(), statistic.value);
    let text =
        if with_interval && interval != value { format!("{value} ({interval})") } else { value };
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
             thread-pool (64 connections): 2 blocks, range 4\">4</span>"
        );
        let wait = render("{{figure starvation event-loop max longest_wait_ms show=interval}}");
        let wait = wait.unwrap();
        assert!(wait.contains(">2.5\u{202f}ms (2\u{202f}ms–3\u{202f}ms)<"), "{wait}");
    }

    #[test]
    fn enough_blocks_have_an_interval() {
        let text = "{{figure starvation thread-pool 64 longest_wait_ms}}";
        let wait = render(text).unwrap();
        assert!(wait.contains("9 blocks, 95 % interval 6\u{202f}ms–9\u{202f}ms"), "{wait}");
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
