//! A median, and between what it lies.

use std::fmt;

/// The median of a sample with the interval that holds the true one in 95 of
/// 100 cases: the order statistics that the sign test gives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Median {
    pub(crate) value: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Median {
    pub(crate) fn of(mut sample: Vec<f64>) -> Self {
        sample.sort_by(f64::total_cmp);
        let last = sample.len() - 1;
        let value = f64::midpoint(sample[last / 2], sample[sample.len() / 2]);
        let cut = cut(sample.len());
        Self { value, low: sample[cut], high: sample[last - cut] }
    }
}

impl fmt::Display for Median {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3} [{:.3}, {:.3}]", self.value, self.low, self.high)
    }
}

/// How many values to leave out at each end: the true median lies beyond the
/// k-th smallest of n with the probability that fewer than k of n tosses are heads.
fn cut(count: usize) -> usize {
    let (mut choices, mut beyond) = (0.5f64.powi(i32::try_from(count).unwrap_or(i32::MAX)), 0.0);
    for k in 0..count / 2 {
        beyond += choices;
        if 2.0 * beyond > 0.05 {
            return k.saturating_sub(1);
        }
        #[expect(clippy::cast_precision_loss, reason = "samples are small")]
        let step = (count - k) as f64 / (k + 1) as f64;
        choices *= step;
    }
    0
}

#[test]
fn the_interval_is_the_sign_tests() {
    // From tables: 6 values need all, 9 leave out one, 12 two, 15 three.
    assert_eq!([6, 9, 12, 15].map(cut), [0, 1, 2, 3]);
}
