//! Numbers within a sentence.
//!
//! The units are those of the charts, [`Unit::format`]; but a sentence holds a
//! number and its unit on one line, and counts in full.

use results::Unit;

/// Keeps what it joins on one line.
const NARROW_SPACE: &str = "\u{202f}";

/// `value` with its unit; whole counts below a million in full.
pub(crate) fn format(unit: Unit, value: f64) -> String {
    match unit {
        // Four digits are read at a glance.
        Unit::Count if value.fract() == 0.0 && value.abs() < 1e4 => value.to_string(),
        Unit::Count if value.fract() == 0.0 && value.abs() < 1e6 => {
            results::grouped(value).replace(',', NARROW_SPACE)
        }
        _ => narrow(&unit.format(value)),
    }
}

/// `low–high`, or the one value if they read the same.
pub(crate) fn range(unit: Unit, low: f64, high: f64) -> String {
    let (low, high) = (format(unit, low), format(unit, high));
    if low == high { low } else { format!("{low}–{high}") }
}

/// Text whose spaces are all between numbers and units, on one line.
pub(crate) fn narrow(text: &str) -> String {
    text.replace(' ', NARROW_SPACE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_stays_with_its_unit_and_counts_are_in_full() {
        assert_eq!(format(Unit::Rate, 152_300.0), "152\u{202f}k");
        assert_eq!(format(Unit::Milliseconds, 1_400.0), "1.4\u{202f}s");
        assert_eq!(format(Unit::Count, 4.0), "4");
        assert_eq!(format(Unit::Count, 1024.0), "1024");
        assert_eq!(format(Unit::Count, 19_000.0), "19\u{202f}000");
        assert_eq!(format(Unit::Count, 0.25), "0.25");
    }

    #[test]
    fn a_range_that_reads_the_same_is_one_number() {
        assert_eq!(range(Unit::Count, 4.0, 4.0), "4");
        assert_eq!(range(Unit::Count, 4.0, 5.0), "4–5");
    }
}
