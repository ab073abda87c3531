//! Lines that lie exactly on one another are drawn side by side.
//!
//! Where four models serve every connection, four lines are one line, and the
//! reader sees only the last that was drawn. Such points move apart by a few
//! pixels, like the lines of an underground map; the chart says so.

/// Distance between two lines of a bundle, in pixels.
const STEP: i32 = 3;
/// Points nearer than this would hide one another.
const NEAR: i32 = 2;

/// Moves apart those of the heights `ys` that would hide one another, which all
/// stand at one x; true if any moved. Their order stays, equal ones keep theirs,
/// so a bundle runs in parallel from one x to the next.
pub(crate) fn side_by_side(ys: &mut [i32]) -> bool {
    let mut order: Vec<usize> = (0..ys.len()).collect();
    order.sort_by_key(|&index| (ys[index], index));
    let mut moved = false;
    let bundles = order.chunk_by(|&a, &b| ys[b] - ys[a] < NEAR).map(<[usize]>::to_vec);
    for bundle in bundles.collect::<Vec<_>>() {
        if bundle.len() == 1 {
            continue;
        }
        moved = true;
        let middle = i32::midpoint(ys[bundle[0]], ys[bundle[bundle.len() - 1]]);
        let lines = i32::try_from(bundle.len()).unwrap_or(i32::MAX);
        for (place, &index) in (0..).zip(&bundle) {
            ys[index] = middle + place * STEP - (lines - 1) * STEP / 2;
        }
    }
    moved
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_points_that_hide_one_another_move() {
        let mut ys = [100, 50, 100, 104, 101];
        assert!(side_by_side(&mut ys));
        assert_eq!(ys, [97, 50, 100, 104, 103]);
        let mut apart = [10, 20, 30];
        assert!(!side_by_side(&mut apart));
        assert_eq!(apart, [10, 20, 30]);
        assert!(!side_by_side(&mut []));
    }

    #[test]
    fn pairs_part_evenly() {
        let mut ys = [40, 40];
        side_by_side(&mut ys);
        assert_eq!(ys[1] - ys[0], STEP);
    }
}
