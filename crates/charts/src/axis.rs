//! An axis: its range, how it is divided, and where its ticks are.
//!
//! One type serves linear and logarithmic axes, as a coordinate of plotters. A
//! logarithmic axis has no place for zero; where zero was measured the axis
//! gets a strip below its lowest value, labelled 0, and what is zero stands there;
//! where it is the axis of y, a break sign parts the two.

use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use results::{Scale, Unit};

use crate::text;

/// Pixels kept free at an end of an axis where a mark may stand.
const ROOM: i32 = 10;
/// Pixels below the lowest value of a logarithmic axis on which zero was measured.
const ZERO_ROOM: i32 = 40;
/// Most ticks worth reading.
const TICKS_MAX: usize = 8;

/// An axis; see the module.
#[derive(Clone, Debug)]
pub(crate) struct Axis {
    pub(crate) scale: Scale,
    /// The lowest value; on a logarithmic axis greater than zero.
    pub(crate) low: f64,
    /// The greatest value, greater than `low` unless only one value was measured.
    pub(crate) high: f64,
    pub(crate) ticks: Vec<f64>,
    unit: Unit,
    /// Pixels kept free at the low and at the high end.
    room: (i32, i32),
}

impl Axis {
    /// The axis of a figure that holds all of `values`.
    pub(crate) fn figure(values: &[f64], scale: Scale, unit: Unit) -> Self {
        match scale {
            Scale::Linear => Self::linear(values, unit),
            Scale::Log => Self::log(values, unit),
        }
    }

    fn linear(values: &[f64], unit: Unit) -> Self {
        let lowest = values.iter().copied().fold(0.0, f64::min);
        let highest = values.iter().copied().fold(0.0, f64::max);
        // A share is read against the whole.
        let highest = if unit == Unit::Share { highest.max(1.0) } else { highest };
        let span = if highest > lowest { highest - lowest } else { 1.0 };
        let step = step(span, unit);
        let first = (lowest / step).floor();
        let last = ((lowest + span) / step - 1e-9).ceil();
        let ticks: Vec<f64> = whole_numbers(first, last).map(|n| n * step).collect();
        Self {
            scale: Scale::Linear,
            low: first * step,
            high: last * step,
            ticks,
            unit,
            room: (0, ROOM),
        }
    }

    fn log(values: &[f64], unit: Unit) -> Self {
        let positive = || values.iter().copied().filter(|v| *v > 0.0);
        let zero = values.iter().any(|v| *v <= 0.0);
        let least = positive().fold(f64::INFINITY, f64::min);
        let greatest = positive().fold(0.0, f64::max);
        let (least, greatest) = if greatest > 0.0 { (least, greatest) } else { (1.0, 10.0) };
        let rungs = rungs(least, greatest, unit);
        let mut ticks = match rungs[..] {
            [low, high] => between_rungs(low, high, unit),
            _ => thin(&rungs, (least, greatest), unit),
        };
        // The ends of the ticks are those of the axis, unless they are far inside.
        let low = ticks[0].min(rungs[0]);
        let high = ticks[ticks.len() - 1].max(rungs[rungs.len() - 1]);
        let mut room = (ROOM, ROOM);
        if zero {
            ticks.insert(0, 0.0);
            room.0 = ZERO_ROOM;
        }
        Self { scale: Scale::Log, low, high, ticks, unit, room }
    }

    /// The axis of what is varied, `pixels` long; its ticks are the values
    /// measured, as many as have room.
    pub(crate) fn sweep(values: &[f64], scale: Scale, pixels: i32) -> Self {
        let zero = values.iter().any(|v| *v <= 0.0);
        let high = values.iter().copied().fold(0.0, f64::max);
        let least = values.iter().copied().filter(|v| *v > 0.0).fold(f64::INFINITY, f64::min);
        let (low, room) = match (scale, zero) {
            (Scale::Log, true) => (least, (ROOM + ZERO_ROOM, ROOM)),
            (Scale::Log, false) => (least, (ROOM, ROOM)),
            (Scale::Linear, true) => (0.0, (ROOM, ROOM)),
            (Scale::Linear, false) => (0.0, (0, ROOM)),
        };
        let (low, high) = if low.is_finite() && high > 0.0 { (low, high) } else { (1.0, 1.0) };
        let mut axis = Self { scale, low, high, ticks: Vec::new(), unit: Unit::Count, room };
        axis.ticks = axis.those_with_room(values, pixels);
        axis
    }

