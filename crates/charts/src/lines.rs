//! The chart of kind `lines`: a figure against what is varied, a line for each model.

use results::{Chart, Experiment, Statistic};

use crate::{
    Error,
    axis::Axis,
    dodge,
    endlabels::{self, EndLabel},
    knee,
    marker::RADIUS,
    page::{Anchor, MARGIN, Page, WIDTH, pixels},
    plot::{self, Area, Grid, Plot},
    reference,
    series::{self, Series},
    shortfall,
    text::escape,
    whiskers,
};

/// Height of the plot, unless the labels need more.
const HEIGHT: i32 = 300;

/// Draws the chart.
pub(crate) fn draw(experiment: &Experiment, chart: &Chart) -> Result<String, Error> {
    let series = series::collect(experiment, chart);
    let mut page = Page::new(experiment, chart, &series::subtitle(chart));
    page.describe(knee::description(experiment, chart));
    let sweep = series::sweep(&series);
    if sweep.is_empty() {
        return Ok(page.nothing());
    }
    let knees = knee::find(experiment, chart, &series);
    let labels = endlabels::of(experiment, (&series, &knees), chart);
    let y = vertical(&series, chart, sweep[sweep.len() - 1]);
    let area = layout(&page, &labels, &y);
    let x = Axis::sweep(&sweep, experiment.x.scale, area.right - area.left);

    let (elements, painted) =
        plot::plot(chart, area, (x.clone(), y.clone()), Grid::Horizontal, |plot| {
            paint(plot, chart, &series, &sweep, (area, &x, &y))
        })?;
    page.extend(elements);
    marks(&mut page, experiment, &series, &painted.places);
    knee::draw(&mut page, experiment, &series, &painted.places, &knees);
    if let Some(at) = painted.strip {
        break_sign(&mut page, area.left, at);
    }
    let ends = ends(&series, &painted);
    endlabels::draw(&mut page, area, labels, &ends);

    page.height = area.bottom + 42;
    let middle = i32::midpoint(area.left, area.right);
    page.text(middle, page.height - 4, Anchor::Middle, "soft", &experiment.x.label);
    let apart = painted.dodged.then_some("Lines that coincide are drawn side by side.");
    let notes: Vec<String> = series::how_to_read(&series)
        .into_iter()
        .chain(apart.map(str::to_owned))
        .chain(series::unserved(experiment, &series))
        .chain(knee::note(chart, &knees))
        .chain(y.strip_note())
        .chain(series::absent(&series))
        .collect();
    page.notes(&notes);
    Ok(page.finish())
}

