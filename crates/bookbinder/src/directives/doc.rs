//! `{{doc CRATE}}`: the `//!` page of a model crate, picture and five answers included.

use std::{fs, path::Path};

use crate::{directive::Directive, evidence::Failure, nearest::advice};

pub(super) fn render(directive: &Directive<'_>, models: &Path) -> Result<String, Failure> {
    let [name] = directive.exactly(&[], "doc CRATE")?;
    let crates = crates(models);
    if !crates.iter().any(|known| known == name) {
        let advice = advice(name, crates.iter().map(String::as_str));
        return Err(Failure::Wrong(format!("no model crate `{name}`{advice}")));
    }
    let file = models.join(name).join("src/lib.rs");
    let source = fs::read_to_string(&file)
        .map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    let page = page(&source);
    if page.trim().is_empty() {
        return Err(Failure::Wrong(format!("{} has no `//!` page", file.display())));
    }
    Ok(page)
}

/// The crates of a folder.
fn crates(models: &Path) -> Vec<String> {
    let folders = fs::read_dir(models).into_iter().flatten().filter_map(Result::ok);
    folders.filter_map(|folder| folder.file_name().into_string().ok()).collect()
}

/// The crate page as a section of a chapter: headings one step down, links
/// between items, which only rustdoc can follow, as code.
fn page(source: &str) -> String {
    let mut page = String::from("\n");
    let mut fenced = false;
    for line in source.lines().filter_map(|line| line.strip_prefix("//!")) {
        let line = line.strip_prefix(' ').unwrap_or(line);
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            page.push_str(line);
        } else {
            if line.starts_with('#') {
                page.push('#');
            }
            page.push_str(&without_item_links(line));
        }
        page.push('\n');
    }
    page
}

/// ``[`Item`]`` becomes `` `Item` ``; links with a target stay.
fn without_item_links(line: &str) -> String {
    let mut rest = line;
    let mut text = String::new();
    while let Some(start) = rest.find("[`") {
        let Some(end) = rest[start..].find("`]").map(|at| start + at + 2) else { break };
        text.push_str(&rest[..start]);
        let has_target = rest[end..].starts_with(['(', '[', ':']);
        text.push_str(if has_target { &rest[start..end] } else { &rest[start + 1..end - 1] });
        rest = &rest[end..];
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::super::testing::{render, wrong};
    use super::*;

    #[test]
    fn the_crate_page_is_markdown_of_the_chapter() {
        let page = render("{{doc thread-pool}}").unwrap();
        assert_eq!(
            page,
            "\n**Thread pool**: see `serve` and [`x`](y).\n\n```text\n# accept ──▶ queue\n```\n\n\
             ## Flags\n"
        );
    }

    #[test]
    fn an_unknown_crate_and_an_empty_page_are_wrong() {
        assert!(wrong("{{doc thread-poll}}").contains("did you mean `thread-pool`?"));
        assert!(wrong("{{doc bare}}").contains("has no `//!` page"));
        assert_eq!(page("pub fn f() {}"), "\n");
    }
}
