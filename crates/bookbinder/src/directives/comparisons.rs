//! `{{comparisons EXPERIMENT}}`: everyone against the baseline, with intervals and verdicts.
//!
//! `figure=FIGURE` and `variant=NAME` choose a part. The controls stand on top:
//! how far a server differs from itself says how far to believe the rest.

use results::{Comparison, Experiment, Figure, Standing};

use crate::{
    cell,
    directive::Directive,
    evidence::{Evidence, Failure, Missing},
    html,
    nearest::advice,
};

const USAGE: &str = "comparisons EXPERIMENT [figure=FIGURE] [variant=NAME]";
const FOOT: &str = "</tbody>\n</table></div>";

pub(super) fn render(directive: &Directive<'_>, evidence: &Evidence) -> Result<String, Failure> {
    let [name] = directive.exactly(&["figure", "variant"], USAGE)?;
    let figure = directive.option("figure").map(cell::figure).transpose()?;
    let variant = directive.option("variant");
    let experiment = evidence.experiment(name)?;
    check(experiment, figure, variant)?;

    let wanted = |c: &&Comparison| {
        figure.is_none_or(|figure| c.figure == figure)
            && (variant.is_none() || c.of.variant.as_deref() == variant)
    };
    let controls: Vec<&Comparison> = experiment.controls.iter().filter(wanted).collect();
    let comparisons: Vec<&Comparison> = experiment.comparisons.iter().filter(wanted).collect();
    if comparisons.is_empty() {
        return Err(Failure::Missing(Missing {
            what: "no block holds two that are compared".to_owned(),
            ..Missing::experiment(name)
        }));
    }
    let several = Several { figures: figure.is_none() && experiment.compare.figures.len() > 1 };
    let mut html = several.head();
    for one in controls.into_iter().chain(comparisons) {
        html.push_str(&several.row(experiment, one));
    }
    html.push_str(FOOT);
    html.push_str(&provenance(experiment));
    Ok(html::block(&html))
}

/// Whether the experiment compares what is asked for.
fn check(
    experiment: &Experiment,
    figure: Option<Figure>,
    variant: Option<&str>,
) -> Result<(), String> {
    let name = &experiment.name;
    let figures = &experiment.compare.figures;
    if let Some(figure) = figure.filter(|figure| !figures.contains(figure)) {
        let known: Vec<String> = figures.iter().map(|&figure| cell::name(figure)).collect();
        let wanted = cell::name(figure);
        let advice = advice(&wanted, known.iter().map(String::as_str));
        return Err(format!("`{name}` does not compare `{wanted}`{advice}"));
    }
    let variants = || experiment.variants.iter().map(String::as_str);
    match variant {
        Some(variant) if !variants().any(|known| known == variant) => {
            Err(format!("no variant `{variant}` in `{name}`{}", advice(variant, variants())))
        }
        _ => Ok(()),
    }
}

/// The columns that a table needs.
#[derive(Clone, Copy)]
struct Several {
    /// Whether the figure must be told in each row.
    figures: bool,
}

impl Several {
    fn head(self) -> String {
        let figure = if self.figures { "<th>Figure</th>" } else { "" };
        format!(
            "<div class=\"table-wrapper\"><table class=\"claims comparisons\">\n<thead><tr>\
             <th>What</th><th>Over</th>{figure}<th>Ratio [95&nbsp;% interval]</th><th>Verdict</th>\
             </tr></thead>\n<tbody>\n"
        )
    }

