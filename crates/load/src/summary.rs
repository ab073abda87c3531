//! Latencies: recorded in nanoseconds, told in microseconds.

use base64::{Engine, engine::general_purpose::STANDARD};
use hdrhistogram::{
    Histogram,
    serialization::{Deserializer, Serializer, V2DeflateSerializer},
};
use serde::{Deserialize, Serialize};

/// Longest latency told apart; a longer one is recorded as this.
const LONGEST_NS: u64 = 60_000_000_000;

/// A percentile is told only if at least this many samples lie beyond it: with
/// fewer, one sample more or less moves it.
const BEYOND: f64 = 10.0;

/// A histogram of nanoseconds with three significant digits.
pub(crate) fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST_NS, 3).expect("the bounds are constants and valid")
}

/// What a histogram says, in microseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// Answers recorded.
    pub samples: u64,
    /// Their mean.
    pub mean_us: f64,
    /// Half were faster. `None`, as all percentiles, without enough samples.
    pub p50_us: Option<f64>,
    /// 90 % were faster.
    pub p90_us: Option<f64>,
    /// 99 % were faster.
    pub p99_us: Option<f64>,
    /// 99.9 % were faster.
    pub p999_us: Option<f64>,
    /// The slowest.
    pub max_us: f64,
}

impl Summary {
    /// Summarises a histogram of nanoseconds.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "nanoseconds up to a minute, counts below 2^53")]
    pub fn of(histogram: &Histogram<u64>) -> Self {
        let samples = histogram.len();
        let percentile = |p: f64| {
            // Rounded: 10,000 samples do support p99.9, whatever 1 − 0.999 is in binary.
            let beyond = (samples as f64 * (1.0 - p) * 1e6).round() / 1e6;
            (beyond >= BEYOND).then(|| histogram.value_at_quantile(p) as f64 / 1e3)
        };
        Self {
            samples,
            mean_us: histogram.mean() / 1e3,
            p50_us: percentile(0.5),
            p90_us: percentile(0.9),
            p99_us: percentile(0.99),
            p999_us: percentile(0.999),
            max_us: histogram.max() as f64 / 1e3,
        }
    }
}

/// The histogram in `HdrHistogram`'s V2 format, deflated and in base64: what a
/// line of its log format holds, readable by its tools in every language.
pub(crate) fn encode(histogram: &Histogram<u64>) -> String {
    let mut bytes = Vec::new();
    V2DeflateSerializer::new()
        .serialize(histogram, &mut bytes)
        .expect("counts fit and a Vec takes all bytes");
    STANDARD.encode(bytes)
}

/// Reads back what a report holds as a histogram, in nanoseconds.
///
/// `None` if the text is no such histogram.
#[must_use]
pub fn decode_histogram(text: &str) -> Option<Histogram<u64>> {
    let bytes = STANDARD.decode(text).ok()?;
    Deserializer::new().deserialize(&mut bytes.as_slice()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(samples: u64) -> Summary {
        let mut histogram = histogram();
        for n in 1..=samples {
            histogram.saturating_record(n * 1000);
        }
        Summary::of(&histogram)
    }

    #[test]
    fn a_percentile_needs_samples_beyond_it() {
        let few = of(9_999);
        assert!(few.p99_us.is_some());
        assert_eq!(few.p999_us, None);
        assert!(of(10_000).p999_us.is_some());
        assert_eq!(of(19).p50_us, None);
        assert!(of(20).p50_us.is_some());
    }

    #[test]
    fn figures_are_microseconds() {
        let summary = of(1000);
        assert!((summary.mean_us - 500.5).abs() < 1.0, "{summary:?}");
        assert!((summary.p99_us.unwrap() - 990.0).abs() < 1.0, "{summary:?}");
        assert!((summary.max_us - 1000.0).abs() < 1.0, "{summary:?}");
    }

    #[test]
    fn what_is_too_long_saturates() {
        let mut histogram = histogram();
        histogram.saturating_record(10 * LONGEST_NS);
        assert_eq!(histogram.len(), 1);
    }

    #[test]
    fn a_histogram_survives_its_text() {
        let mut histogram = histogram();
        histogram.saturating_record(12_345);
        assert_eq!(decode_histogram(&encode(&histogram)), Some(histogram));
        assert_eq!(decode_histogram("no histogram"), None);
    }
}
