//! Turns the colours of plotters' SVG into classes.
//!
//! plotters writes every colour into the element. So each class is drawn with a
//! colour that stands for nothing but it, and afterwards the colour, with all
//! that plotters says about width and font, is replaced by the class.

use std::fmt::Write as _;

use plotters::style::RGBColor;

/// First channel of every stand-in, so that a colour of another origin is noticed.
const MARK: u8 = 0xc5;

/// The classes in use, each with the colour that stands for it.
#[derive(Debug, Default)]
pub(crate) struct Inks {
    classes: Vec<String>,
}

impl Inks {
    /// The colour that stands for `class`, which may be several.
    pub(crate) fn ink(&mut self, class: &str) -> RGBColor {
        let known = self.classes.iter().position(|c| c == class);
        let index = known.unwrap_or_else(|| {
            self.classes.push(class.to_owned());
            self.classes.len() - 1
        });
        let [high, low] = u16::try_from(index).unwrap_or(u16::MAX).to_be_bytes();
        RGBColor(MARK, high, low)
    }

    /// The class that `colour` (`#RRGGBB`) stands for.
    fn class(&self, colour: &str) -> Option<&str> {
        let number = u32::from_str_radix(colour.strip_prefix('#')?, 16).ok()?;
        let [_, mark, high, low] = number.to_be_bytes();
        let index = usize::from(u16::from_be_bytes([high, low]));
        (mark == MARK).then(|| self.classes.get(index).map(String::as_str))?
    }

    /// The elements of plotters' `svg` without its root, one a line, with classes.
    pub(crate) fn restyle(&self, svg: &str) -> Vec<String> {
        let mut elements = Vec::new();
        let mut lines = svg.lines();
        while let Some(line) = lines.next() {
            if line.starts_with("<svg") || line == "</svg>" {
                continue;
            }
            let mut element = self.element(line);
            // plotters puts the content of a <text> and its end on lines of their own.
            if line.starts_with("<text") {
                for rest in lines.by_ref() {
                    element.push_str(rest);
                    if rest == "</text>" {
                        break;
                    }
                }
            }
            elements.push(element);
        }
        elements
    }

    fn element(&self, line: &str) -> String {
        let end = if line.ends_with("/>") { "/>" } else { ">" };
        let name_end = line.find([' ', '>', '/']).unwrap_or(line.len());
        let mut kept = String::new();
        let mut class = None;
        for (name, value) in attributes(&line[name_end..]) {
            match name {
                "stroke" | "fill" => class = class.or_else(|| self.class(value)),
                "opacity" | "stroke-width" | "font-family" | "font-size" => {}
                _ => {
                    let _ = write!(kept, " {name}=\"{}\"", value.trim_end());
                }
            }
        }
        let class = class.map_or_else(String::new, |class| format!(" class=\"{class}\""));
        format!("{}{class}{kept}{end}", &line[..name_end])
    }
}

/// The attributes of a start tag, as plotters writes them: always in double quotes.
fn attributes(tag: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = tag;
    std::iter::from_fn(move || {
        let (name, after) = rest.split_once("=\"")?;
        let (value, after) = after.split_once('"')?;
        rest = after;
        Some((name.trim(), value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_become_classes() {
        let mut inks = Inks::default();
        let grid = inks.ink("grid");
        let line = inks.ink("line hue-blue");
        assert_eq!(inks.ink("grid"), grid);
        assert_eq!((line.0, line.1, line.2), (0xc5, 0, 1));
        let svg = "<svg width=\"9\">\n\
            <line opacity=\"1\" stroke=\"#C50000\" stroke-width=\"1\" x1=\"3\"/>\n\
            <polyline fill=\"none\" opacity=\"1\" stroke=\"#C50001\" points=\"1,2 3,4 \"/>\n\
            <text x=\"1\" font-size=\"9\" fill=\"#C50000\">\n1 k\n</text>\n</svg>\n";
        assert_eq!(
            inks.restyle(svg),
            [
                "<line class=\"grid\" x1=\"3\"/>",
                "<polyline class=\"line hue-blue\" points=\"1,2 3,4\"/>",
                "<text class=\"grid\" x=\"1\">1 k</text>",
            ]
        );
    }
}
