//! What numbers on a command line may be: beyond that, clocks overflow and memory is asked
//! for that no machine has, long after somebody was told that all is well.

use std::{num::NonZeroUsize, time::Duration};

/// The longest duration: nobody waits for more, and no clock overflows.
const DAYS_MOST: u64 = 365;
/// The most threads, loops or processes.
pub const WORKERS_MOST: usize = 1024;
/// The longest queue, for which there is memory.
pub(super) const QUEUE_MOST: usize = 1 << 20;
/// The most parts of the cache.
pub(super) const SHARDS_MOST: usize = 1 << 16;
/// The largest cache: 1024g.
pub(super) const MEMORY_MOST: usize = 1 << 40;

/// Understands a duration.
///
/// # Errors
///
/// Says what is wanted instead.
pub fn duration(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if duration > Duration::from_secs(DAYS_MOST * 24 * 60 * 60) {
        return Err(format!("a duration of at most {DAYS_MOST} days"));
    }
    Ok(duration)
}

/// Understands a duration above zero.
///
/// # Errors
///
/// Says what is wanted instead.
pub fn positive_duration(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err("a duration above zero, as 10s".to_owned()),
        duration => Ok(duration),
    }
}

/// Understands a number from 1 to `most`.
pub fn count(most: usize) -> impl Fn(&str) -> Result<NonZeroUsize, String> + Clone {
    move |text| {
        let number = text.parse().ok().filter(|number: &NonZeroUsize| number.get() <= most);
        number.ok_or_else(|| format!("a number from 1 to {most}"))
    }
}

/// Bytes, as a plain number or in k, m or g of 1024 each.
pub(super) fn size(text: &str) -> Result<usize, String> {
    let (digits, shift) = match text.as_bytes().last().map(u8::to_ascii_lowercase) {
        Some(b'k') => (&text[..text.len() - 1], 10),
        Some(b'm') => (&text[..text.len() - 1], 20),
        Some(b'g') => (&text[..text.len() - 1], 30),
        _ => (text, 0),
    };
    let bytes = digits.parse::<usize>().ok().and_then(|number| number.checked_mul(1 << shift));
    let bytes = bytes.filter(|bytes| (1..=MEMORY_MOST).contains(bytes));
    bytes.ok_or_else(|| "a size above zero and of at most 1024g, as 64m".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_within_the_bounds_is_understood() {
        assert_eq!(duration("365days"), Ok(Duration::from_secs(365 * 86_400)));
        assert_eq!(count(3)("3").map(NonZeroUsize::get), Ok(3));
        assert_eq!(size("1024g"), Ok(MEMORY_MOST));
        assert_eq!(size("1k"), Ok(1024));
    }

    #[test]
    fn what_is_beyond_is_told_the_bound() {
        for text in ["366days", "18446744073709551615s"] {
            assert!(duration(text).unwrap_err().contains("365 days"), "{text}");
        }
        for text in ["4", "0", "-1", "18446744073709551615", "18446744073709551616", ""] {
            assert_eq!(count(3)(text), Err("a number from 1 to 3".to_owned()), "{text}");
        }
        for text in ["0", "1025g", "99999999999999g", "g", "ä", ""] {
            assert!(size(text).is_err(), "{text}");
        }
    }
}
