//! What each directive turns into: one file a directive.
//!
//! | Directive                                   | Becomes                                     |
//! |---------------------------------------------|---------------------------------------------|
//! | `{{chart FILE}}`                            | the SVG with its caption                    |
//! | `{{figure EXPERIMENT MODEL X FIGURE …}}`    | a number with its unit                      |
//! | `{{ratio EXPERIMENT MODEL X FIGURE over …}}`| how many times as much, within blocks       |
//! | `{{verdict EXPERIMENT MODEL X FIGURE over …}}` | `more than`, `less than`, … as the results have it |
//! | `{{axis EXPERIMENT MODEL max FIGURE}}`      | the greatest (least) x that was measured    |
//! | `{{question EXPERIMENT}}`                   | the experiment's question                   |
//! | `{{claims}}`, `{{claims EXPERIMENT}}`       | a table of claims and verdicts              |
//! | `{{comparisons EXPERIMENT …}}`             | a table of ratios over the baseline         |
//! | `{{agreement EXPERIMENT OTHER X FIGURE}}`  | whether two ways to measure say the same     |
//! | `{{calls}}`                                 | a table of system calls                     |
//! | `{{environment}}`                           | a sentence on the machine                   |
//! | `{{doc CRATE}}`                             | the `//!` page of a model crate             |
//! | `{{lesson NAME}}`                           | a lesson of the gallery                     |
//! | `{{lessons}}`                               | a table of all lessons                      |

mod agreement;
mod axis;
mod calls;
mod chart;
mod claims;
mod comparisons;
mod doc;
mod environment;
mod figure;
mod lesson;
mod question;
mod ratio;
mod verdict;

use std::path::Path;

use crate::{
    directive::Directive,
    evidence::{Evidence, Failure, Missing},
    html,
    nearest::advice,
};

/// Every directive there is.
const NAMES: [&str; 14] = [
    "chart",
    "figure",
    "ratio",
    "verdict",
    "axis",
    "question",
    "claims",
    "comparisons",
    "agreement",
    "calls",
    "environment",
    "doc",
    "lesson",
    "lessons",
];

/// What directives read from.
#[derive(Debug)]
pub(crate) struct Sources<'a> {
    /// The results.
    pub(crate) evidence: &'a Evidence,
    /// The folder of the model crates.
    pub(crate) models: &'a Path,
}

/// Turns a directive into Markdown.
pub(crate) fn render(directive: &Directive<'_>, sources: &Sources<'_>) -> Result<String, Failure> {
    let evidence = sources.evidence;
    match directive.name {
        "chart" => chart::render(directive, evidence),
        "figure" => figure::render(directive, evidence),
        "ratio" => ratio::render(directive, evidence),
        "verdict" => verdict::render(directive, evidence),
        "axis" => axis::render(directive, evidence),
        "question" => question::render(directive, evidence),
        "claims" => claims::render(directive, evidence),
        "comparisons" => comparisons::render(directive, evidence),
        "agreement" => agreement::render(directive, evidence),
        "calls" => calls::render(directive, evidence),
        "environment" => environment::render(directive, evidence),
        "doc" => doc::render(directive, sources.models),
        "lesson" => lesson::render(directive),
        "lessons" => lesson::render_all(directive),
        unknown => {
            Err(Failure::Wrong(format!("no directive `{unknown}`{}", advice(unknown, NAMES))))
        }
    }
}

/// The note shown in the place of a directive that has nothing to show.
pub(crate) fn note(directive: &Directive<'_>, missing: &Missing) -> String {
    let text = format!("{}: run {}", html::escape(&missing.what), html::code(&missing.command));
    match directive.name {
        "chart" | "claims" | "comparisons" | "agreement" | "calls" => {
            let name = directive.arguments.first().copied().unwrap_or(directive.name);
            html::block(&format!(
                r#"<div class="missing"><strong>{}</strong> {text}</div>"#,
                html::escape(name)
            ))
        }
        _ => format!(r#"<span class="missing">{text}</span>"#),
    }
}

/// Fixtures that the tests of the directives share.
#[cfg(test)]
pub(crate) mod testing {
    use super::*;
    use crate::{directive, fixture};

    /// Renders one directive against the fixture's results.
    pub(crate) fn render(text: &str) -> Result<String, Failure> {
        let folder = tempfile::tempdir().unwrap();
        fixture::results(folder.path());
        render_in(folder.path(), text)
    }

    /// Renders one directive against the folders `results` and `models` of `folder`.
    pub(crate) fn render_in(folder: &Path, text: &str) -> Result<String, Failure> {
        let evidence = Evidence::read(&folder.join("results"), &folder.join("benches")).unwrap();
        let sources = Sources { evidence: &evidence, models: &folder.join("models") };
        let found = directive::find(text);
        assert_eq!(found.len(), 1);
        super::render(&found[0], &sources)
    }

    /// Renders one directive where nothing was measured.
    pub(crate) fn render_without_results(text: &str) -> Result<String, Failure> {
        render_in(Path::new("no-such-folder"), text)
    }

    /// What a directive is refused for.
    pub(crate) fn wrong(text: &str) -> String {
        match render(text) {
            Err(Failure::Wrong(reason)) => reason,
            other => panic!("{text}: {other:?}"),
        }
    }

    /// The command that a note names.
    pub(crate) fn missing(result: Result<String, Failure>) -> String {
        match result {
            Err(Failure::Missing(missing)) => missing.command,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_unknown_directive_is_told_the_nearest() {
        assert_eq!(wrong("{{chrt a}}"), "no directive `chrt`; did you mean `chart`?");
    }

    #[test]
    fn a_note_is_a_block_or_stays_within_its_sentence() {
        let missing = Missing::experiment("starvation");
        let found = directive::find("{{chart starvation-served}} {{question starvation}}");
        assert!(note(&found[0], &missing).starts_with("\n\n<div class=\"missing\">"));
        assert_eq!(
            note(&found[1], &missing),
            "<span class=\"missing\">not measured yet: run \
             <code>cargo lab bench starvation</code></span>"
        );
    }
}
