//! The preprocessor: directives of a chapter become Markdown.

use std::path::PathBuf;

use anyhow::{Result, bail};
use mdbook_preprocessor::{
    Preprocessor, PreprocessorContext,
    book::{Book, Chapter},
};

use crate::{
    directive,
    directives::{self, Sources},
    evidence::{Evidence, Failure},
};

/// Puts the results into the text; runs within mdbook, after code was included.
#[derive(Debug)]
pub(crate) struct Results {
    /// What was measured.
    pub(crate) evidence: Evidence,
    /// The folder of the model crates.
    pub(crate) models: PathBuf,
}

impl Preprocessor for Results {
    // The signature is mdbook's.
    #[expect(clippy::unnecessary_literal_bound)]
    fn name(&self) -> &str {
        "results"
    }

    fn run(&self, _: &PreprocessorContext, mut book: Book) -> Result<Book> {
        let mut faults = Vec::new();
        book.for_each_chapter_mut(|chapter| {
            let file = file(chapter);
            let expanded = self.expand(&chapter.content);
            for missing in expanded.missing {
                eprintln!("warning: {file}: {missing}");
            }
            faults.extend(expanded.faults.into_iter().map(|fault| format!("{file}: {fault}")));
            chapter.content = expanded.markdown;
        });
        if faults.is_empty() {
            return Ok(book);
        }
        bail!("the text asks for what there is not:\n  {}", faults.join("\n  "))
    }
}

/// A chapter with its directives expanded.
#[derive(Debug, Default)]
struct Expanded {
    markdown: String,
    /// A line for each directive that had nothing to show.
    missing: Vec<String>,
    /// A line for each directive that is misspelt.
    faults: Vec<String>,
}

impl Results {
    fn expand(&self, markdown: &str) -> Expanded {
        let sources = Sources { evidence: &self.evidence, models: &self.models };
        let mut expanded = Expanded::default();
        let mut done = 0;
        for directive in directive::find(markdown) {
            expanded.markdown.push_str(&markdown[done..directive.range.start]);
            match directives::render(&directive, &sources) {
                Ok(text) => expanded.markdown.push_str(&text),
                Err(Failure::Missing(missing)) => {
                    expanded.markdown.push_str(&directives::note(&directive, &missing));
                    expanded.missing.push(format!(
                        "{}: {}: run `{}`",
                        directive.text, missing.what, missing.command
                    ));
                }
                Err(Failure::Wrong(fault)) => {
                    expanded.faults.push(format!("{}: {fault}", directive.text));
                }
            }
            done = directive.range.end;
        }
        expanded.markdown.push_str(&markdown[done..]);
        expanded
    }
}

/// The chapter's file within `src`.
pub(crate) fn file(chapter: &Chapter) -> String {
    let path = chapter.source_path.as_ref().or(chapter.path.as_ref());
    path.map_or_else(|| chapter.name.clone(), |path| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    fn expand(markdown: &str) -> Expanded {
        let folder = tempfile::tempdir().unwrap();
        fixture::results(folder.path());
        let evidence = Evidence::read(&folder.path().join("results"), folder.path()).unwrap();
        Results { evidence, models: folder.path().join("models") }.expand(markdown)
    }

    #[test]
    fn the_text_round_directives_stays() {
        let expanded = expand("a {{question starvation}} b\n\n`{{chart x}}` c");
        assert_eq!(
            expanded.markdown,
            "a Of N held connections, how many are served? b\n\n`{{chart x}}` c"
        );
        assert!(expanded.missing.is_empty() && expanded.faults.is_empty());
    }

    #[test]
    fn what_is_missing_leaves_a_note_and_what_is_wrong_a_fault() {
        let expanded = expand(
            "{{figure starvation thread-pool 9 served}} {{figure starvation thread-pol 64 served}}",
        );
        assert!(expanded.markdown.contains("class=\"missing\""), "{expanded:?}");
        assert_eq!(
            expanded.missing,
            ["{{figure starvation thread-pool 9 served}}: not measured at 9 connections: \
              run `cargo lab bench starvation`"]
        );
        assert_eq!(expanded.faults.len(), 1);
        assert!(expanded.faults[0].starts_with("{{figure starvation thread-pol 64 served}}: "));
    }
}
