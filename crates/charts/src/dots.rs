//! The chart of kind `dots`: a group of rows for each model, a row for each
//! variant, the figure to the right.
//!
//! The marks tell the variants apart, so here they are not those of the models;
//! the colours still are.

use results::{Chart, Experiment, Statistic, Trial};

use crate::{
    Error,
    axis::Axis,
    lines::mark,
    marker::{Marker, RADIUS},
    page::{self, Anchor, HALF_LETTER, MARGIN, Page, WIDTH},
    plot::{self, Area, Grid, Plot},
    reference,
    series::{self, Series},
    shortfall,
    text::{SIZE, wrap},
};

/// Height of a row.
const ROW: i32 = 17;
/// Height of a row where a model has only one.
const LONE_ROW: i32 = 24;
/// Space between the rows of one model and the next.
const BETWEEN: i32 = 10;
/// Height of the label of a reference, above the rows.
const REFERENCE: i32 = 16;
/// Names of models longer than this break.
const NAME_ROOM: f64 = 200.0;

/// Draws the chart.
pub(crate) fn draw(experiment: &Experiment, chart: &Chart) -> Result<String, Error> {
    let mut series = series::collect(experiment, chart);
    let subtitle = series::subtitle(chart);
    // An experiment with dots has one x; of several the greatest says most.
    let Some(x) = series::sweep(&series).last().copied() else {
        return Ok(Page::new(experiment, chart, &subtitle).nothing());
    };
    for one in &mut series {
        one.points.retain(|p| p.x.total_cmp(&x).is_eq());
        one.look.marker = Marker::VARIANTS[one.rank % Marker::VARIANTS.len()];
    }
    // What nobody tried to measure needs no row.
    series.retain(|one| !one.points.is_empty() || was_tried(experiment, one));
    let place = experiment.at(x);
    let mut page = Page::new(experiment, chart, &format!("{subtitle} · {place}"));
    legend(&mut page, &series::variants(experiment, chart));

    let figures = horizontal(&series, chart, x);
    let values = values(experiment, &series);
    let rows = Rows::lay(&page, &series, chart, &values);
    let axes = (figures.clone(), Axis::blank());
    let (elements, painted) = plot::plot(chart, rows.area, axes, Grid::Vertical, |plot| {
        paint(plot, chart, &series, &rows, x)
    })?;
    page.extend(elements);
    names(&mut page, &series, &rows);
    dots(&mut page, experiment, &series, &values, (&rows, &painted));
    reference_labels(&mut page, chart, &rows, &painted.references);
    page.height = rows.area.bottom + 24;
    // What is missing is said in its row.
    let notes = series::how_to_read(&series)
        .into_iter()
        .chain(series::unserved(experiment, &series))
        .chain(figures.strip_note());
    page.notes(&notes.collect::<Vec<_>>());
    Ok(page.finish())
}

/// Whether there is a trial of the series, void or not.
fn was_tried(experiment: &Experiment, one: &Series<'_>) -> bool {
    let of = |trial: &Trial| trial.model == one.model && trial.variant.as_deref() == one.variant;
    experiment.trials.iter().any(of)
}

