//! A value and how far it can be trusted.
//!
//! What varies from one start of a server to the next (where its memory lies, how
//! the machine is that minute) is the same for all that it does until it ends. So
//! the blocks, each with fresh processes, are what an interval rests on: it is the
//! jackknife's (J. Tukey, 1958; B. Efron, *The Jackknife, the Bootstrap and Other
//! Resampling Plans*, 1982). The statistic is computed again without each of the
//! blocks in turn; how much that moves it gives the standard error, and Student's t
//! for so many blocks gives the interval. Of a mean this is the textbook's interval.
//!
//! The rounds of a block are not drawn again: how much they scatter is in how much
//! the blocks scatter already, whether or not neighbouring rounds depend on each
//! other. A bootstrap of both would count it twice.

use statrs::distribution::{ContinuousCDF as _, StudentsT};

/// Fewer blocks carry no interval that anybody could use: with two, Student's t
/// makes it twelve standard errors wide on each side.
pub const FEWEST_BLOCKS: u32 = 3;

/// Probability that an end of the interval cuts off.
const TAIL: f64 = 0.025;

/// A value with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The value, from all blocks.
    pub value: f64,
    /// Lower end. With fewer than [`FEWEST_BLOCKS`] the least that a block alone gives.
    pub low: f64,
    /// Upper end, likewise.
    pub high: f64,
    /// Blocks that it rests on.
    pub blocks: u32,
    /// Standard error: of the value, or of its logarithm where `is_log`.
    error: f64,
    is_log: bool,
    /// Degrees of freedom of the error.
    freedom: f64,
}

impl Estimate {
    /// Whether there are enough blocks for the interval to be one of 95 %.
    #[must_use]
    pub fn carries(&self) -> bool {
        self.blocks >= FEWEST_BLOCKS
    }

    /// This over `other`, which was measured independently of it: another day, or
    /// other trials. `None` if the two are not ratios or other positive figures.
    ///
    /// The degrees of freedom are Welch's and Satterthwaite's.
    #[must_use]
    pub fn over(&self, other: &Self) -> Option<Self> {
        if !(self.is_log && other.is_log) {
            return None;
        }
        let (a, b) = (self.error.powi(2), other.error.powi(2));
        let each = a.powi(2) / self.freedom.max(1.0) + b.powi(2) / other.freedom.max(1.0);
        let freedom = if each > 0.0 { (a + b).powi(2) / each } else { 1.0 };
        let blocks = self.blocks.min(other.blocks);
        Some(told(self.value.ln() - other.value.ln(), (a + b).sqrt(), freedom, true, blocks))
    }
}

/// What `of` gives for all blocks but one, or for all of them: a logarithm where
/// `is_log`. `None` if it gives nothing for all of them.
pub(crate) fn jackknife(
    blocks: usize,
    is_log: bool,
    of: impl Fn(Option<usize>) -> Option<f64>,
) -> Option<Estimate> {
    let all = of(None)?;
    let left: Vec<f64> = (0..blocks).filter_map(|one| of(Some(one))).collect();
    let count = u32::try_from(blocks).unwrap_or(u32::MAX);
    if blocks < 2 || left.len() < blocks {
        // One block, or a statistic that rests on every one of them.
        return Some(Estimate { blocks: count.min(1), ..told(all, 0.0, 1.0, is_log, 1) });
    }
    let n = f64::from(count);
    let mean = left.iter().sum::<f64>() / n;
    let scatter: f64 = left.iter().map(|one| (one - mean).powi(2)).sum();
    let error = (scatter * (n - 1.0) / n).sqrt();
    let estimate = told(all, error, n - 1.0, is_log, count);
    if estimate.carries() {
        return Some(estimate);
    }
    // Without one of the two it is the other's.
    let back = |value: f64| if is_log { value.exp() } else { value };
    let (low, high) = (left.iter().copied().reduce(f64::min), left.into_iter().reduce(f64::max));
    Some(Estimate { low: back(low?), high: back(high?), ..estimate })
}

fn told(value: f64, error: f64, freedom: f64, is_log: bool, blocks: u32) -> Estimate {
    let reach = error * StudentsT::new(0.0, 1.0, freedom).map_or(0.0, |t| -t.inverse_cdf(TAIL));
    let back = |value: f64| if is_log { value.exp() } else { value };
    let [value, low, high] = [value, value - reach, value + reach].map(back);
    Estimate { value, low, high, blocks, error, is_log, freedom }
}

/// The mean of what is left when a fifth is taken from either end: what a
/// neighbour's burst makes of a few rounds does not reach it.
pub(crate) fn trimmed_mean(mut values: Vec<f64>) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let cut = values.len() / 5;
    mean(&values[cut..values.len() - cut])
}

#[expect(clippy::cast_precision_loss, reason = "numbers of rounds and blocks")]
pub(crate) fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_mean(values: &[f64]) -> Estimate {
        let without = |out: Option<usize>| {
            let kept: Vec<f64> =
                (0..values.len()).filter(|&n| Some(n) != out).map(|n| values[n]).collect();
            mean(&kept)
        };
        jackknife(values.len(), false, without).unwrap()
    }

    /// Against a table of Student's t: 2.571 for six values.
    #[test]
    fn of_a_mean_it_is_the_textbooks_interval() {
        let estimate = of_mean(&[4.0, 5.0, 6.0, 7.0, 8.0, 9.0]);
        let error = (3.5_f64 / 6.0).sqrt();
        assert!((estimate.value - 6.5).abs() < 1e-12);
        assert!((estimate.high - (6.5 + 2.571 * error)).abs() < 1e-3, "{estimate:?}");
        assert!((estimate.low - (6.5 - 2.571 * error)).abs() < 1e-3);
        assert!(estimate.carries());
    }

    #[test]
    fn few_blocks_are_a_value_and_its_range() {
        let estimate = of_mean(&[4.0]);
        assert_eq!((estimate.low, estimate.value, estimate.high), (4.0, 4.0, 4.0));
        let of_two = of_mean(&[4.0, 4.5]);
        assert!(!estimate.carries() && !of_two.carries());
        assert_eq!((of_two.low, of_two.value, of_two.high), (4.0, 4.25, 4.5), "their range");
    }

    #[test]
    fn independent_ratios_divide() {
        let ratio = |value: f64, error| told(value.ln(), error, 5.0, true, 6);
        let both = ratio(2.0, 0.03).over(&ratio(1.6, 0.04)).unwrap();
        assert!((both.value - 1.25).abs() < 1e-12);
        // An error of 5 %; about nine degrees of freedom, and t of them is 2.26.
        assert!((both.high / 1.25).ln() > 0.05 * 2.2 && (both.high / 1.25).ln() < 0.05 * 2.3);
        assert_eq!(of_mean(&[1.0, 2.0]).over(&both), None);
    }

    #[test]
    fn bursts_are_trimmed() {
        let mut values = vec![1.0; 9];
        values.extend([50.0, 60.0]);
        assert_eq!(trimmed_mean(values), Some(1.0));
        assert_eq!(trimmed_mean(vec![2.0, 4.0]), Some(3.0));
        assert_eq!(trimmed_mean(Vec::new()), None);
    }
}
