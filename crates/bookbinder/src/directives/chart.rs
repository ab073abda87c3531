//! `{{chart FILE}}`: the drawing, inline, so that it follows the book's theme.

use results::{Chart, Experiment};

use crate::{
    directive::Directive,
    evidence::{Evidence, Failure, Missing},
    html,
};

const USAGE: &str = "chart FILE";

pub(super) fn render(directive: &Directive<'_>, evidence: &Evidence) -> Result<String, Failure> {
    let [file] = directive.exactly(&[], USAGE)?;
    let (experiment, chart) = evidence.chart(file)?;
    let drawn = evidence.svg(file).map_err(|error| format!("cannot read {file}.svg: {error}"))?;
    let Some(drawn) = drawn else {
        return Err(Failure::Missing(Missing {
            what: "measured, but not drawn yet".to_owned(),
            command: "cargo lab plot".to_owned(),
        }));
    };
    // An XML declaration has no place within HTML.
    let Some(svg) = drawn.find("<svg").map(|start| &drawn[start..]) else {
        return Err(Failure::Wrong(format!("{file}.svg holds no <svg>; run `cargo lab plot`")));
    };
    Ok(html::block(&format!(
        "<figure class=\"measured\">\n{svg}\n<figcaption>{}</figcaption>\n</figure>",
        caption(experiment, chart)
    )))
}

/// What the drawing does not say itself: it has its title and the number of blocks.
fn caption(experiment: &Experiment, chart: &Chart) -> String {
    let left_out = experiment.left_out.iter().map(|left_out| {
        let (model, why) = (html::code(&left_out.model), html::escape(&left_out.why));
        format!(" Without {model}{}: {}.", left_out.place(), why.trim_end_matches('.'))
    });
    // On a busy machine too many for a caption.
    let void = match experiment.void_cells().len() {
        0 => String::new(),
        1 => " One cell was void in a block.".to_owned(),
        count => format!(" {count} cells were void in a block."),
    };
    let remarks = experiment
        .remarks
        .iter()
        .map(|remark| format!(" {}.", html::escape(remark.trim_end_matches('.'))))
        .chain([void]);
    format!(
        "{} <span class=\"provenance\">Measured by {}.{}</span>",
        html::escape(&chart.look_for),
        html::code(&format!("cargo lab bench {}", experiment.name)),
        left_out.chain(remarks).collect::<String>()
    )
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::testing::{missing, render, render_in, render_without_results, wrong};
    use crate::fixture;

    #[test]
    fn a_chart_is_inlined_with_its_caption() {
        let figure = render("{{chart starvation-served}}").unwrap();
        assert!(figure.starts_with("\n\n<figure class=\"measured\">\n<svg"), "{figure}");
        assert!(!figure.trim().contains("\n\n"), "{figure}");
        assert!(figure.contains("<figcaption>Flat lines starve. <span"));
        assert!(figure.contains("<code>cargo lab bench starvation</code>."));
        assert!(figure.contains("Without <code>single-threaded</code>: it serves one."));
        assert!(figure.contains("at 64 connections. 2 cells were void in a block.</span>"));
    }

    #[test]
    fn a_chart_that_was_not_measured_or_not_drawn_is_missing() {
        assert_eq!(missing(render_without_results("{{chart a}}")), "cargo lab bench");

        let folder = tempfile::tempdir().unwrap();
        fixture::results(folder.path());
        fs::remove_file(folder.path().join("results/charts/starvation-served.svg")).unwrap();
        let result = render_in(folder.path(), "{{chart starvation-served}}");
        assert_eq!(missing(result), "cargo lab plot");
    }

    #[test]
    fn a_misspelt_chart_is_wrong() {
        let reason = wrong("{{chart starvation-severd}}");
        assert!(reason.contains("did you mean `starvation-served`?"), "{reason}");
        assert!(wrong("{{chart}}").contains("{{chart FILE}}"));
    }
}
