//! The style sheet that every chart carries.
//!
//! It works in three places. As an image, or opened by itself, a chart follows
//! `prefers-color-scheme`. Pasted into a page of mdbook it follows the theme's
//! class on `<html>`, whatever the system prefers. And any page may set
//! `--chart-paper`, `--chart-ink`, `--chart-blue` … on an element around it.
//!
//! Every rule is below `.chart`, and every chart has the same sheet, so several
//! on one page neither touch the page nor one another. Each variable stands
//! after a plain colour, for viewers that know no variables.

use std::fmt::Write as _;

use crate::palette::{Dash, HUES};

const FONTS: &str =
    "system-ui,-apple-system,\"Segoe UI\",Roboto,\"Helvetica Neue\",Arial,sans-serif";

/// Colours that are not a model's: name, on light paper, on dark paper.
const PLAIN: [(&str, &str, &str); 4] = [
    ("paper", "#ffffff", "#15181e"),
    ("ink", "#1c2026", "#e4e7eb"),
    ("soft", "#59616b", "#a6aeb8"),
    ("axis", "#8b939c", "#757e89"),
];

/// The rules that do not depend on the palette; `@ink` stands for a colour of [`PLAIN`].
const RULES: [(&str, &str); 30] = [
    (".paper", "fill:@paper"),
    ("text", "fill:@ink"),
    (".title", "font-size:16px;font-weight:600"),
    (".soft", "fill:@soft"),
    (".tick", "fill:@soft;font-size:11px"),
    (".note", "fill:@soft;font-size:11px"),
    (".value", "fill:@soft;font-variant-numeric:tabular-nums"),
    (".key", "fill:@ink"),
    // See-through, so that it is as faint on every paper.
    (
        ".grid",
        "stroke:@axis;stroke-opacity:.28;fill:none;stroke-width:1;shape-rendering:crispEdges",
    ),
    (".axis", "stroke:@axis;fill:none;stroke-width:1;shape-rendering:crispEdges"),
    (".gap", "stroke:@paper;fill:none;stroke-width:4"),
    (".break", "stroke:@axis;fill:none;stroke-width:1"),
    (".row", "stroke-dasharray:1 3"),
    (".reference", "stroke:@soft;fill:none;stroke-width:1.25;stroke-dasharray:6 4"),
    (".leader", "stroke:@axis;fill:none;stroke-width:.75"),
    (".line", "fill:none;stroke:currentColor;stroke-width:2;stroke-linejoin:round"),
    (".thin", "stroke-width:1"),
    (".peer", "stroke-width:1.25"),
    (".whisker", "fill:none;stroke:currentColor;stroke-width:1.5;opacity:.55"),
    (".mark", "fill:currentColor;stroke:@paper;stroke-width:1"),
    (".hollow", "fill:@paper;stroke:currentColor;stroke-width:1.5"),
    (".band", "fill:@axis;fill-opacity:.17"),
    (".unity", "stroke:@ink;fill:none;stroke-width:1;shape-rendering:crispEdges"),
    (".interval", "fill:none;stroke:currentColor;stroke-width:2.25"),
    (".quiet", "color:@soft"),
    (".number", "font-weight:600;font-variant-numeric:tabular-nums"),
    (".verdict", "font-weight:600"),
    (".group", "font-weight:600"),
    (".ring", "fill:none;stroke:currentColor;stroke-width:1.5"),
    (".halo", "stroke:@paper;stroke-width:3;paint-order:stroke;stroke-linejoin:round"),
];

/// The whole sheet: one rule a line, no blank lines.
pub(crate) fn sheet() -> String {
    let mut css = String::new();
    let light = variables(|light, _| light, false);
    let dark = variables(|_, dark| dark, false);
    let _ = writeln!(css, ".chart{{font-family:{FONTS};font-size:12px;{light}}}");
    let _ = writeln!(css, "@media (prefers-color-scheme:dark){{.chart{{{dark}}}}}");
    let light = variables(|light, _| light, true);
    let dark = variables(|_, dark| dark, true);
    let _ = writeln!(css, "html.light .chart,html.rust .chart{{{light}}}");
    let _ = writeln!(css, "html.coal .chart,html.navy .chart,html.ayu .chart{{{dark}}}");
    for (selector, declarations) in RULES {
        let declarations: Vec<String> = declarations.split(';').map(with_variable).collect();
        let _ = writeln!(css, ".chart {selector}{{{}}}", declarations.join(";"));
    }
    for hue in HUES {
        let (name, light) = (hue.name, hue.light);
        let _ = writeln!(css, ".chart .hue-{name}{{color:{light};color:var(--c-{name})}}");
    }
    for (_, class, dashes) in Dash::ALL {
        let _ = writeln!(css, ".chart .dash-{class}{{stroke-dasharray:{dashes}}}");
    }
    css
}

/// `fill:@ink` as a plain colour, and then as the variable.
fn with_variable(declaration: &str) -> String {
    let Some((property, name)) = declaration.split_once(":@") else {
        return declaration.to_owned();
    };
    let plain = PLAIN.iter().find(|(n, ..)| *n == name).map_or("", |(_, light, _)| light);
    format!("{property}:{plain};{property}:var(--c-{name})")
}

/// The variables of a theme; in a book the paper is the book's own.
fn variables(pick: impl Fn(&'static str, &'static str) -> &'static str, in_book: bool) -> String {
    let hues = HUES.iter().map(|hue| (hue.name, hue.light, hue.dark));
    let mut css = String::new();
    for (name, light, dark) in PLAIN.into_iter().chain(hues) {
        let colour = match pick(light, dark) {
            colour if in_book && name == "paper" => format!("var(--bg,{colour})"),
            colour => colour.to_owned(),
        };
        let _ = write!(css, "--c-{name}:var(--chart-{name},{colour});");
    }
    css
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_is_below_the_class_chart() {
        for line in sheet().lines() {
            assert!(!line.is_empty());
            let scoped = line.starts_with(".chart") || line.starts_with("html.");
            assert!(scoped || line.starts_with("@media"), "{line}");
            assert!(!line.contains('@') || line.starts_with("@media"), "{line}");
            assert!(!line.contains(":;"), "a colour without a value: {line}");
            assert_eq!(line.matches('{').count(), line.matches('}').count(), "{line}");
        }
    }
}
