//! Lines to compare the measured with: `y = value` or `y = value * x`.

use results::{Chart, Reference, Scale};

use crate::{axis::Axis, plot::Plot};

/// The heights that the axis of the figure should reach so that the references
/// can be seen, given the greatest value and the greatest x that were measured.
///
/// A logarithmic axis can afford any. A linear one is not stretched to more than
/// twice the measured: what is compared must not shrink to a line at the foot.
pub(crate) fn heights(chart: &Chart, greatest: f64, greatest_x: f64) -> Vec<f64> {
    let end = |line: &Reference| if line.per_x { line.value * greatest_x } else { line.value };
    let fits = |height: &f64| chart.scale == Scale::Log || *height <= 2.0 * greatest;
    chart.references.iter().map(end).filter(|h| *h > 0.0).filter(fits).collect()
}

/// Draws the part of a reference that lies between the axes; returns the pixel of its end.
pub(crate) fn draw(
    plot: &mut Plot<'_, '_>,
    line: &Reference,
    (x, y): (&Axis, &Axis),
) -> Option<(i32, i32)> {
    let (mut from, mut to) = (x.low, x.high);
    if line.per_x {
        // Where the line enters and leaves; beyond that the axis would bend it.
        from = from.max(y.low / line.value);
        to = to.min(y.high / line.value);
    }
    let height = |x: f64| if line.per_x { line.value * x } else { line.value };
    if from > to || line.value <= 0.0 || !y.holds(height(f64::midpoint(from, to))) {
        return None;
    }
    // Straight if both axes are alike, a curve otherwise.
    let count = if line.per_x && x.scale != y.scale { 48 } else { 2 };
    let points: Vec<(f64, f64)> =
        x.between(from, to, count).into_iter().map(|x| (x, height(x))).collect();
    plot.curve("reference", &points);
    points.last().map(|&(x, y)| plot.pixel(x, y))
}
