//! `{{#include FILE:ANCHOR}}`, checked before mdbook expands it.
//!
//! mdbook leaves the text as it is when the file is absent, and shows nothing
//! when the anchor is: a reader would find a hole where the code should be.

use std::{fs, path::Path};

/// What is wrong with the includes of a chapter whose file is in `folder`.
pub(crate) fn broken(markdown: &str, folder: &Path) -> Vec<String> {
    includes(markdown)
        .filter_map(|(text, target)| Some(format!("{text}: {}", fault(target, folder)?)))
        .collect()
}

/// The includes of a chapter, each with its target, `FILE` or `FILE:PART`.
fn includes(markdown: &str) -> impl Iterator<Item = (&str, &str)> {
    markdown.match_indices("{{#").filter_map(|(start, _)| {
        if markdown[..start].ends_with('\\') {
            return None;
        }
        let line = markdown[start..].lines().next()?;
        let text = &line[..line.find("}}")? + 2];
        let (verb, target) = text[3..text.len() - 2].trim().split_once(char::is_whitespace)?;
        let target = target.split_whitespace().next()?;
        matches!(verb, "include" | "rustdoc_include" | "playground").then_some((text, target))
    })
}

fn fault(target: &str, folder: &Path) -> Option<String> {
    let (file, part) = target.split_once(':').unwrap_or((target, ""));
    let Ok(content) = fs::read_to_string(folder.join(file)) else {
        return Some(format!("there is no file {file} here"));
    };
    let is_lines = part.chars().all(|c| c.is_ascii_digit() || c == ':');
    if is_lines || anchors(&content).any(|anchor| anchor == part) {
        return None;
    }
    Some(format!(
        "{file} has no line `// ANCHOR: {part}`{}",
        crate::nearest::advice(part, anchors(&content))
    ))
}

/// The anchors that begin in a file.
fn anchors(content: &str) -> impl Iterator<Item = &str> {
    content.lines().filter_map(|line| {
        let name = line.split_once("ANCHOR:")?.1.trim_start();
        name.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '-').next()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_file_and_a_missing_anchor_are_broken() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.rs"), "// ANCHOR: serve\n// ANCHOR_END: serve\n").unwrap();
        let broken = |text: &str| broken(text, folder.path());

        assert!(
            broken("{{#include a.rs:serve}} {{#include a.rs}} {{#include a.rs:1:2}}").is_empty()
        );
        assert!(broken("\\{{#include b.rs}} {{#title A title}}").is_empty());
        assert_eq!(
            broken("{{#include b.rs}}\n{{#include a.rs:sevre}}"),
            [
                "{{#include b.rs}}: there is no file b.rs here",
                "{{#include a.rs:sevre}}: a.rs has no line `// ANCHOR: sevre`; \
                 did you mean `serve`?"
            ]
        );
    }
}