    fn row(self, experiment: &Experiment, one: &Comparison) -> String {
        let of = experiment.place(&one.of);
        let (row, over) = if one.is_control() {
            (" class=\"control\"", "itself")
        } else {
            ("", one.over.model.as_str())
        };
        let figure = if self.figures {
            format!("<td>{}</td>", html::escape(one.figure.label()))
        } else {
            String::new()
        };
        let (class, verdict) = (class(one), one.label());
        let why =
            one.why.as_ref().map_or_else(String::new, |why| format!("<br>{}", html::escape(why)));
        let title = format!("{}: {}", experiment.name, cell::blocks(experiment, one.blocks));
        format!(
            "<tr{row}><td>{}</td><td>{}</td>{figure}<td title=\"{}\">{}</td>\
             <td class=\"{class}\"><strong>{verdict}</strong>{why}</td></tr>\n",
            html::escape(&of),
            html::escape(over),
            html::escape(&title),
            one.told(),
        )
    }
}

/// The class of a verdict.
fn class(one: &Comparison) -> &'static str {
    match one.standing {
        Standing::Better if !one.is_control() => "better",
        Standing::Better | Standing::Worse => "worse",
        _ => "inconclusive",
    }
}

/// How the table came about: `9 blocks …; ratios up to 1.05 are equivalent`.
fn provenance(experiment: &Experiment) -> String {
    let effort = experiment.effort();
    format!(
        "\n<p class=\"provenance\">Ratios within blocks: {effort}. From {} to {} they \
         are equivalent. Measured by {}.</p>",
        results::ratio(1.0 / (1.0 + experiment.compare.equivalent)),
        results::ratio(1.0 + experiment.compare.equivalent),
        html::code(&format!("cargo lab bench {}", experiment.name))
    )
}

#[cfg(test)]
mod tests {
    use super::super::testing::{missing, render, render_in, render_without_results, wrong};
    use crate::fixture;

    #[test]
    fn a_table_has_the_control_on_top_and_verdicts_in_words() {
        let table = render("{{comparisons starvation}}").unwrap();
        for part in [
            "<th>Over</th><th>Figure</th><th>Ratio",
            "<tr class=\"control\"><td>event-loop (64 connections)</td><td>itself</td>\
             <td>longest wait for a first byte</td>",
            ">1.01 [0.98, 1.04]</td><td class=\"inconclusive\"><strong>equivalent</strong></td>",
            "<td>thread-pool (64 connections)</td><td>event-loop</td>",
            ">3.00 [2.00, 4.00]</td><td class=\"worse\"><strong>slower</strong></td>",
            "<strong>not alike</strong><br>of the connections it served 4, the other 64</td>",
            "Ratios within blocks: 5 blocks. From 0.95 to 1.05",
        ] {
            assert!(table.contains(part), "{part} in\n{table}");
        }
        let one = render("{{comparisons starvation figure=longest_wait_ms}}").unwrap();
        assert!(!one.contains("<th>Figure</th>") && !one.contains("not alike"), "{one}");
    }

    #[test]
    fn what_was_not_measured_is_missing() {
        let text = "{{comparisons starvation}}";
        assert_eq!(missing(render_without_results(text)), "cargo lab bench starvation");
        let folder = tempfile::tempdir().unwrap();
        fixture::results(folder.path());
        let mut experiment = fixture::starvation();
        experiment.comparisons.clear();
        results::Store::new(folder.path().join("results")).write_experiment(&experiment).unwrap();
        assert_eq!(missing(render_in(folder.path(), text)), "cargo lab bench starvation");
    }

    #[test]
    fn what_is_misspelt_is_told_the_nearest() {
        assert!(wrong("{{comparisons starvatoin}}").contains("did you mean `starvation`?"));
        assert!(wrong("{{comparisons starvation figure=servd}}").contains("servd"));
        let reason = wrong("{{comparisons starvation figure=pss_bytes}}");
        assert!(reason.contains("does not compare `pss_bytes`"), "{reason}");
        assert!(reason.contains("longest_wait_ms"), "{reason}");
        let reason = wrong("{{comparisons starvation variant=sleep}}");
        assert!(reason.contains("no variant `sleep`"), "{reason}");
        assert!(wrong("{{comparisons}}").contains("comparisons EXPERIMENT"));
    }
}
