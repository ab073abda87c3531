//! `{{claims}}` and `{{claims EXPERIMENT}}`: sentences of the sources, held against the run.

use results::{Claim, Expectation, Experiment, Outcome};

use crate::{
    directive::Directive,
    evidence::{Evidence, Failure, Missing},
    html, pair,
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
    let measured = verdict.and_then(|verdict| verdict.told(&claim.expects));
    format!(
        "<tr><td>{} <cite>{}</cite></td><td>{}</td><td>{}</td>\
         <td class=\"{class}\"><strong>{label}</strong><br>{}{} <small>{}</small></td></tr>\n",
        html::escape(&claim.says),
        html::escape(&claim.source),
        html::escape(&experiment.expected(&claim.expects)),
        html::escape(measured.as_deref().unwrap_or("–")),
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
        .and_then(|over| pair::compared(experiment, expects.figure, &expects.of, over));
    found.map_or_else(String::new, |found| {
        let (of, over) = (&found.of.model, &found.over.model);
        format!("; {of} over {over}: {}", found.label())
    })
}

fn class(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Holds => "holds",
        Outcome::Fails => "fails",
        Outcome::Inconclusive | Outcome::NotMeasurable => "inconclusive",
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
            "<td>connections served, thread-pool (64 connections): at most 4</td><td>4</td>",
            "<td class=\"holds\"><strong>holds</strong><br>In all 5 blocks <small>",
            "event-loop over thread-pool (64 connections): at least 20 × (± 5 %)</td>\
             <td>16 × [15, 17]</td>",
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
