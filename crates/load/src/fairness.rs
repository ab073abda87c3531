//! How evenly the server's answers fell on the connections that asked.

use serde::{Deserialize, Serialize};

/// Answers in the window by connection, over all *requested* connections: one
/// that never got through counts 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spread {
    /// The least served connection's answers.
    pub min: u64,
    /// The lower median.
    pub median: u64,
    /// The best served connection's answers.
    pub max: u64,
}

impl Spread {
    pub(crate) fn of(counts: &mut [u64]) -> Option<Self> {
        let (min, max) = (*counts.iter().min()?, *counts.iter().max()?);
        let (_, median, _) = counts.select_nth_unstable((counts.len() - 1) / 2);
        Some(Self { min, median: *median, max })
    }
}

/// Jain's index, (Σx)² / (n Σx²): 1 if all shares are equal, k/n if k of n share
/// all. `None` if nobody got anything, which is not a kind of fairness.
///
/// Source: Jain, Chiu and Hawe, *A Quantitative Measure of Fairness and
/// Discrimination*, DEC-TR-301, 1984.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
pub fn jain(counts: &[u64]) -> Option<f64> {
    let sum: f64 = counts.iter().map(|&count| count as f64).sum();
    let squares: f64 = counts.iter().map(|&count| (count as f64).powi(2)).sum();
    (squares > 0.0).then(|| sum * sum / (counts.len() as f64 * squares))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_shares_are_one() {
        assert_eq!(jain(&[7, 7, 7, 7]), Some(1.0));
    }

    #[test]
    fn zeros_count() {
        assert_eq!(jain(&[5, 5, 0, 0]), Some(0.5));
        let mut pool = vec![0; 64];
        pool[..4].fill(1000);
        assert_eq!(jain(&pool), Some(4.0 / 64.0));
    }

    #[test]
    fn nothing_is_not_fair() {
        assert_eq!(jain(&[0, 0]), None);
        assert_eq!(jain(&[]), None);
    }

    #[test]
    fn spread_has_the_lower_median() {
        assert_eq!(Spread::of(&mut [4, 1, 3, 2]), Some(Spread { min: 1, median: 2, max: 4 }));
        assert_eq!(Spread::of(&mut []), None);
    }
}
