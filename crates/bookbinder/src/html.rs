//! Small pieces of HTML.

/// `text` with the characters escaped that mean something in HTML, attributes included.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // An attribute on one line keeps a Markdown paragraph whole.
            '\n' => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    escaped
}

/// A measured number, with `title` saying what it is and where it is from.
pub(crate) fn figure(text: &str, title: &str) -> String {
    format!(r#"<span class="figure" title="{}">{}</span>"#, escape(title), escape(text))
}

/// Inline code.
pub(crate) fn code(text: &str) -> String {
    format!("<code>{}</code>", escape(text))
}

/// A block of its own in Markdown: blank lines round it, none within it.
pub(crate) fn block(html: &str) -> String {
    let lines: Vec<&str> = html.lines().filter(|line| !line.trim().is_empty()).collect();
    format!("\n\n{}\n\n", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_and_text_are_escaped() {
        assert_eq!(
            figure("<1", "a \"b\"\nc"),
            r#"<span class="figure" title="a &quot;b&quot; c">&lt;1</span>"#
        );
    }

    #[test]
    fn a_block_holds_no_blank_line() {
        assert_eq!(block("<div>\n\n  \n</div>\n"), "\n\n<div>\n</div>\n\n");
    }
}