    /// The axis of ratios: logarithmic, with 1 and a band up to `edge` times as
    /// much or as little always on it.
    pub(crate) fn ratios(values: &[f64], edge: f64) -> Self {
        let zero = values.iter().any(|v| *v <= 0.0);
        let positive = || values.iter().copied().filter(|v| *v > 0.0);
        // Some room beside the band, so that it is seen to be one.
        let low = positive().fold(1.0 / edge.powf(1.6), f64::min);
        let high = positive().fold(edge.powf(1.6), f64::max);
        let within = |tick: &f64| *tick >= low && *tick <= high;
        let ladder = |steps: &[f64], decades: i32| -> Vec<f64> {
            let powers = (-decades..=decades).map(|n| 10f64.powi(n));
            let all = powers.flat_map(|power| steps.iter().map(move |step| step * power));
            all.filter(within).collect()
        };
        let twentieths: Vec<f64> = (10..=40).map(|n| f64::from(n) / 20.0).collect();
        let finest: Vec<f64> = twentieths.into_iter().filter(within).collect();
        let is_fine = low >= 0.5 && high <= 2.0 && (1..=TICKS_MAX).contains(&finest.len());
        let tenths = [1.0, 1.2, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0];
        let ladders = [&tenths[..], &[1.0, 1.5, 2.0, 3.0, 5.0, 7.0], &[1.0, 2.0, 5.0], &[1.0]];
        let few = |ticks: &Vec<f64>| ticks.len() <= TICKS_MAX;
        let coarse = || ladders.iter().map(|steps| ladder(steps, 12)).find(few);
        let mut ticks =
            if is_fine { finest } else { coarse().unwrap_or_else(|| vec![low, 1.0, high]) };
        let mut room = (ROOM, ROOM);
        if zero {
            ticks.insert(0, 0.0);
            room.0 = ZERO_ROOM;
        }
        Self { scale: Scale::Log, low, high, ticks, unit: Unit::Count, room }
    }

    /// An axis without a scale, where one is needed and nothing stands on it.
    pub(crate) fn blank() -> Self {
        let unit = Unit::Count;
        Self { scale: Scale::Linear, low: 0.0, high: 1.0, ticks: Vec::new(), unit, room: (0, 0) }
    }

    /// Those of `values` whose labels stand clear of one another, the ends first.
    fn those_with_room(&self, values: &[f64], pixels: i32) -> Vec<f64> {
        let place = |value: f64| f64::from(self.map(&value, (0, pixels)));
        let half = |value: f64| text::width(&self.unit.format(value), text::SMALL) / 2.0 + 4.0;
        let clear = |a: f64, b: f64| place(b) - place(a) >= half(a) + half(b);
        let mut kept: Vec<f64> = Vec::new();
        let Some((&last, before)) = values.split_last() else { return kept };
        for &value in before {
            if kept.last().is_none_or(|&k| clear(k, value)) && clear(value, last) {
                kept.push(value);
            }
        }
        kept.push(last);
        kept
    }

    /// `count` values from `from` to `to`, evenly spaced on this axis.
    pub(crate) fn between(&self, from: f64, to: f64, count: u32) -> Vec<f64> {
        let steps = f64::from(count.max(2) - 1);
        (0..count.max(2))
            .map(|n| match self.scale {
                Scale::Linear => from + (to - from) * f64::from(n) / steps,
                Scale::Log => from * (to / from).powf(f64::from(n) / steps),
            })
            .collect()
    }

    /// Whether `value` lies between the ends.
    pub(crate) fn holds(&self, value: f64) -> bool {
        value >= self.low && value <= self.high * (1.0 + 1e-9)
    }

    /// Whether `value` has no place on the axis proper, and stands at its zero.
    pub(crate) fn is_below(&self, value: f64) -> bool {
        self.scale == Scale::Log && value <= 0.0
    }

    /// Whether the axis has a strip for zero.
    pub(crate) fn has_strip(&self) -> bool {
        self.scale == Scale::Log && self.ticks.first().is_some_and(|tick| *tick <= 0.0)
    }

    /// What the strip for zero is, if there is one.
    pub(crate) fn strip_note(&self) -> Option<String> {
        let words = "0 stands apart: a logarithmic axis does not reach it.";
        self.has_strip().then(|| words.to_owned())
    }

    /// The label of a tick.
    pub(crate) fn label(&self, value: f64) -> String {
        // A bare 0 needs no unit, and on a logarithmic axis should stand out.
        if value == 0.0 { "0".to_owned() } else { self.unit.format(value) }
    }

    /// The width of the widest label, in pixels.
    pub(crate) fn label_width(&self) -> f64 {
        self.ticks.iter().map(|&t| text::width(&self.label(t), text::SMALL)).fold(0.0, f64::max)
    }

