//! Numbers as a reader wants them: three digits and a unit.

use results::Unit;

/// Keeps a number and its unit on one line.
const NARROW_SPACE: char = '\u{202f}';

/// `value` with its unit, to three significant digits; counts below a million in full.
pub(crate) fn format(unit: Unit, value: f64) -> String {
    match unit {
        Unit::Count if value.fract() == 0.0 && value.abs() < 1e6 => grouped(value),
        Unit::Count | Unit::Rate => scaled(value, &[("", 1.0), ("k", 1e3), ("M", 1e6), ("G", 1e9)]),
        Unit::Share => digits(value),
        Unit::Microseconds => scaled(value, &[("µs", 1.0), ("ms", 1e3), ("s", 1e6)]),
        Unit::Milliseconds => scaled(value, &[("ms", 1.0), ("s", 1e3)]),
        Unit::Bytes => scaled(value, &[("B", 1.0), ("kB", 1e3), ("MB", 1e6), ("GB", 1e9)]),
    }
}

/// `low–high`, or the one value if they read the same.
pub(crate) fn range(unit: Unit, low: f64, high: f64) -> String {
    let (low, high) = (format(unit, low), format(unit, high));
    if low == high { low } else { format!("{low}–{high}") }
}

/// A plain number to three significant digits.
pub(crate) fn digits(value: f64) -> String {
    let decimals = match value.abs() {
        v if v == 0.0 || v >= 99.95 => 0,
        v if v >= 9.995 => 1,
        v if v >= 0.9995 => 2,
        v if v >= 0.0995 => 3,
        _ => 4,
    };
    let text = format!("{value:.decimals$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// `value` in the greatest of `scales` that leaves at least 1 before the point.
fn scaled(value: f64, scales: &[(&str, f64)]) -> String {
    // 999.6 would be printed as 1000: it belongs to the next scale.
    let fits = |(_, scale): &&(&str, f64)| value.abs() >= 0.9995 * scale;
    let Some((suffix, scale)) = scales.iter().rev().find(fits).or(scales.first()) else {
        return digits(value);
    };
    let number = digits(value / scale);
    if suffix.is_empty() { number } else { format!("{number}{NARROW_SPACE}{suffix}") }
}

/// A whole number in groups of three digits.
fn grouped(value: f64) -> String {
    let text = format!("{:.0}", value.abs());
    let mut grouped = String::new();
    if value < 0.0 {
        grouped.push('-');
    }
    for (place, digit) in text.chars().enumerate() {
        // Four digits are read at a glance.
        if place > 0 && text.len() > 4 && (text.len() - place).is_multiple_of(3) {
            grouped.push(NARROW_SPACE);
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_and_a_unit() {
        assert_eq!(format(Unit::Rate, 152_300.0), "152\u{202f}k");
        assert_eq!(format(Unit::Rate, 999_700.0), "1\u{202f}M");
        assert_eq!(format(Unit::Rate, 999.0), "999");
        assert_eq!(format(Unit::Microseconds, 12_340.0), "12.3\u{202f}ms");
        assert_eq!(format(Unit::Milliseconds, 1_400.0), "1.4\u{202f}s");
        assert_eq!(format(Unit::Bytes, 32_768.0), "32.8\u{202f}kB");
        assert_eq!(format(Unit::Bytes, 0.0), "0\u{202f}B");
        assert_eq!(format(Unit::Count, 4.0), "4");
        assert_eq!(format(Unit::Count, 19_000.0), "19\u{202f}000");
        assert_eq!(format(Unit::Count, 0.25), "0.25");
        assert_eq!(format(Unit::Share, 0.0625), "0.0625");
    }

    #[test]
    fn a_range_that_reads_the_same_is_one_number() {
        assert_eq!(range(Unit::Count, 4.0, 4.0), "4");
        assert_eq!(range(Unit::Count, 4.0, 5.0), "4–5");
    }
}
