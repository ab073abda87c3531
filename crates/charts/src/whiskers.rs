//! The intervals of the points at one x, as bars behind the marks.
//!
//! A bar shows only where it is longer than its mark. Bars that would lie on one
//! another stand side by side, but no further apart than the marks are wide: each
//! still comes out from behind the mark that it belongs to.

use crate::marker::RADIUS;

/// Most pixels between two bars, and between the outermost.
const STEP_MAX: i32 = 3;
const WIDTH_MAX: i32 = 8;

/// A bar: its ends, high and low, and how far it is moved to the right, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bar {
    pub(crate) high: i32,
    pub(crate) low: i32,
    pub(crate) aside: i32,
}

/// The bar of each of the points at one x, given as high end, mark, low end from
/// the top; none where the mark hides it.
pub(crate) fn bars(points: &[(i32, i32, i32)]) -> Vec<Option<Bar>> {
    #[expect(clippy::cast_possible_truncation, reason = "a few pixels")]
    let hidden = (1.3 * RADIUS).ceil() as i32;
    let shown = |&(high, mark, low): &(i32, i32, i32)| mark - high > hidden || low - mark > hidden;
    let mut bars: Vec<Option<Bar>> = points
        .iter()
        .map(|point| shown(point).then_some(Bar { high: point.0, low: point.2, aside: 0 }))
        .collect();
    let ends = |bars: &[Option<Bar>], n: usize| bars[n].map_or((0, 0), |bar| (bar.high, bar.low));
    let mut order: Vec<usize> = (0..bars.len()).filter(|&n| bars[n].is_some()).collect();
    order.sort_by_key(|&n| ends(&bars, n));
    let mut group: Vec<usize> = Vec::new();
    let mut lowest = i32::MIN;
    for n in order {
        let (high, low) = ends(&bars, n);
        if high > lowest {
            spread(&mut bars, &mut group);
        }
        group.push(n);
        lowest = lowest.max(low);
    }
    spread(&mut bars, &mut group);
    bars
}

/// Moves the bars of a group apart, in the order of the chart, and empties it.
fn spread(bars: &mut [Option<Bar>], group: &mut Vec<usize>) {
    group.sort_unstable();
    let gaps = i32::try_from(group.len()).unwrap_or(i32::MAX) - 1;
    let width = WIDTH_MAX.min(gaps * STEP_MAX);
    for (place, n) in (0..).zip(group.drain(..)) {
        if let Some(bar) = &mut bars[n] {
            bar.aside = if gaps > 0 { place * width / gaps - width / 2 } else { 0 };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asides(points: &[(i32, i32, i32)]) -> Vec<Option<i32>> {
        bars(points).into_iter().map(|bar| bar.map(|bar| bar.aside)).collect()
    }

    #[test]
    fn a_mark_hides_a_short_bar() {
        assert_eq!(asides(&[(96, 100, 104), (90, 100, 104)]), [None, Some(0)]);
        assert_eq!(bars(&[]), []);
    }

    #[test]
    fn bars_that_overlap_stand_side_by_side() {
        assert_eq!(
            asides(&[(80, 100, 120), (10, 20, 30), (90, 110, 130)]),
            [Some(-1), Some(0), Some(2)]
        );
        // The first and the last touch only through the second.
        assert_eq!(
            asides(&[(0, 20, 40), (30, 50, 70), (60, 80, 100)]),
            [Some(-3), Some(0), Some(3)]
        );
    }

    #[test]
    fn a_crowd_stays_behind_its_marks() {
        let asides = asides(&[(80, 100, 120); 12]);
        assert_eq!((asides[0], asides[11]), (Some(-4), Some(4)));
    }
}
