//! The `Date` field of answers (RFC 9110 §6.6.1).

use std::{
    cell::Cell,
    time::{Duration, UNIX_EPOCH},
};

/// As `Sun, 06 Nov 1994 08:49:37 GMT`.
type Text = [u8; 29];

/// The last second of the year 9999: there is no later date of this form.
const SECONDS_MAX: u64 = 253_402_300_799;

thread_local! {
    /// The second that was asked for last, and its text: a busy thread formats
    /// once a second, not once an answer.
    static LAST: Cell<(u64, Text)> = const { Cell::new((u64::MAX, [0; 29])) };
}

/// The date so long after the Unix epoch.
pub(super) fn at(now: Duration) -> Text {
    let seconds = now.as_secs().min(SECONDS_MAX);
    let (last, text) = LAST.get();
    if last == seconds {
        return text;
    }
    let mut text: Text = [0; 29];
    let date = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds));
    text.copy_from_slice(date.as_bytes());
    LAST.set((seconds, text));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_second_has_its_own_text() {
        for (seconds, date) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (784_111_778, "Sun, 06 Nov 1994 08:49:38 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (SECONDS_MAX, "Fri, 31 Dec 9999 23:59:59 GMT"),
            (u64::MAX, "Fri, 31 Dec 9999 23:59:59 GMT"),
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
        ] {
            assert_eq!(at(Duration::new(seconds, 999_999_999)), date.as_bytes());
        }
    }
}
