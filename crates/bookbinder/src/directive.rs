//! The syntax of directives: `{{name argument … key=value …}}` on one line, outside of code.

use std::ops::Range;

use pulldown_cmark::{Event, Options, Parser, Tag};

/// One directive of a chapter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Directive<'a> {
    /// As written, braces included.
    pub(crate) text: &'a str,
    /// Where it stands in the chapter.
    pub(crate) range: Range<usize>,
    /// The first word.
    pub(crate) name: &'a str,
    /// The other words without `=`, in order.
    pub(crate) arguments: Vec<&'a str>,
    /// The words `key=value`, in order.
    pub(crate) options: Vec<(&'a str, &'a str)>,
}

impl<'a> Directive<'a> {
    /// The value of the option `key`.
    pub(crate) fn option(&self, key: &str) -> Option<&'a str> {
        self.options.iter().find(|(name, _)| *name == key).map(|(_, value)| *value)
    }

    /// Takes exactly `N` arguments and no options but `allowed`; `usage` is shown otherwise.
    pub(crate) fn exactly<const N: usize>(
        &self,
        allowed: &[&str],
        usage: &str,
    ) -> Result<[&'a str; N], String> {
        self.only(allowed, usage)?;
        <[&str; N]>::try_from(self.arguments.as_slice())
            .map_err(|_| format!("wants {N} arguments; write {{{{{usage}}}}}"))
    }

    /// Takes no options but `allowed`; `usage` is shown otherwise.
    pub(crate) fn only(&self, allowed: &[&str], usage: &str) -> Result<(), String> {
        match self.options.iter().find(|(key, _)| !allowed.contains(key)) {
            Some((key, _)) => Err(format!("unknown option `{key}`; write {{{{{usage}}}}}")),
            None => Ok(()),
        }
    }

    fn parse(text: &'a str, range: Range<usize>) -> Option<Self> {
        let mut words = text.strip_prefix("{{")?.strip_suffix("}}")?.split_whitespace();
        // mdbook's own begin with `#`.
        let name = words.next().filter(|name| name.starts_with(|c: char| c.is_alphabetic()))?;
        let (mut arguments, mut options) = (Vec::new(), Vec::new());
        for word in words {
            match word.split_once('=') {
                Some(option) => options.push(option),
                None => arguments.push(word),
            }
        }
        Some(Self { text, range, name, arguments, options })
    }
}

/// The directives of a chapter, in order; those in code or after a backslash are text.
pub(crate) fn find(markdown: &str) -> Vec<Directive<'_>> {
    let code = code(markdown);
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(start) = markdown[from..].find("{{").map(|at| from + at) {
        let line_end = markdown[start..].find('\n').map_or(markdown.len(), |at| start + at);
        let Some(end) = markdown[start..line_end].find("}}").map(|at| start + at + 2) else {
            from = start + 2;
            continue;
        };
        from = end;
        let is_text = markdown[..start].ends_with('\\') || code.iter().any(|c| c.contains(&start));
        if !is_text {
            found.extend(Directive::parse(&markdown[start..end], start..end));
        }
    }
    found
}

/// Where code stands, blocks and spans.
fn code(markdown: &str) -> Vec<Range<usize>> {
    Parser::new_ext(markdown, Options::ENABLE_TABLES | Options::ENABLE_FOOTNOTES)
        .into_offset_iter()
        .filter(|(event, _)| matches!(event, Event::Code(_) | Event::Start(Tag::CodeBlock(_))))
        .map(|(_, range)| range)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directive_has_a_name_arguments_and_options() {
        let text = "On it {{ figure starvation event-loop 64 served variant=a }} were served.";
        let found = find(text);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].name, "figure");
        assert_eq!(found[0].arguments, ["starvation", "event-loop", "64", "served"]);
        assert_eq!(found[0].option("variant"), Some("a"));
        assert_eq!(&text[found[0].range.clone()], found[0].text);
    }

    #[test]
    fn code_escapes_and_the_directives_of_mdbook_are_left_alone() {
        let text = "`{{chart a}}` \\{{chart b}} {{#include c}} {{\n\n```rust\nformat!(\"{{x}}\")\n```\n\n{{chart d}}";
        let found = find(text);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].arguments, ["d"]);
    }

    #[test]
    fn wrong_counts_and_options_say_how_to_write_it() {
        let found = find("{{chart a b}} {{chart a size=3}}");
        let error = found[0].exactly::<1>(&[], "chart FILE").unwrap_err();
        assert_eq!(error, "wants 1 arguments; write {{chart FILE}}");
        let error = found[1].exactly::<1>(&[], "chart FILE").unwrap_err();
        assert_eq!(error, "unknown option `size`; write {{chart FILE}}");
    }
}
