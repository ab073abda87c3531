//! The chart of kind `ratios`: a row for each comparison, its interval on a
//! logarithmic axis of ratios, and above them the control, the baseline against
//! itself.
//!
//! A forest plot (S. Lewis and M. Clarke, "Forest plots: trying to see the wood
//! and the trees", BMJ 2001). Half as much and twice as much are equally far
//! from 1; what lies within the shaded band is as good as equal.

use results::{Better, Chart, Experiment, Standing};

use crate::{
    Error,
    axis::Axis,
    marker::RADIUS,
    page::{self, Anchor, HALF_LETTER, MARGIN, Page, WIDTH},
    plot::{self, Area, Grid, Plot},
    rows::{self, Group, Row},
    series,
    text::{SIZE, SMALL, escape},
};

/// Height of a row, and of the heading of a group.
const ROW: i32 = 24;
const HEADING: i32 = 24;
/// Space between two groups.
const BETWEEN: i32 = 12;
/// Room for what stands above the rows.
const ABOVE: i32 = 38;
/// Space between two columns.
const GUTTER: i32 = 14;
/// The headings of the columns to the right.
const COLUMNS: [&str; 3] = ["ratio", "95 % interval", "verdict"];

/// Draws the chart.
pub(crate) fn draw(experiment: &Experiment, chart: &Chart) -> Result<String, Error> {
    let groups = rows::collect(experiment, chart);
    let subtitle = format!("{}, as a ratio", series::subtitle(chart));
    let [first, others @ ..] = &groups[..] else {
        return Ok(Page::new(experiment, chart, &subtitle).nothing());
    };
    let lone = if others.is_empty() { format!(" {}", first.over) } else { String::new() };
    let mut page = Page::new(experiment, chart, &format!("{subtitle}{lone}"));
    page.describe(Some(rows::in_words(chart)));

    let edge = 1.0 + experiment.compare.equivalent;
    let rows: Vec<&Row<'_>> = groups.iter().flat_map(|group| &group.rows).collect();
    let values: Vec<f64> = rows.iter().flat_map(|r| [r.of.low, r.of.ratio, r.of.high]).collect();
    let axis = Axis::ratios(&values, edge);
    let sheet = Sheet::lay(&page, &groups, &rows);
    let both = (axis.clone(), Axis::blank());
    let (elements, painted) = plot::plot(chart, sheet.area, both, Grid::Vertical, |plot| {
        paint(plot, &rows, &sheet, edge)
    })?;
    above(&mut page, chart, &sheet, painted.band);
    page.extend(elements);
    for (group, &y) in groups.iter().zip(&sheet.headings) {
        // Nothing runs through the words: each group is a panel of its own.
        let Area { left, right, .. } = sheet.area;
        page.push(format!(
            "<rect class=\"paper\" x=\"{left}\" y=\"{}\" width=\"{}\" height=\"20\"/>",
            y - 14,
            right - left + 1
        ));
        page.text(MARGIN, y, Anchor::Start, "group", &group.over);
    }
    for ((row, &x), &y) in rows.iter().zip(&painted.marks).zip(&sheet.middles) {
        mark(&mut page, experiment, row, (x, y));
        words(&mut page, row, &sheet, y);
    }
    page.height = sheet.area.bottom + 24;
    let notes = rows::notes(experiment, &rows);
    page.notes(&notes.into_iter().chain(axis.strip_note()).collect::<Vec<_>>());
    Ok(page.finish())
}

/// Where things stand.
struct Sheet {
    area: Area,
    /// The baseline of each group's heading; none where there is one group only.
    headings: Vec<i32>,
    /// The middle of each row, over all groups.
    middles: Vec<i32>,
    /// The right end of the ratios, the left ends of the intervals and verdicts.
    columns: [i32; 3],
}

impl Sheet {
    fn lay(page: &Page, groups: &[Group<'_>], rows: &[&Row<'_>]) -> Self {
        let widest = |words: &dyn Fn(&Row<'_>) -> String, heading: &str| {
            let found = rows.iter().map(|row| page::width(&words(row), SIZE)).max();
            found.unwrap_or(0).max(page::width(heading, SMALL))
        };
        let names = widest(&|row| row.name(), "");
        let verdict = WIDTH - MARGIN - widest(&|row| row.verdict().to_owned(), COLUMNS[2]);
        let interval = verdict - GUTTER - widest(&|row| row.interval(), COLUMNS[1]);
        let ratio = interval - 8;
        let right = ratio - widest(&|row| row.ratio(), COLUMNS[0]) - GUTTER;

        let top = page.height + ABOVE;
        let (mut headings, mut middles, mut y) = (Vec::new(), Vec::new(), top + 4);
        for (n, group) in groups.iter().enumerate() {
            if groups.len() > 1 {
                y += if n > 0 { BETWEEN } else { 0 };
                headings.push(y + HEADING - 8);
                y += HEADING;
            }
            for _ in &group.rows {
                middles.push(y + ROW / 2);
                y += ROW;
            }
        }
        let area = Area { left: MARGIN + names + GUTTER, top, right, bottom: y + 4 };
        Self { area, headings, middles, columns: [ratio, interval, verdict] }
    }
}

