//! Text on a chart: how wide it is, where it breaks, and how XML wants it.
//!
//! No font is at hand, so widths are estimates, on the wide side: a label may
//! have a little room to spare, but none runs into the next.

/// Size of most text, in pixels.
pub(crate) const SIZE: f64 = 12.0;
/// Size of ticks and notes.
pub(crate) const SMALL: f64 = 11.0;
/// Size of the heading, as if it were not bold: bold letters are wider by a sixth.
pub(crate) const HEADING: f64 = 16.0 * 7.0 / 6.0;

/// The width of `text` at `size`, in pixels, estimated.
pub(crate) fn width(text: &str, size: f64) -> f64 {
    let ems: f64 = text
        .chars()
        .map(|c| match c {
            'i' | 'j' | 'l' | 't' | 'f' | 'r' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' | ' '
            | '-' | '(' | ')' | '[' | ']' => 0.38,
            'm' | 'w' | 'M' | 'W' | '–' | '—' | '@' | '%' => 0.92,
            'A'..='Z' => 0.7,
            // Latin, Greek and Cyrillic are alike; what lies beyond is mostly square.
            '\u{2e80}'.. => 1.05,
            _ => 0.6,
        })
        .sum();
    ems * size
}

/// Breaks `text` at spaces, or after hyphens, so that no line is wider than `room`.
///
/// A word that is too wide by itself is left whole: better to be cut by the
/// edge than to be broken where it cannot be read.
pub(crate) fn wrap(text: &str, size: f64, room: f64) -> Vec<String> {
    let mut lines = vec![String::new()];
    for piece in text.split_whitespace().flat_map(pieces) {
        let last = lines.last_mut().expect("starts with a line");
        let glue = if last.is_empty() || piece.glued { "" } else { " " };
        if last.is_empty() || width(&format!("{last}{glue}{}", piece.text), size) <= room {
            last.push_str(glue);
            last.push_str(piece.text);
        } else {
            lines.push(piece.text.to_owned());
        }
    }
    lines
}

/// A part of a word that a line may start with.
struct Piece<'a> {
    text: &'a str,
    /// Whether it continues a word, so no space goes before it.
    glued: bool,
}

fn pieces(word: &str) -> impl Iterator<Item = Piece<'_>> {
    word.split_inclusive('-').enumerate().map(|(n, text)| Piece { text, glued: n > 0 })
}

/// Escapes `text` for the content of an element or an attribute.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            // XML forbids control characters, and a blank line would end an
            // inline chart: both become spaces.
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrapping_keeps_every_word_and_the_width() {
        let text = "connection-per-event-base holds one connection for each worker";
        let lines = wrap(text, SIZE, 120.0);
        assert!(lines.len() > 2);
        assert!(lines.iter().all(|line| width(line, SIZE) <= 120.0), "{lines:?}");
        let letters = |text: &str| text.replace(' ', "");
        assert_eq!(letters(&lines.concat()), letters(text));
        assert_eq!(wrap("", SIZE, 10.0), [""]);
        assert_eq!(wrap("unbreakable", SIZE, 1.0), ["unbreakable"]);
    }

    #[test]
    fn escaping_leaves_nothing_that_xml_reads() {
        assert_eq!(escape("a<b> & \"c\"\n\nd\u{1}"), "a&lt;b&gt; &amp; &quot;c&quot;  d ");
    }
}