    /// The place of `value` between the ends, 0 to 1.
    fn share(&self, value: f64) -> f64 {
        let (value, low, high) = match self.scale {
            Scale::Linear => (value, self.low, self.high),
            Scale::Log => (value.ln(), self.low.ln(), self.high.ln()),
        };
        if high > low { ((value - low) / (high - low)).clamp(0.0, 1.0) } else { 0.5 }
    }
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (from, to): (i32, i32)) -> i32 {
        let way = (to - from).signum();
        if self.is_below(*value) {
            return from + way * ROOM.min(self.room.0);
        }
        let (start, end) = (from + way * self.room.0, to - way * self.room.1);
        #[expect(clippy::cast_possible_truncation, reason = "between two pixels of the chart")]
        let offset = (f64::from(end - start) * self.share(*value)).round() as i32;
        start + offset
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.ticks.clone()
    }

    fn range(&self) -> Range<f64> {
        self.low..self.high
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, value: &f64) -> String {
        self.label(*value)
    }
}

/// A step of 1, 2 or 5 times a power of ten (a power of two for bytes) that
/// divides `span` into five parts or so.
fn step(span: f64, unit: Unit) -> f64 {
    let rough = span / 5.0;
    if unit == Unit::Bytes {
        return rough.log2().ceil().exp2();
    }
    let power = 10f64.powf(rough.log10().floor());
    let factor = [1.0, 2.0, 5.0].into_iter().find(|f| f * power >= rough * (1.0 - 1e-9));
    factor.unwrap_or(10.0) * power
}

/// The rungs 1, 2, 5, 10 … (1, 2, 4 … for bytes) from the last at or below
/// `from` to the first at or above `to`; two at least.
fn rungs(from: f64, to: f64, unit: Unit) -> Vec<f64> {
    let rung = |n: f64| {
        if unit == Unit::Bytes {
            return n.exp2();
        }
        let third = n.rem_euclid(3.0);
        let factor = if third < 0.5 {
            1.0
        } else if third < 1.5 {
            2.0
        } else {
            5.0
        };
        factor * 10f64.powf(n.div_euclid(3.0))
    };
    let guess = |value: f64| {
        if unit == Unit::Bytes { value.log2().floor() } else { (value.log10() * 3.0).floor() }
    };
    let near = 1.0 + 1e-9;
    let mut first = guess(from) + 1.0;
    while rung(first) > from * near {
        first -= 1.0;
    }
    let mut last = guess(to) - 1.0;
    while rung(last) * near < to {
        last += 1.0;
    }
    if last <= first {
        (first, last) = (first - 1.0, first + 1.0);
    }
    whole_numbers(first, last).map(rung).collect()
}

/// The ticks where two rungs hold everything, which is too few to read by: even
/// steps from one to the other.
fn between_rungs(low: f64, high: f64, unit: Unit) -> Vec<f64> {
    let step = step(high - low, unit);
    whole_numbers((low / step).round(), (high / step).round()).map(|n| n * step).collect()
}

/// Takes away rungs until few enough are left: the 2s and 5s first, then powers.
///
/// Where that takes away an end, the power beyond it is added, if the axis grows
/// little by it: an axis that starts at 200 µs and has its first tick at 1 ms is
/// hard to read between them.
fn thin(rungs: &[f64], (from, to): (f64, f64), unit: Unit) -> Vec<f64> {
    if rungs.len() < TICKS_MAX {
        return rungs.to_vec();
    }
    // Powers of two group by 4, 16 and 1024, of ten by 10, 100, 1000 and so on.
    let (base, groups): (f64, &[f64]) = if unit == Unit::Bytes {
        (2.0, &[2.0, 4.0, 10.0, 20.0, 50.0, 400.0])
    } else {
        (10.0, &[1.0, 2.0, 3.0, 6.0, 20.0, 120.0])
    };
    let (low, high) = (rungs[0], rungs[rungs.len() - 1]);
    let span = (high / low).ln();
    let grouped = |&group: &f64| -> Vec<f64> {
        let power = |value: f64| value.ln() / base.ln() / group;
        let mut first = (power(low) - 1e-6).ceil();
        let mut last = (power(high) + 1e-6).floor();
        let at = |n: f64| base.powf(n * group);
        if (from / at(first - 1.0)).ln() <= 0.12 * span {
            first -= 1.0;
        }
        if (at(last + 1.0) / to).ln() <= 0.12 * span {
            last += 1.0;
        }
        whole_numbers(first, last).map(at).collect()
    };
    let few = |ticks: &Vec<f64>| (2..=TICKS_MAX).contains(&ticks.len());
    groups.iter().map(grouped).find(few).unwrap_or_else(|| vec![low, high])
}

