//! Keeps the labels at the ends of lines from lying on one another.

/// Places labels of the given heights as near to their wanted centres as they
/// can be without touching, between `top` and `bottom`, and in the order wanted.
///
/// Labels that collide form a block that is centred on the mean of what its
/// members want; a block that meets another joins it. That is isotonic
/// regression by pooling (Ayer et al., 1955), and gives the least sum of squared
/// displacements.
pub(crate) fn spread(wanted: &[f64], heights: &[f64], top: f64, bottom: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|&a, &b| wanted[a].total_cmp(&wanted[b]));

    let mut blocks: Vec<Block> = Vec::new();
    for &label in &order {
        let half = heights[label] / 2.0;
        blocks.push(Block {
            start: wanted[label] - half,
            height: heights[label],
            members: vec![label],
        });
        settle(&mut blocks, top, bottom);
    }

    let mut centres = vec![0.0; wanted.len()];
    for block in &blocks {
        let mut y = block.start;
        for &label in &block.members {
            centres[label] = y + heights[label] / 2.0;
            y += heights[label];
        }
    }
    centres
}

struct Block {
    start: f64,
    height: f64,
    members: Vec<usize>,
}

/// Joins the last blocks for as long as they overlap, and keeps them inside.
fn settle(blocks: &mut Vec<Block>, top: f64, bottom: f64) {
    while let Some(mut last) = blocks.pop() {
        last.start = last.start.min(bottom - last.height).max(top);
        match blocks.pop() {
            Some(before) if before.start + before.height > last.start => {
                let (a, b) = (count(&before), count(&last));
                // What the members of `last` want, seen from the start of the joined block.
                let shifted = last.start - before.height;
                let start = (before.start * a + shifted * b) / (a + b);
                let mut members = before.members;
                members.extend(last.members);
                blocks.push(Block { start, height: before.height + last.height, members });
            }
            before => {
                blocks.extend(before);
                blocks.push(last);
                return;
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a chart has a few labels")]
fn count(block: &Block) -> f64 {
    block.members.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(wanted: &[f64], heights: &[f64], top: f64, bottom: f64) -> Vec<f64> {
        let centres = spread(wanted, heights, top, bottom);
        let mut order: Vec<usize> = (0..wanted.len()).collect();
        order.sort_by(|&a, &b| centres[a].total_cmp(&centres[b]));
        for pair in order.windows(2) {
            let gap = centres[pair[1]] - centres[pair[0]];
            let least = f64::midpoint(heights[pair[0]], heights[pair[1]]);
            assert!(gap >= least - 1e-9, "{centres:?}");
            assert!(wanted[pair[0]] <= wanted[pair[1]], "the order changed: {centres:?}");
        }
        for (centre, height) in centres.iter().zip(heights) {
            assert!(centre - height / 2.0 >= top - 1e-9, "{centres:?}");
            assert!(centre + height / 2.0 <= bottom + 1e-9, "{centres:?}");
        }
        centres
    }

    #[test]
    fn labels_that_do_not_touch_stay() {
        assert_eq!(check(&[90.0, 10.0, 50.0], &[16.0; 3], 0.0, 100.0), [90.0, 10.0, 50.0]);
    }

    #[test]
    fn labels_on_one_spot_spread_evenly() {
        assert_eq!(check(&[50.0; 3], &[10.0; 3], 0.0, 100.0), [40.0, 50.0, 60.0]);
    }

    #[test]
    fn labels_stay_inside_and_push_one_another() {
        assert_eq!(check(&[0.0, 0.0, 12.0], &[10.0; 3], 0.0, 100.0), [5.0, 15.0, 25.0]);
        assert_eq!(check(&[99.0, 100.0], &[10.0; 2], 0.0, 100.0), [85.0, 95.0]);
        check(&[3.0, 97.0, 96.0, 95.0, 2.0, 50.0, 51.0], &[12.0; 7], 0.0, 100.0);
    }

    #[test]
    fn heights_may_differ() {
        check(&[20.0, 22.0, 24.0], &[10.0, 30.0, 10.0], 0.0, 100.0);
        assert!(spread(&[], &[], 0.0, 10.0).is_empty());
    }
}
