//! Lines that lie exactly on one another are drawn side by side.
//!
//! Where four models serve every connection, four lines are one line, and the
//! reader sees only the last that was drawn. Such points move apart by a few
//! pixels, like the lines of an underground map; the chart says so.

/// Most pixels between two lines of a bundle, and between its outermost.
const STEP_MAX: i32 = 5;
const WIDTH_MAX: i32 = 12;
/// Points nearer than this would hide one another.
const NEAR: i32 = 2;

/// Moves apart those of the heights `ys` that would hide one another, which all
/// stand at one x, and keeps them between `top` and `bottom`; true if any moved.
///
/// They are stacked by their `values`, the greatest on top; equal ones in the
/// order given, so that a bundle runs in parallel from one x to the next.
pub(crate) fn side_by_side(values: &[f64], ys: &mut [i32], (top, bottom): (i32, i32)) -> bool {
    let mut order: Vec<usize> = (0..ys.len()).collect();
    order.sort_by(|&a, &b| ys[a].cmp(&ys[b]).then(values[b].total_cmp(&values[a])));
    let near = |&a: &usize, &b: &usize| ys[b] - ys[a] < NEAR;
    let bundles: Vec<&[usize]> = order.chunk_by(near).filter(|b| b.len() > 1).collect();
    let first = |bundle: &[usize]| {
        let gaps = i32::try_from(bundle.len() - 1).unwrap_or(i32::MAX);
        let step = (WIDTH_MAX / gaps).clamp(1, STEP_MAX);
        let middle = i32::midpoint(ys[bundle[0]], ys[bundle[bundle.len() - 1]]);
        let highest = middle - gaps * step / 2;
        (highest.min(bottom - gaps * step).max(top), step)
    };
    let starts: Vec<(i32, i32)> = bundles.iter().map(|bundle| first(bundle)).collect();
    for (bundle, (start, step)) in bundles.iter().zip(&starts) {
        for (place, &index) in (0..).zip(*bundle) {
            ys[index] = start + place * step;
        }
    }
    !bundles.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLOT: (i32, i32) = (0, 300);

    #[test]
    fn only_points_that_hide_one_another_move() {
        let mut ys = [100, 50, 100, 104, 101];
        assert!(side_by_side(&[0.0; 5], &mut ys, PLOT));
        assert_eq!(ys, [95, 50, 100, 104, 105]);
        let mut apart = [10, 20, 30];
        assert!(!side_by_side(&[0.0; 3], &mut apart, PLOT));
        assert_eq!(apart, [10, 20, 30]);
        assert!(!side_by_side(&[], &mut [], PLOT));
    }

    #[test]
    fn the_greater_value_is_on_top_and_equal_ones_keep_their_order() {
        let mut ys = [40, 40, 40];
        side_by_side(&[1.0, 1.5, 1.0], &mut ys, PLOT);
        assert_eq!(ys, [40, 35, 45]);
    }

    #[test]
    fn a_bundle_stays_narrow_and_inside() {
        let mut ys = [300; 13];
        side_by_side(&[0.0; 13], &mut ys, PLOT);
        assert_eq!((ys[0], ys[12]), (288, 300));
        let mut ys = [1; 3];
        side_by_side(&[0.0; 3], &mut ys, PLOT);
        assert_eq!(ys, [0, 5, 10]);
    }
}
