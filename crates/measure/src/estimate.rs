//! A median and how far it can be trusted.
//!
//! The interval is the percentile bootstrap's, 95 %. Of a median it needs no
//! random numbers: resampling n values puts the resample's middle at or below
//! the k-th smallest with the probability that a binomial count of n draws,
//! each hitting the k smallest with k/n, reaches the middle (B. Efron, "Bootstrap
//! Methods: Another Look at the Jackknife", 1979). The percentiles are expanded
//! for few values, by Student's t for the normal quantile (T. Hesterberg, "What
//! Teachers Should Know About the Bootstrap", 2015, 4.3): without that, an
//! interval from seven blocks would be a 90 % one. The ends are always values
//! that were measured.

use statrs::distribution::{Binomial, ContinuousCDF as _, DiscreteCDF as _, Normal, StudentsT};

/// Fewer values carry no interval.
pub(crate) const FEWEST: usize = results::FEWEST_BLOCKS as usize;

/// Probability that an end of the interval cuts off.
const TAIL: f64 = 0.025;

/// A median with its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Estimate {
    pub(crate) median: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
    /// Values that it rests on.
    pub(crate) count: u32,
}

impl Estimate {
    /// The estimate from `values`; `None` if there are none. With fewer than
    /// [`FEWEST`] the interval is their range.
    pub(crate) fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_unstable_by(f64::total_cmp);
        let last = values.len().checked_sub(1)?;
        let cut = cut(values.len());
        Some(Self {
            median: f64::midpoint(values[last / 2], values[values.len() / 2]),
            low: values[cut],
            high: values[last - cut],
            count: u32::try_from(values.len()).unwrap_or(u32::MAX),
        })
    }

    /// Whether there are enough values to judge by.
    pub(crate) fn carries(&self) -> bool {
        self.count as usize >= FEWEST
    }
}

/// How many values lie outside the interval on each side.
fn cut(count: usize) -> usize {
    if count < FEWEST {
        return 0;
    }
    let tail = expanded_tail(count);
    let n = count as u64;
    // The lower of the two middles where the count is even: the ends move outwards.
    let middle = n.div_ceil(2);
    (0..count / 2).find(|&k| reaches(n, k as u64 + 1, middle) >= tail).unwrap_or(0)
}

/// Probability that the `middle`-th smallest of `n` draws with replacement is
/// at most the `k`-th smallest of what is drawn from.
#[expect(clippy::cast_precision_loss, reason = "numbers of blocks")]
fn reaches(n: u64, k: u64, middle: u64) -> f64 {
    Binomial::new(k as f64 / n as f64, n).map_or(1.0, |hits| hits.sf(middle - 1))
}

#[expect(clippy::cast_precision_loss, reason = "numbers of blocks")]
pub(crate) fn expanded_tail(count: usize) -> f64 {
    let n = count as f64;
    let quantile = StudentsT::new(0.0, 1.0, n - 1.0).map_or(0.0, |t| t.inverse_cdf(TAIL));
    Normal::standard().cdf(quantile * (n / (n - 1.0)).sqrt())
}

#[cfg(test)]
mod tests {
    use rand::{RngExt as _, SeedableRng as _};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn estimate(values: &[f64]) -> Option<Estimate> {
        Estimate::of(values.to_vec())
    }

    #[test]
    fn medians_of_odd_and_even_counts() {
        let expect = |median, low, high, count| Some(Estimate { median, low, high, count });
        assert_eq!(estimate(&[3.0, 1.0, 2.0]), expect(2.0, 1.0, 3.0, 3));
        assert_eq!(estimate(&[4.0, 1.0, 2.0, 3.0]), expect(2.5, 1.0, 4.0, 4));
        assert_eq!(estimate(&[]), None);
    }

    /// The ends are order statistics, so how often the interval holds the
    /// median of any distribution is known exactly.
    #[test]
    fn intervals_hold_what_they_promise() {
        for count in FEWEST..=60 {
            let below = Binomial::new(0.5, count as u64).unwrap();
            let outside = 2.0 * below.cdf(cut(count) as u64);
            assert!((0.005..0.07).contains(&outside), "{count} values: {outside}");
        }
    }

    /// Beside it the bootstrap as everybody knows it, by drawing.
    #[test]
    #[expect(clippy::cast_precision_loss, reason = "some thousands of draws")]
    fn the_exact_bootstrap_is_what_drawing_approximates() {
        const DRAWS: usize = 20_000;
        let values: Vec<f64> = (0..11).map(|n| f64::from(n * n)).collect();
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let mut medians: Vec<f64> = (0..DRAWS)
            .map(|_| {
                let mut draw: Vec<f64> =
                    values.iter().map(|_| values[random.random_range(0..values.len())]).collect();
                draw.sort_unstable_by(f64::total_cmp);
                draw[draw.len() / 2]
            })
            .collect();
        medians.sort_unstable_by(f64::total_cmp);
        for k in 1..=5 {
            let drawn = medians.iter().filter(|&&m| m <= values[k - 1]).count() as f64;
            let exact = reaches(11, k as u64, 6);
            assert!((drawn / DRAWS as f64 - exact).abs() < 0.01, "{k}: {drawn} {exact}");
        }
    }
}