/// The axis of the figure, which holds the references too.
fn horizontal(series: &[Series<'_>], chart: &Chart, x: f64) -> Axis {
    let mut values = series::values(series);
    let greatest = values.iter().copied().fold(0.0, f64::max);
    values.extend(reference::heights(chart, greatest, x));
    Axis::figure(&values, chart.scale, chart.figure.unit())
}

/// The value that stands beside each dot, with what it keeps silent about.
fn values(experiment: &Experiment, series: &[Series<'_>]) -> Vec<String> {
    let words = |point: &&Statistic| {
        let value = point.figure.unit().format(point.value);
        match shortfall::of(experiment, point) {
            Some(short) => format!("{value} · {}", short.in_short()),
            None => value,
        }
    };
    series.iter().map(|s| s.points.first().map_or_else(String::new, words)).collect()
}

/// Where the rows are.
struct Rows {
    area: Area,
    /// The middle of the row of each series.
    middles: Vec<i32>,
}

impl Rows {
    fn lay(page: &Page, series: &[Series<'_>], chart: &Chart, values: &[String]) -> Self {
        let names = series.iter().flat_map(|s| wrap(s.model, SIZE, NAME_ROOM));
        let names = names.map(|line| page::width(&line, SIZE)).max().unwrap_or(0);
        let values = values.iter().map(|value| page::width(value, SIZE)).max().unwrap_or(0);
        let references = i32::try_from(chart.references.len()).unwrap_or(0) * REFERENCE;
        let top = page.height + 10 + references;

        let lone = series.windows(2).all(|pair| pair[0].model != pair[1].model);
        let (row, between) = if lone { (LONE_ROW, 0) } else { (ROW, BETWEEN) };
        let mut y = top + BETWEEN / 2;
        let mut middles = Vec::new();
        for (n, one) in series.iter().enumerate() {
            if n > 0 && one.model != series[n - 1].model {
                y += between;
            }
            middles.push(y + row / 2);
            y += row;
        }
        let area = Area {
            left: MARGIN + names + 14,
            top,
            right: WIDTH - MARGIN - values - 4,
            bottom: y + BETWEEN / 2,
        };
        Self { area, middles }
    }
}

/// Where things came to stand across.
struct Painted {
    /// The dot of each series, if it was measured.
    dots: Vec<Option<i32>>,
    /// The bar of each series, or its dot twice.
    bars: Vec<(i32, i32)>,
    references: Vec<Option<i32>>,
}

fn paint(
    plot: &mut Plot<'_, '_>,
    chart: &Chart,
    series: &[Series<'_>],
    rows: &Rows,
    x: f64,
) -> Painted {
    let Area { left, right, top, bottom } = rows.area;
    for &y in &rows.middles {
        plot.path("grid row", vec![(left, y), (right, y)]);
    }
    let mut references = Vec::new();
    for (n, line) in (1..).zip(&chart.references) {
        let value = if line.per_x { line.value * x } else { line.value };
        let place = plot.holds(value).then(|| plot.pixel(value, 0.0).0);
        if let Some(px) = place {
            plot.path("reference", vec![(px, top - n * REFERENCE + 4), (px, bottom)]);
        }
        references.push(place);
    }
    let mut bars = Vec::new();
    for (one, &y) in series.iter().zip(&rows.middles) {
        let Some(point) = one.points.first() else {
            bars.push((left, left));
            continue;
        };
        let [low, high] = [point.low, point.high].map(|v| plot.pixel(v, 0.0).0);
        if low != high {
            plot.path(&format!("whisker {}", one.look.hue_class()), vec![(low, y), (high, y)]);
        }
        bars.push((low, high));
    }
    let dots = series.iter().map(|s| Some(plot.pixel(s.points.first()?.value, 0.0).0)).collect();
    Painted { dots, bars, references }
}

/// The marks of the variants, beside their names.
fn legend(page: &mut Page, variants: &[Option<&str>]) {
    if variants.len() < 2 {
        return;
    }
    page.height += 20;
    let (mut x, y) = (MARGIN, page.height - 7);
    for (variant, marker) in variants.iter().zip(Marker::VARIANTS.iter().cycle()) {
        let name = variant.unwrap_or_default();
        let width = page::width(name, SIZE) + 14;
        if x > MARGIN && x + width > WIDTH - MARGIN {
            (x, page.height) = (MARGIN, page.height + 18);
        }
        let y = y.max(page.height - 7);
        let outline = marker.outline(f64::from(x + 5), f64::from(y), RADIUS);
        page.push(format!("<path class=\"key\" d=\"{outline}\"/>"));
        page.text(x + 14, y + HALF_LETTER, Anchor::Start, "name", name);
        x += width + 18;
    }
}

/// The name of each model, beside the middle of its rows.
fn names(page: &mut Page, series: &[Series<'_>], rows: &Rows) {
    let placed: Vec<(&Series<'_>, i32)> = series.iter().zip(rows.middles.iter().copied()).collect();
    for group in placed.chunk_by(|one, next| one.0.model == next.0.model) {
        let (first, last) = (group[0], group[group.len() - 1]);
        let lines = wrap(first.0.model, SIZE, NAME_ROOM);
        let extra = i32::try_from(lines.len() - 1).unwrap_or(0);
        let mut y = i32::midpoint(first.1, last.1) + HALF_LETTER - extra * 7;
        for line in lines {
            page.text(rows.area.left - 10, y, Anchor::End, "name", &line);
            y += 14;
        }
    }
}

fn dots(
    page: &mut Page,
    experiment: &Experiment,
    series: &[Series<'_>],
    values: &[String],
    (rows, painted): (&Rows, &Painted),
) {
    for (n, one) in series.iter().enumerate() {
        let y = rows.middles[n];
        let text_y = y + HALF_LETTER;
        let (Some(point), Some(x)) = (one.points.first(), painted.dots[n]) else {
            let x = rows.area.left + 8;
            page.text(x, text_y, Anchor::Start, "value halo", "no figure");
            continue;
        };
        let (value, (start, end)) = (&values[n], painted.bars[n]);
        let width = page::width(value, SIZE);
        // To the left where a reference would run through it.
        let struck = |x: i32| (end..end + width + 14).contains(&x);
        let room = start - 8 - width > rows.area.left;
        if room && painted.references.iter().flatten().any(|x| struck(*x)) {
            page.text(start - 8, text_y, Anchor::End, "value halo", value);
        } else {
            page.text(end + 8, text_y, Anchor::Start, "value halo", value);
        }
        page.push(mark(experiment, one, point, (x, y)));
    }
}

/// The labels of the references, each on a line of its own above the rows.
fn reference_labels(page: &mut Page, chart: &Chart, rows: &Rows, places: &[Option<i32>]) {
    for ((n, line), place) in (1..).zip(&chart.references).zip(places) {
        let Some(x) = *place else { continue };
        let y = rows.area.top - n * REFERENCE + 12;
        let room = page::width(&line.label, SIZE) + 6;
        // To the left of its line if there is no room to the right.
        let (x, anchor) =
            if x + room > WIDTH - MARGIN { (x - 5, Anchor::End) } else { (x + 5, Anchor::Start) };
        page.text(x, y, anchor, "soft", &line.label);
    }
}
