//! The column of labels to the right: each beside the end of its line, led to
//! it by a thin line where it had to give way.

use results::{Chart, Experiment};

use crate::{
    knee,
    labels::spread,
    marker::RADIUS,
    page::{self, Anchor, HALF_LETTER, Page},
    palette::Look,
    plot::Area,
    series::Series,
    shortfall::{self, Shortfall},
    text::{SIZE, SMALL, escape, wrap},
};

/// Width of the room for the leading lines.
pub(crate) const GAP: i32 = 24;
/// Width of the sample of the line.
const SAMPLE: i32 = 28;
/// Height of a label of one line, and of each line more.
const HEIGHT: i32 = 16;
const LINE_HEIGHT: i32 = 14;
/// A reference that ends so far from the column is labelled where it ends.
const FAR: i32 = 60;
/// The column may go on below the axis, beside its label.
const BELOW: f64 = 24.0;
/// Names longer than this break.
const NAME_ROOM: f64 = 190.0;

/// The label of a line.
pub(crate) struct EndLabel {
    /// The look of a model; a reference has none.
    look: Option<Look>,
    thin: bool,
    lines: Vec<String>,
    /// The value at the end of the line.
    value: String,
    /// What that value keeps silent about, and the knee, on a line of its own.
    short: Option<String>,
}

/// The labels of every series, then of every reference; the order of what [`draw`] is given.
pub(crate) fn of(
    experiment: &Experiment,
    (series, knees): (&[Series<'_>], &[Option<f64>]),
    chart: &Chart,
) -> Vec<EndLabel> {
    let unit = chart.figure.unit();
    let short = |one: &Series<'_>, knee: &Option<f64>| {
        let served = shortfall::of(experiment, one.points.last()?).map(Shortfall::in_short);
        let said: Vec<String> = served.into_iter().chain(knee.map(knee::in_short)).collect();
        (!said.is_empty()).then(|| said.join("; "))
    };
    let models = series.iter().zip(knees).map(|(one, knee)| EndLabel {
        look: Some(one.look),
        thin: one.rank > 0,
        lines: wrap(&one.name, SIZE, NAME_ROOM),
        value: one.points.last().map_or_else(String::new, |last| unit.format(last.value)),
        short: short(one, knee),
    });
    let references = chart.references.iter().map(|line| EndLabel {
        look: None,
        thin: false,
        lines: wrap(&line.label, SIZE, NAME_ROOM),
        value: String::new(),
        short: None,
    });
    models.chain(references).collect()
}

impl EndLabel {
    /// Width in pixels, sample included.
    pub(crate) fn width(&self) -> i32 {
        let value = page::width(&self.value, SIZE) + 6;
        let last = self.lines.len() - 1;
        let line = |(n, line): (usize, &String)| {
            page::width(line, SIZE) + if n == last { value } else { 0 }
        };
        let short = self.short.iter().map(|short| page::width(short, SMALL));
        let widest = self.lines.iter().enumerate().map(line).chain(short).max();
        SAMPLE + 6 + widest.unwrap_or(0)
    }

    /// Height in pixels.
    pub(crate) fn height(&self) -> f64 {
        let more = self.line_count() - 1;
        // Space to tell a label of several lines from its neighbours.
        let space = if more > 0 { 6 } else { 0 };
        f64::from(HEIGHT + more * LINE_HEIGHT + space)
    }

    /// The centre that puts the sample, and the name, beside the end of the line.
    fn centre(&self, end_y: i32) -> f64 {
        let below = if self.short.is_some() { LINE_HEIGHT } else { 0 };
        f64::from(end_y) + f64::from(below) / 2.0
    }

    /// The lines of the name, and the one of what is said in short.
    fn line_count(&self) -> i32 {
        i32::try_from(self.lines.len() + usize::from(self.short.is_some())).unwrap_or(1)
    }
}

/// Draws the labels of those lines that have an end.
pub(crate) fn draw(
    page: &mut Page,
    area: Area,
    labels: Vec<EndLabel>,
    ends: &[Option<(i32, i32)>],
) {
    let with_end = labels.into_iter().zip(ends).filter_map(|(label, end)| Some((label, (*end)?)));
    // A reference leaves through the top, where there is room.
    let (far, shown): (Vec<_>, Vec<_>) =
        with_end.partition(|(label, end)| label.look.is_none() && end.0 < area.right - FAR);
    for (label, (x, y)) in far {
        page.text(x + 8, y + HALF_LETTER, Anchor::Start, "soft halo", &label.lines.join(" "));
    }
    let wanted: Vec<f64> = shown.iter().map(|(label, end)| label.centre(end.1)).collect();
    let heights: Vec<f64> = shown.iter().map(|(label, _)| label.height()).collect();
    let centres =
        spread(&wanted, &heights, f64::from(area.top) - 8.0, f64::from(area.bottom) + BELOW);
    for ((label, end), centre) in shown.iter().zip(centres) {
        one(page, area, label, *end, page::pixels(centre - 0.5));
    }
}

fn one(page: &mut Page, area: Area, label: &EndLabel, (end_x, end_y): (i32, i32), centre: i32) {
    let lines = label.lines.len();
    let first = centre - (label.line_count() - 1) * LINE_HEIGHT / 2;
    let left = area.right + GAP;
    page.push(format!(
        "<path class=\"leader\" d=\"M{} {end_y}H{}L{} {first}\"/>",
        end_x + 7,
        (area.right + 2).max(end_x + 7),
        left - 3
    ));
    sample(page, label, left, first);
    let text_x = left + SAMPLE + 6;
    // What is not ours is said more softly.
    let class = if label.look.is_some_and(|look| !look.is_peer()) { "name" } else { "soft" };
    let mut y = first + HALF_LETTER;
    for (n, line) in (1..).zip(&label.lines) {
        let value = if n == lines && !label.value.is_empty() {
            format!(" <tspan class=\"value\">{}</tspan>", escape(&label.value))
        } else {
            String::new()
        };
        page.push(format!(
            "<text class=\"{class}\" x=\"{text_x}\" y=\"{y}\">{}{value}</text>",
            escape(line)
        ));
        y += LINE_HEIGHT;
    }
    if let Some(short) = &label.short {
        page.text(text_x, y, Anchor::Start, "note", short);
    }
}

/// A piece of the line, with its mark: the key of the legend, beside its name.
fn sample(page: &mut Page, label: &EndLabel, left: i32, y: i32) {
    let line = format!("M{left} {y}h{SAMPLE}");
    let Some(look) = label.look else {
        page.push(format!("<path class=\"reference\" d=\"{line}\"/>"));
        return;
    };
    let thin = if label.thin { " thin" } else { "" };
    page.push(format!("<path class=\"line{thin} {}\" d=\"{line}\"/>", look.classes()));
    let outline = look.marker.outline(f64::from(left + SAMPLE / 2), f64::from(y), RADIUS);
    page.push(format!("<path class=\"mark {}\" d=\"{outline}\"/>", look.hue_class()));
}
