//! The sheet of paper: a heading, whatever is drawn, notes at the foot.

use results::{Chart, Experiment};

use crate::{
    sheet::sheet,
    text::{self, HEADING, SIZE, SMALL, escape, wrap},
};

/// Width of every chart, in pixels; it scales to the room that it is given.
pub(crate) const WIDTH: i32 = 780;
/// Space around everything.
pub(crate) const MARGIN: i32 = 16;
const ROOM: f64 = (WIDTH - 2 * MARGIN) as f64;

/// Where text stands relative to its point.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// A chart in the making.
pub(crate) struct Page {
    title: String,
    description: String,
    /// The elements so far.
    body: Vec<String>,
    /// The height that is used so far, in pixels.
    pub(crate) height: i32,
}

impl Page {
    /// A page with its heading: the title, then `subtitle`, then what is unusual about the run.
    pub(crate) fn new(experiment: &Experiment, chart: &Chart, subtitle: &str) -> Self {
        let mut unusual = Vec::new();
        if experiment.quick {
            unusual.push("quick run: fewer blocks");
        }
        if !experiment.complete {
            unusual.push("interrupted run: trials are missing");
        }
        let subtitle: Vec<&str> = std::iter::once(subtitle).chain(unusual).collect();
        Self::titled(&chart.title, &chart.look_for, &subtitle.join(" · "))
    }

    /// A page that begins with `title` and `subtitle`.
    pub(crate) fn titled(title: &str, description: &str, subtitle: &str) -> Self {
        let (title, description) = (title.to_owned(), description.to_owned());
        let mut page = Self { title, description, body: Vec::new(), height: MARGIN };
        page.heading(&page.title.clone(), "title", HEADING, 20);
        page.heading(subtitle, "soft", SIZE, 16);
        page
    }

    fn heading(&mut self, words: &str, class: &str, size: f64, line_height: i32) {
        for line in wrap(words, size, ROOM) {
            self.height += line_height;
            self.text(MARGIN, self.height - 5, Anchor::Start, class, &line);
        }
    }

    /// Adds to what the chart says to those who cannot see it.
    pub(crate) fn describe(&mut self, more: Option<String>) {
        if let Some(words) = more {
            self.description.push(' ');
            self.description.push_str(&words);
        }
    }

    /// Adds an element.
    pub(crate) fn push(&mut self, element: String) {
        self.body.push(element);
    }

    /// Adds elements.
    pub(crate) fn extend(&mut self, elements: Vec<String>) {
        self.body.extend(elements);
    }

    /// Adds text whose baseline is at `y`.
    pub(crate) fn text(&mut self, x: i32, y: i32, anchor: Anchor, class: &str, words: &str) {
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let words = escape(words);
        self.push(format!("<text class=\"{class}\" x=\"{x}\" y=\"{y}\"{anchor}>{words}</text>"));
    }

    /// Adds notes below all else; a line breaks between two of them where it can.
    pub(crate) fn notes(&mut self, notes: &[String]) {
        if notes.is_empty() {
            return;
        }
        self.height += 6;
        let mut lines: Vec<String> = Vec::new();
        for note in notes {
            let joined = lines.last().map(|line| format!("{line} {note}"));
            match joined.filter(|line| text::width(line, SMALL) <= ROOM) {
                Some(line) => *lines.last_mut().expect("was joined to it") = line,
                None => lines.extend(wrap(note, SMALL, ROOM)),
            }
        }
        for line in lines {
            self.height += 15;
            self.text(MARGIN, self.height, Anchor::Start, "note", &line);
        }
    }

    /// The SVG of a chart that has nothing to show.
    pub(crate) fn nothing(mut self) -> String {
        self.height += 60;
        let words = "Nothing was measured for this chart in this run.";
        self.text(WIDTH / 2, self.height - 20, Anchor::Middle, "soft", words);
        self.finish()
    }

    /// The SVG.
    pub(crate) fn finish(self) -> String {
        let (width, height) = (WIDTH, self.height + MARGIN);
        let mut svg = format!(
            "<svg class=\"chart\" role=\"img\" viewBox=\"0 0 {width} {height}\" \
             xmlns=\"http://www.w3.org/2000/svg\">\n\
             <title>{}</title>\n<desc>{}</desc>\n<style>\n{}</style>\n\
             <rect class=\"paper\" width=\"{width}\" height=\"{height}\"/>\n",
            escape(&self.title),
            escape(&self.description),
            sheet(),
        );
        for element in self.body {
            svg.push_str(&element);
            svg.push('\n');
        }
        svg.push_str("</svg>\n");
        svg
    }
}

/// Half the height of a lower-case letter, which centres text on a point.
pub(crate) const HALF_LETTER: i32 = 4;

/// Rounds up a width that was estimated to whole pixels.
pub(crate) fn pixels(width: f64) -> i32 {
    #[expect(clippy::cast_possible_truncation, reason = "the width of a line of text")]
    let whole = width.ceil() as i32;
    whole
}

/// The width of `words` in whole pixels.
pub(crate) fn width(words: &str, size: f64) -> i32 {
    pixels(text::width(words, size))
}
