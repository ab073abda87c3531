//! `{{claims}}` and `{{claims EXPERIMENT}}`: sentences of the sources, held against the run.

use results::{Claim, Expectation, Experiment, Outcome, Verdict};

use crate::{
    cell,
    directive::Directive,
    evidence::{Evidence, Failure, Missing},
    html, quantity,
};

const HEAD: &str = "<div class=\"table-wrapper\"><table class=\"claims\">\n<thead><tr>\
                    <th>Claim</th><th>Expected</th><th>Measured (95&nbsp;% interval)</th>\
                    <th>Verdict</th>\
                    </tr></thead>\n<tbody>\n";
const FOOT: &str = "</tbody>\n</table></div>";

pub(super) fn render(directive: &Directive<'_>, evidence: &Evidence) -> Result<String, Failure> {
    directive.only(&[], "claims [EXPERIMENT]")?;
    let chosen: Vec<&Experiment> = if directive.arguments.is_empty() {
        evidence.experiments.iter().collect()
    } else {
        let [name] = directive.exactly(&[], "claims [EXPERIMENT]")?;
        vec![evidence.experiment(name)?]
    };
    if chosen.is_empty() {
        return Err(Failure::Missing(Missing::experiment("")));
    }
    let rows: String = chosen.iter().flat_map(|e| e.claims.iter().map(|c| row(e, c))).collect();
    let mut html = format!("{HEAD}{rows}{FOOT}");
    if rows.is_empty() {
        "<p>This experiment settles no claim.</p>".clone_into(&mut html);
    }
    if directive.arguments.is_empty() {
        html.push_str(&unmeasured(evidence));
    }
    Ok(html::block(&html))
}

fn row(experiment: &Experiment, claim: &Claim) -> String {
    let verdict = experiment.verdicts.iter().find(|verdict| verdict.claim == claim.id);
    let (class, label, why) = match verdict {
        Some(verdict) => (class(verdict.outcome), verdict.outcome.label(), verdict.why.as_str()),
        None => ("inconclusive", "not judged yet", ""),
    };
    format!(
        "<tr><td>{} <cite>{}</cite></td><td>{}</td><td>{}</td>\
         <td class=\"{class}\"><strong>{label}</strong><br>{}{} <small>{}</small></td></tr>\n",
        html::escape(&claim.says),
        html::escape(&claim.source),
        html::escape(&expectation(experiment, &claim.expects)),
        html::escape(&measured(&claim.expects, verdict)),
        html::escape(why.trim_end_matches('.')),
        html::escape(&standing(experiment, &claim.expects)),
        html::code(&experiment.name)
    )
}

/// What the comparison of the claim's cells says, if the experiment makes it.
fn standing(experiment: &Experiment, expects: &Expectation) -> String {
    let found = expects
        .over
        .as_ref()
        .and_then(|over| cell::comparison(experiment, expects.figure, &expects.of, over));
    found.map_or_else(String::new, |found| {
        let (of, over) = (&found.of.model, &found.over.model);
        format!("; {of} over {over}: {}", found.standing.label(found.figure))
    })
}

fn class(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Holds => "holds",
        Outcome::Fails => "fails",
        Outcome::Inconclusive | Outcome::NotMeasurable => "inconclusive",
    }
}

/// `connections served, thread-pool, 64 connections: at most 4`.
fn expectation(experiment: &Experiment, expects: &Expectation) -> String {
    let place = |cell: &results::Cell| {
        cell::describe(experiment, &cell.model, cell.variant.as_deref(), cell.x)
    };
    let over = expects.over.as_ref().map(|over| format!(", over {}", place(over)));
    let value = |value: f64| format(expects, value);
    let bounds = match (expects.at_least, expects.at_most) {
        (Some(least), Some(most)) => format!(": {} to {}", value(least), value(most)),
        (Some(least), None) => format!(": at least {}", value(least)),
        (None, Some(most)) => format!(": at most {}", value(most)),
        (None, None) => String::new(),
    };
    let tolerance = if expects.tolerance > 0.0 {
        format!(" (±\u{202f}{}\u{202f}%)", quantity::digits(expects.tolerance * 100.0))
    } else {
        String::new()
    };
    let (label, of, over) = (expects.figure.label(), place(&expects.of), over.unwrap_or_default());
    format!("{label}, {of}{over}{bounds}{tolerance}")
}

fn measured(expects: &Expectation, verdict: Option<&Verdict>) -> String {
    let Some((verdict, median)) = verdict.and_then(|v| Some((v, v.measured?))) else {
        return "–".to_owned();
    };
    let text = format(expects, median);
    match (verdict.low, verdict.high) {
        (Some(low), Some(high)) => {
            let (low, high) = (format(expects, low), format(expects, high));
            if low == high { text } else { format!("{text} ({low}–{high})") }
        }
        _ => text,
    }
}

/// A ratio has no unit.
fn format(expects: &Expectation, value: f64) -> String {
    if expects.over.is_some() {
        quantity::digits(value)
    } else {
        quantity::format(expects.figure.unit(), value)
    }
}

/// The experiments whose claims are not in the table.
fn unmeasured(evidence: &Evidence) -> String {
    let names: Vec<String> = evidence.unmeasured().map(html::code).collect();
    if names.is_empty() {
        return String::new();
    }
    format!(
        "\n<div class=\"missing\">not measured yet: {}; run {}</div>",
        names.join(", "),
        html::code("cargo lab bench")
    )
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::testing::{missing, render, render_in, render_without_results, wrong};
    use crate::fixture;

    #[test]
    fn claims_are_held_against_what_was_measured() {
        let table = render("{{claims starvation}}").unwrap();
        for part in [
            "A pool of four serves four. <cite>An Example</cite>",
            "<td>connections served, thread-pool, 64 connections: at most 4</td><td>4</td>",
            "<td class=\"holds\"><strong>holds</strong><br>In all 5 blocks <small>",
            "over thread-pool, 64 connections: at least 20 (±\u{202f}5\u{202f}%)</td><td>16 (15–17)</td>",
            "<td class=\"fails\"><strong>fails</strong>",
            "In all 5 blocks; event-loop over thread-pool: more <small>",
        ] {
            assert!(table.contains(part), "{part} in\n{table}");
        }
        assert_eq!(render("{{claims}}").unwrap(), table);
    }

    #[test]
    fn all_claims_name_the_experiments_that_were_not_run() {
        let folder = tempfile::tempdir().unwrap();
        fixture::results(folder.path());
        fs::create_dir(folder.path().join("benches")).unwrap();
        fs::write(folder.path().join("benches/idle-memory.toml"), "").unwrap();
        let table = render_in(folder.path(), "{{claims}}").unwrap();
        assert!(table.contains("not measured yet: <code>idle-memory</code>"), "{table}");
    }

    #[test]
    fn claims_without_results_are_missing_and_misspelt_ones_wrong() {
        assert_eq!(missing(render_without_results("{{claims}}")), "cargo lab bench");
        assert_eq!(missing(render_without_results("{{claims a}}")), "cargo lab bench a");
        assert!(wrong("{{claims starvatoin}}").contains("did you mean `starvation`?"));
        assert!(wrong("{{claims starvation all}}").contains("claims [EXPERIMENT]"));
        assert!(wrong("{{claims only=fails}}").contains("unknown option `only`"));
    }
}
