//! Rings round the knees: the last points before latency leaves its level.

use results::{Chart, Experiment, Unit};

use crate::{page::Page, series::Series, text::escape};

/// Radius of a ring, round a mark.
const RING: i32 = 8;

/// The knee of each series, in their order.
pub(crate) fn find(
    experiment: &Experiment,
    chart: &Chart,
    series: &[Series<'_>],
) -> Vec<Option<f64>> {
    let knee = |one: &Series<'_>| experiment.knee(one.model, one.variant, chart.figure);
    series.iter().map(|one| knee(one).filter(|_| chart.knee)).collect()
}

/// What the rings are, for those who cannot see them.
pub(crate) fn description(experiment: &Experiment, chart: &Chart) -> Option<String> {
    let figure = chart.figure.label();
    let x = &experiment.x.label;
    chart.knee.then(|| {
        format!(
            "A ring marks the knee of a line: beyond that place on the axis of {x} \
             the {figure} is more than ten times that of the lightest load."
        )
    })
}

/// What the rings are, below the chart.
pub(crate) fn note(chart: &Chart, knees: &[Option<f64>]) -> Option<String> {
    if !chart.knee {
        return None;
    }
    let words = if knees.iter().any(Option::is_some) {
        "Rings: the knee, beyond which the figure is more than ten times that of the lightest load."
    } else {
        "No knee: at every load the figure is within ten times that of the lightest."
    };
    Some(words.to_owned())
}

/// What stands beside the name of a line.
pub(crate) fn in_short(knee: f64) -> String {
    format!("knee at {}", Unit::Count.format(knee))
}

/// Draws the rings; beside the line's name stands where each is.
pub(crate) fn draw(
    page: &mut Page,
    experiment: &Experiment,
    series: &[Series<'_>],
    places: &[Vec<(i32, i32)>],
    knees: &[Option<f64>],
) {
    for ((one, places), knee) in series.iter().zip(places).zip(knees) {
        let at = |x: f64| one.points.iter().position(|p| p.x.total_cmp(&x).is_eq());
        let Some((x, n)) = knee.and_then(|x| Some((x, at(x)?))) else { continue };
        let (px, py) = places[n];
        page.push(format!(
            "<g class=\"{}\"><title>{}: the knee, at {}</title>\
             <circle class=\"ring\" cx=\"{px}\" cy=\"{py}\" r=\"{RING}\"/></g>",
            one.look.hue_class(),
            escape(&one.name),
            escape(&experiment.at(x))
        ));
    }
}
