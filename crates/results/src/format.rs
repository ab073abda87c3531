//! How a reader sees a figure: three digits that mean something, and a unit.

use std::fmt::Display;

use crate::Unit;

impl Unit {
    /// Writes `value`, given in this unit, with three significant digits at
    /// most and the prefix that reads best: `150 k`, `2.5 ms`, `64 KiB`.
    ///
    /// The words of [`Unit::Rate`] are left to the label of the axis: `150 k`
    /// stands for 150,000 requests per second of whatever the label says.
    #[must_use]
    pub fn format(self, value: f64) -> String {
        if !value.is_finite() {
            return "–".to_owned();
        }
        match self {
            Self::Count | Self::Rate => scaled(value, 1000.0, &["", " k", " M", " G", " T"]),
            Self::Share => digits(value),
            Self::Microseconds => scaled(value, 1000.0, &[" µs", " ms", " s"]),
            Self::Milliseconds if value != 0.0 && value.abs() < 1.0 => {
                Self::Microseconds.format(value * 1000.0)
            }
            Self::Milliseconds => scaled(value, 1000.0, &[" ms", " s"]),
            Self::Bytes => scaled(value, 1024.0, &[" B", " KiB", " MiB", " GiB", " TiB"]),
        }
    }
}

/// A whole number in groups of three digits, `1,234,567`: where three significant digits
/// would round away what matters.
#[must_use]
pub fn grouped(whole: impl Display) -> String {
    let digits = whole.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if (digits.len() - at).is_multiple_of(3) && text.ends_with(|c: char| c.is_ascii_digit()) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Divides by `base` until the digits before the point fit, then names the power.
fn scaled(value: f64, base: f64, suffixes: &[&str]) -> String {
    let (mut rest, mut power) = (value, 0);
    // Rounded first: 999.7 is shown as 1000, so it is 1 k.
    while rounded(rest).abs() >= base && power + 1 < suffixes.len() {
        rest /= base;
        power += 1;
    }
    digits(rest) + suffixes[power]
}

/// `value` with three significant digits, all of them if there are more before the point.
fn rounded(value: f64) -> f64 {
    let scale = 10f64.powi(decimals(value));
    (value * scale).round() / scale
}

fn digits(value: f64) -> String {
    let places = usize::try_from(decimals(value)).unwrap_or(0);
    let text = format!("{value:.places$}");
    let text =
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    // A tiny negative number must not be shown as "-0".
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// Places after the point that leave three significant digits.
fn decimals(value: f64) -> i32 {
    if value == 0.0 {
        return 0;
    }
    // At most nine: beyond that it is noise, and `log10` of a subnormal is not worth a case.
    #[expect(clippy::cast_possible_truncation, reason = "a logarithm of an f64 is below 400")]
    let magnitude = value.abs().log10().floor() as i32;
    (2 - magnitude).clamp(0, 9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_have_three_digits() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (-123_456, "-123,456"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn every_unit_reads_well() {
        for (unit, value, text) in [
            (Unit::Count, 0.0, "0"),
            (Unit::Count, 4.0, "4"),
            (Unit::Count, 996.0, "996"),
            (Unit::Count, 1000.0, "1 k"),
            (Unit::Count, 1024.0, "1.02 k"),
            (Unit::Count, 10_000.0, "10 k"),
            (Unit::Count, 2.041, "2.04"),
            (Unit::Count, 0.000_37, "0.00037"),
            (Unit::Rate, 150_000.0, "150 k"),
            (Unit::Rate, 999_700.0, "1 M"),
            (Unit::Rate, 1_250_000.0, "1.25 M"),
            (Unit::Share, 0.0625, "0.0625"),
            (Unit::Share, 1.0, "1"),
            (Unit::Microseconds, 250.0, "250 µs"),
            (Unit::Microseconds, 2500.0, "2.5 ms"),
            (Unit::Microseconds, 1_400_000.0, "1.4 s"),
            (Unit::Microseconds, 90e6, "90 s"),
            (Unit::Milliseconds, 0.0, "0 ms"),
            (Unit::Milliseconds, 0.5, "500 µs"),
            (Unit::Milliseconds, 10_000.0, "10 s"),
            (Unit::Bytes, 512.0, "512 B"),
            (Unit::Bytes, 1000.0, "1000 B"),
            (Unit::Bytes, 65_536.0, "64 KiB"),
            (Unit::Bytes, 1_048_576.0, "1 MiB"),
            (Unit::Bytes, 10_737_418_240.0, "10 GiB"),
            (Unit::Count, -1500.0, "-1.5 k"),
            (Unit::Count, f64::NAN, "–"),
        ] {
            assert_eq!(unit.format(value), text, "{unit:?} of {value}");
        }
    }
}
