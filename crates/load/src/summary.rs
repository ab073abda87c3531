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
    /// Between these two, with 95 % confidence, lies what `p50_us` would be of
    /// endlessly many answers, were they independent of each other; neighbours in
    /// a queue are not, so it may be wider. `None`, as all intervals, without the
    /// percentile, or if it reaches beyond the slowest.
    pub p50_interval_us: Option<[f64; 2]>,
    /// The same of `p90_us`.
    pub p90_interval_us: Option<[f64; 2]>,
    /// The same of `p99_us`.
    pub p99_interval_us: Option<[f64; 2]>,
    /// The same of `p999_us`.
    pub p999_interval_us: Option<[f64; 2]>,
}

impl Summary {
    /// Summarises a histogram of nanoseconds.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "nanoseconds up to a minute, counts below 2^53")]
    pub fn of(histogram: &Histogram<u64>) -> Self {
        let [p50, p90, p99, p999] = [0.5, 0.9, 0.99, 0.999].map(|p| Percentile::of(histogram, p));
        Self {
            samples: histogram.len(),
            mean_us: histogram.mean() / 1e3,
            p50_us: p50.value_us,
            p90_us: p90.value_us,
            p99_us: p99.value_us,
            p999_us: p999.value_us,
            max_us: histogram.max() as f64 / 1e3,
            p50_interval_us: p50.interval_us,
            p90_interval_us: p90.interval_us,
            p99_interval_us: p99.interval_us,
            p999_interval_us: p999.interval_us,
        }
    }
}

/// A percentile as far as the samples support it.
#[derive(Clone, Copy, Debug, Default)]
struct Percentile {
    value_us: Option<f64>,
    interval_us: Option<[f64; 2]>,
}

impl Percentile {
    #[expect(clippy::cast_precision_loss, reason = "nanoseconds up to a minute, counts below 2^53")]
    fn of(histogram: &Histogram<u64>, p: f64) -> Self {
        let samples = histogram.len() as f64;
        // Rounded: 10,000 samples do support p99.9, whatever 1 − 0.999 is in binary.
        let beyond = (samples * (1.0 - p) * 1e6).round() / 1e6;
        if beyond < BEYOND {
            return Self::default();
        }
        // The sample of a rank, counted from 1; half a rank keeps clear of rounding.
        let ranked = |rank: f64| {
            let value = histogram.value_at_quantile(((rank - 0.5) / samples).max(0.0));
            value as f64 / 1e3
        };
        let interval_us = ranks(samples, p).map(|[low, high]| [ranked(low), ranked(high)]);
        Self { value_us: Some(histogram.value_at_quantile(p) as f64 / 1e3), interval_us }
    }
}

/// The order statistics between which a percentile lies with 95 % confidence:
/// how many of n samples are below it is binomial, here taken as normal.
///
/// Source: Conover, *Practical Nonparametric Statistics*, 3rd edition, 1999, 3.2.
fn ranks(samples: f64, p: f64) -> Option<[f64; 2]> {
    let spread = 1.96 * (samples * p * (1.0 - p)).sqrt();
    let (low, high) = ((samples * p - spread).ceil(), (samples * p + spread).ceil());
    (low >= 1.0 && high <= samples).then_some([low, high])
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
    fn a_percentile_lies_between_order_statistics() {
        // 100 tosses of a coin: 40 to 60, of 1000 at 90 %: 881.4 to 918.6.
        assert_eq!(ranks(100.0, 0.5), Some([41.0, 60.0]));
        assert_eq!(ranks(1000.0, 0.9), Some([882.0, 919.0]));
        assert_eq!((ranks(10.0, 0.99), ranks(1.0, 0.5)), (None, None));
        let summary = of(1000);
        let [low, high] = summary.p90_interval_us.unwrap();
        assert!((low - 882.0).abs() < 1.0 && (high - 919.0).abs() < 1.0, "{summary:?}");
        let few = of(19);
        assert_eq!((few.p50_us, few.p50_interval_us), (None, None));
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
