//! Latencies as trials keep them: `HdrHistogram`'s V2 format, deflated, in base64.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hdrhistogram::{Histogram, serialization::Deserializer};

/// A percentile is told only if at least this many samples lie beyond it: with
/// fewer, one sample more or less moves it.
const SAMPLES_BEYOND: f64 = 10.0;

/// Reads a histogram of nanoseconds. `None` if the text is no such histogram.
#[must_use]
pub fn decode_histogram(text: &str) -> Option<Histogram<u64>> {
    let bytes = STANDARD.decode(text).ok()?;
    Deserializer::new().deserialize(&mut &bytes[..]).ok()
}

/// Its values that were recorded, in nanoseconds, each with its count.
pub(crate) fn decode(text: &str) -> Option<Vec<(u64, u64)>> {
    let histogram = decode_histogram(text)?;
    let recorded = histogram.iter_recorded();
    Some(recorded.map(|one| (one.value_iterated_to(), one.count_at_value())).collect())
}

/// Histograms of several trials as one.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    counts: Vec<(u64, u64)>,
    samples: u64,
    /// Requests without an answer, slower than any that has one.
    pub(crate) missing: f64,
}

impl Pool {
    pub(crate) fn add(&mut self, counts: &[(u64, u64)]) {
        self.counts.extend_from_slice(counts);
        self.samples += counts.iter().map(|(_, count)| count).sum::<u64>();
    }

    /// The percentile in microseconds, if enough samples lie beyond it, and if those
    /// that are missing do not reach into it: where they are more than the slowest
    /// 1 %, the p99 of the answered is not the p99.
    #[expect(clippy::cast_precision_loss, reason = "counts and nanoseconds far below 2^53")]
    pub(crate) fn percentile_us(mut self, quantile: f64) -> Option<f64> {
        let samples = self.samples as f64;
        let beyond = 1.0 - quantile;
        // Rounded: 10,000 samples do support p99.9, whatever 1 − 0.999 is in binary.
        let enough = (samples * beyond * 1e6).round() / 1e6 >= SAMPLES_BEYOND;
        if !enough || self.missing >= beyond * (samples + self.missing) {
            return None;
        }
        self.counts.sort_unstable();
        let mut seen = 0.0;
        let at = self.counts.iter().find(|(_, count)| {
            seen += *count as f64;
            seen >= samples * quantile
        });
        Some(at?.0 as f64 / 1e3)
    }
}

#[cfg(test)]
mod tests {
    use hdrhistogram::serialization::{Serializer as _, V2DeflateSerializer};

    use super::*;

    #[test]
    fn pooled_is_as_one_histogram() {
        let mut all = Histogram::<u64>::new_with_bounds(1, 60_000_000_000, 3).unwrap();
        let mut pool = Pool::default();
        for part in 1..=4_u64 {
            let mut one = Histogram::<u64>::new_with_bounds(1, 60_000_000_000, 3).unwrap();
            for value in 0..2_000 {
                one.record(value * value * part + 50).unwrap();
            }
            all += &one;
            let mut bytes = Vec::new();
            V2DeflateSerializer::new().serialize(&one, &mut bytes).unwrap();
            pool.add(&decode(&STANDARD.encode(bytes)).unwrap());
        }
        #[expect(clippy::cast_precision_loss, reason = "small")]
        let whole = all.value_at_quantile(0.99) as f64 / 1e3;
        assert_eq!(pool.percentile_us(0.99), Some(whole));
    }

    #[test]
    fn a_percentile_that_the_samples_do_not_support_is_none() {
        let pool = |count, missing| Pool { counts: vec![(1000, count)], samples: count, missing };
        assert_eq!(pool(999, 0.0).percentile_us(0.99), None);
        assert_eq!(pool(1000, 0.0).percentile_us(0.99), Some(1.0));
        assert_eq!(pool(1000, 11.0).percentile_us(0.99), None);
        assert_eq!(pool(1000, 11.0).percentile_us(0.5), Some(1.0));
        assert!(decode_histogram("no histogram").is_none());
    }
}