/// Where things came to stand across.
struct Painted {
    /// The edges of the band.
    band: (i32, i32),
    /// The mark of each row.
    marks: Vec<i32>,
}

fn paint(plot: &mut Plot<'_, '_>, rows: &[&Row<'_>], sheet: &Sheet, edge: f64) -> Painted {
    let Area { left, right, top, bottom } = sheet.area;
    let one = plot.pixel(1.0, 0.0).0;
    plot.path("unity", vec![(one, top), (one, bottom)]);
    let mut marks = Vec::new();
    for (row, &y) in rows.iter().zip(&sheet.middles) {
        plot.path("grid row", vec![(left, y), (right, y)]);
        let [low, ratio, high] =
            [row.of.low, row.of.ratio, row.of.high].map(|value| plot.pixel(value, 0.0).0);
        if low != high {
            plot.path(&format!("interval {}", row.classes()), vec![(low, y), (high, y)]);
        }
        marks.push(ratio);
    }
    Painted { band: (plot.pixel(1.0 / edge, 0.0).0, plot.pixel(edge, 0.0).0), marks }
}

/// The band, what it and its sides mean, and the headings of the columns.
fn above(page: &mut Page, chart: &Chart, sheet: &Sheet, (from, to): (i32, i32)) {
    let Area { top, right, bottom, .. } = sheet.area;
    page.push(format!(
        "<rect class=\"band\" x=\"{from}\" y=\"{top}\" width=\"{}\" height=\"{}\"/>",
        to - from,
        bottom - top
    ));
    let (less, more) = match chart.figure.better() {
        Better::Higher => (Standing::Worse, Standing::Better),
        Better::Lower => (Standing::Better, Standing::Worse),
    };
    let y = top - 8;
    let [less, equal, more] = [less, Standing::Equivalent, more].map(|s| s.label(chart.figure));
    let (less, more) = (format!("← {less}"), format!("{more} →"));
    let (middle, half) = (i32::midpoint(from, to), page::width(equal, SMALL) / 2);
    let (left, start) = (from.min(middle - half) - 10, to.max(middle + half) + 10);
    // A line higher where they would run into the headings of the columns.
    let sides = if start + page::width(&more, SMALL) < right + GUTTER { y } else { y - 16 };
    page.text(left, sides, Anchor::End, "tick", &less);
    page.text(middle, sides, Anchor::Middle, "tick", equal);
    page.text(start, sides, Anchor::Start, "tick", &more);
    let anchors = [Anchor::End, Anchor::Start, Anchor::Start];
    for ((words, x), anchor) in COLUMNS.into_iter().zip(sheet.columns).zip(anchors) {
        page.text(x, y, anchor, "tick", words);
    }
}

/// A mark that says all of its row when the pointer rests on it; hollow if it
/// carries no verdict.
fn mark(page: &mut Page, experiment: &Experiment, row: &Row<'_>, (x, y): (i32, i32)) {
    let outline = row.look.marker.outline(f64::from(x), f64::from(y), 0.95 * RADIUS);
    let class = if row.is_told() { "mark" } else { "mark hollow" };
    page.push(format!(
        "<g class=\"{}\"><title>{}</title><path class=\"{class}\" d=\"{outline}\"/></g>",
        row.classes(),
        escape(&row.in_words(experiment))
    ));
}

/// The name to the left of a row, and the columns to the right.
fn words(page: &mut Page, row: &Row<'_>, sheet: &Sheet, middle: i32) {
    let y = middle + HALF_LETTER;
    let name = if row.is_control || row.look.is_peer() { "soft" } else { "name" };
    page.text(sheet.area.left - GUTTER, y, Anchor::End, name, &row.name());
    let [ratio, interval, verdict] = sheet.columns;
    page.text(ratio, y, Anchor::End, if row.is_told() { "number" } else { "value" }, &row.ratio());
    page.text(interval, y, Anchor::Start, "value", &row.interval());
    page.text(verdict, y, Anchor::Start, row.verdict_class(), row.verdict());
}