fn whole_numbers(first: f64, last: f64) -> impl Iterator<Item = f64> {
    std::iter::successors(Some(first), |n| Some(n + 1.0)).take_while(move |n| *n <= last + 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<String> {
        axis.ticks.iter().map(|t| axis.label(*t)).collect()
    }

    #[test]
    fn log_ticks_are_decades_or_halves_of_them() {
        let axis = |values: &[f64], unit| labels(&Axis::figure(values, Scale::Log, unit));
        assert_eq!(axis(&[1.0, 10_000.0], Unit::Count), ["1", "10", "100", "1 k", "10 k"]);
        assert_eq!(axis(&[60_000.0, 180_000.0], Unit::Rate), ["50 k", "100 k", "200 k"]);
        assert_eq!(
            axis(&[90.0, 1.4e6], Unit::Microseconds),
            ["100 µs", "1 ms", "10 ms", "100 ms", "1 s"]
        );
        assert_eq!(
            axis(&[1.8e6, 1e10], Unit::Bytes),
            ["1 MiB", "4 MiB", "16 MiB", "64 MiB", "256 MiB", "1 GiB", "4 GiB", "16 GiB"]
        );
        assert_eq!(
            axis(&[9e3, 9e9], Unit::Bytes),
            ["4 KiB", "64 KiB", "1 MiB", "16 MiB", "256 MiB", "4 GiB"]
        );
        assert_eq!(axis(&[0.0, 4.0, 900.0], Unit::Count)[..2], ["0", "10"]);
        assert_eq!(axis(&[7.0], Unit::Count), ["5", "6", "7", "8", "9", "10"]);
        assert_eq!(
            axis(&[69.2, 98.4], Unit::Microseconds),
            ["50 µs", "60 µs", "70 µs", "80 µs", "90 µs", "100 µs"]
        );
        assert_eq!(axis(&[70e3, 120e3], Unit::Bytes)[..2], ["64 KiB", "80 KiB"]);
        assert_eq!(axis(&[100.0], Unit::Count), ["50", "100", "200"]);
        assert_eq!(axis(&[], Unit::Count), ["1", "2", "5", "10"]);
    }

    #[test]
    fn ratios_have_ticks_round_one() {
        let axis = |values: &[f64]| labels(&Axis::ratios(values, 1.05));
        assert_eq!(axis(&[]), ["0.95", "1", "1.05"]);
        assert_eq!(axis(&[0.9, 1.1]), ["0.9", "0.95", "1", "1.05", "1.1"]);
        assert_eq!(axis(&[0.5, 1.1]), ["0.5", "0.6", "0.7", "0.8", "0.9", "1"]);
        assert_eq!(axis(&[0.04, 12.0]), ["0.05", "0.1", "0.2", "0.5", "1", "2", "5", "10"]);
        assert_eq!(axis(&[0.0, 1.0])[0], "0");
        assert_eq!(Axis::ratios(&[1e-300, 1e300], 1.05).ticks.len(), 3);
    }

    #[test]
    fn linear_ticks_start_at_zero() {
        let axis = |values: &[f64], unit| labels(&Axis::figure(values, Scale::Linear, unit));
        assert_eq!(axis(&[163_000.0], Unit::Rate), ["0", "50 k", "100 k", "150 k", "200 k"]);
        assert_eq!(axis(&[0.3], Unit::Share), ["0", "0.2", "0.4", "0.6", "0.8", "1"]);
        assert_eq!(
            axis(&[40e6], Unit::Bytes),
            ["0", "8 MiB", "16 MiB", "24 MiB", "32 MiB", "40 MiB"]
        );
        assert_eq!(axis(&[0.0], Unit::Count).first().unwrap(), "0");
        assert_eq!(axis(&[-3.0, 5.0], Unit::Count), ["-4", "-2", "0", "2", "4", "6"]);
    }

    #[test]
    fn a_sweep_is_ticked_where_it_was_measured() {
        let xs = [1.0, 4.0, 16.0, 64.0, 256.0, 1000.0];
        let axis = Axis::sweep(&xs, Scale::Log, 400);
        assert_eq!(labels(&axis), ["1", "4", "16", "64", "256", "1 k"]);
        let crowded = Axis::sweep(&xs, Scale::Linear, 400);
        assert_eq!(labels(&crowded), ["1", "64", "256", "1 k"]);
        assert!(Axis::sweep(&[], Scale::Log, 400).ticks.is_empty());
    }

    #[test]
    fn zero_has_its_own_place_on_a_log_axis() {
        let axis = Axis::figure(&[0.0, 10.0, 1000.0], Scale::Log, Unit::Count);
        let (zero, ten) = (axis.map(&0.0, (300, 0)), axis.map(&10.0, (300, 0)));
        assert!(zero > ten && zero < 300, "{zero} {ten}");
        let sweep = Axis::sweep(&[0.0, 1.0, 100.0], Scale::Log, 400);
        assert!(sweep.map(&0.0, (0, 400)) < sweep.map(&1.0, (0, 400)));
    }
}