/// The axis of the figure; it holds the references too, where they can be compared.
fn vertical(series: &[Series<'_>], chart: &Chart, greatest_x: f64) -> Axis {
    let mut values = series::values(series);
    let greatest = values.iter().copied().fold(0.0, f64::max);
    values.extend(reference::heights(chart, greatest, greatest_x));
    Axis::figure(&values, chart.scale, chart.figure.unit())
}

fn layout(page: &Page, labels: &[EndLabel], y: &Axis) -> Area {
    let column = labels.iter().map(EndLabel::width).max().unwrap_or(0);
    let top = page.height + 16;
    let needed: f64 = labels.iter().map(EndLabel::height).sum();
    Area {
        left: MARGIN + pixels(y.label_width()) + 10,
        top,
        right: WIDTH - MARGIN - column - endlabels::GAP,
        bottom: top + HEIGHT.max(pixels(needed)),
    }
}

/// Where things came to stand.
struct Painted {
    /// The pixel of every point of every series.
    places: Vec<Vec<(i32, i32)>>,
    /// The pixel where each reference ends, if it can be seen.
    references: Vec<Option<(i32, i32)>>,
    /// Whether any points had to move apart.
    dodged: bool,
    /// The pixel between the axis of the figure and its strip for zero, if it has one.
    strip: Option<i32>,
}

fn paint(
    plot: &mut Plot<'_, '_>,
    chart: &Chart,
    series: &[Series<'_>],
    sweep: &[f64],
    (area, x, y): (Area, &Axis, &Axis),
) -> Painted {
    let references =
        chart.references.iter().map(|line| reference::draw(plot, line, (x, y))).collect();
    let mut places: Vec<Vec<(i32, i32)>> = series
        .iter()
        .map(|s| s.points.iter().map(|p| plot.pixel(p.x, p.value)).collect())
        .collect();
    whiskers(plot, series, &places, sweep);
    let dodged = part(series, sweep, &mut places, area);
    for (one, places) in series.iter().zip(&places) {
        line(plot, one, places, sweep);
    }
    let pixel = |value| plot.pixel(x.low, value).1;
    let strip = y.has_strip().then(|| i32::midpoint(pixel(0.0), pixel(y.low)));
    Painted { places, references, dodged, strip }
}

/// Moves apart the points that would hide one another; true if there were any.
fn part(series: &[Series<'_>], sweep: &[f64], places: &mut [Vec<(i32, i32)>], area: Area) -> bool {
    // Room for half a mark.
    let inside = (area.top + 4, area.bottom - 4);
    let mut dodged = false;
    for x in sweep {
        let here: Vec<(usize, usize)> = (0..)
            .zip(series)
            .filter_map(|(s, one)| {
                Some((s, one.points.iter().position(|p| p.x.total_cmp(x).is_eq())?))
            })
            .collect();
        let values: Vec<f64> = here.iter().map(|&(s, p)| series[s].points[p].value).collect();
        let mut ys: Vec<i32> = here.iter().map(|&(s, p)| places[s][p].1).collect();
        dodged |= dodge::side_by_side(&values, &mut ys, inside);
        for (&(s, p), y) in here.iter().zip(ys) {
            places[s][p].1 = y;
        }
    }
    dodged
}

fn whiskers(
    plot: &mut Plot<'_, '_>,
    series: &[Series<'_>],
    places: &[Vec<(i32, i32)>],
    sweep: &[f64],
) {
    for x in sweep {
        let here: Vec<(&Series<'_>, &Statistic, (i32, i32))> = series
            .iter()
            .zip(places)
            .filter_map(|(one, places)| {
                let n = one.points.iter().position(|p| p.x.total_cmp(x).is_eq())?;
                Some((one, one.points[n], places[n]))
            })
            .collect();
        let height = |value| plot.pixel(*x, value).1;
        let ends: Vec<(i32, i32, i32)> =
            here.iter().map(|(_, p, place)| (height(p.high), place.1, height(p.low))).collect();
        for ((one, _, (px, _)), bar) in here.iter().zip(whiskers::bars(&ends)) {
            if let Some(bar) = bar {
                let px = px + bar.aside;
                let class = format!("whisker {}", one.look.hue_class());
                plot.path(&class, vec![(px, bar.low), (px, bar.high)]);
            }
        }
    }
}

/// Draws the line of a series, broken where a point of the sweep was not measured:
/// nobody knows what is in between.
fn line(plot: &mut Plot<'_, '_>, series: &Series<'_>, places: &[(i32, i32)], sweep: &[f64]) {
    let class = match series.rank {
        0 => format!("line {}", series.look.classes()),
        _ => format!("line thin {}", series.look.classes()),
    };
    let position = |x: f64| sweep.partition_point(|s| *s < x);
    let points: Vec<_> = series.points.iter().zip(places).collect();
    for run in points.chunk_by(|a, b| position(b.0.x) == position(a.0.x) + 1) {
        if run.len() > 1 {
            plot.path(&class, run.iter().map(|(_, place)| **place).collect());
        }
    }
}

fn marks(
    page: &mut Page,
    experiment: &Experiment,
    series: &[Series<'_>],
    places: &[Vec<(i32, i32)>],
) {
    for (one, places) in series.iter().zip(places) {
        for (point, &place) in one.points.iter().zip(places) {
            page.push(mark(experiment, one, point, place));
        }
    }
}

/// A mark that says what it stands for when the pointer rests on it; hollow if
/// connections went unserved.
pub(crate) fn mark(
    experiment: &Experiment,
    series: &Series<'_>,
    point: &Statistic,
    (x, y): (i32, i32),
) -> String {
    let outline = series.look.marker.outline(f64::from(x), f64::from(y), RADIUS);
    let hollow = shortfall::of(experiment, point).is_some();
    let class = if hollow { "mark hollow" } else { "mark" };
    format!(
        "<g class=\"{}\"><title>{}</title><path class=\"{class}\" d=\"{outline}\"/></g>",
        series.look.hue_class(),
        escape(&series::in_words(experiment, series, point))
    )
}

/// Two strokes and a gap: the axis does not go on evenly here.
fn break_sign(page: &mut Page, x: i32, y: i32) {
    page.push(format!("<path class=\"gap\" d=\"M{x} {}v4\"/>", y - 2));
    let stroke = |y: i32| format!("M{} {}l8 -4", x - 4, y + 2);
    page.push(format!("<path class=\"break\" d=\"{}{}\"/>", stroke(y - 2), stroke(y + 2)));
}

/// Where each label belongs: the last points of the series, then the references' ends.
fn ends(series: &[Series<'_>], painted: &Painted) -> Vec<Option<(i32, i32)>> {
    let last = painted.places.iter().zip(series).map(|(places, _)| places.last().copied());
    last.chain(painted.references.iter().copied()).collect()
}
