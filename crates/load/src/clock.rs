//! Time as the generator keeps it: nanoseconds since the run began.

use std::time::{Duration, Instant};

/// No instant: later than every other.
pub(crate) const NEVER: u64 = u64::MAX;

const MILLISECOND: u64 = 1_000_000;

/// Sleeping wakes late by the timer's slack (50 µs) and the wakeup itself, so
/// sleep ends this much before the due instant and the rest is spun.
const SLEEP_MARGIN: u64 = 200_000;

/// Counts from its own creation, so that an instant fits eight bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    epoch: Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { epoch: Instant::now() }
    }

    #[inline]
    pub(crate) fn now(self) -> u64 {
        nanoseconds(self.epoch.elapsed())
    }
}

#[inline]
pub(crate) fn nanoseconds(span: Duration) -> u64 {
    span.as_secs().saturating_mul(1_000_000_000).saturating_add(u64::from(span.subsec_nanos()))
}

#[expect(clippy::cast_precision_loss, reason = "2^53 ns are 104 days")]
pub(crate) fn seconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e9
}

/// How long to wait for events when the generator itself must act at `due`.
///
/// `epoll_wait` counts whole milliseconds, too coarse for a schedule: the wait
/// is the whole milliseconds that surely end before `due`, and for the last one
/// the caller spins by polling without waiting. An open loop of more than about
/// a thousand arrivals a second therefore keeps its core busy; its CPU time says
/// nothing about the cost of a request.
#[inline]
pub(crate) fn patience(now: u64, due: u64) -> Duration {
    let whole = due.saturating_sub(now).saturating_sub(SLEEP_MARGIN) / MILLISECOND;
    Duration::from_millis(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_end_before_the_due_instant() {
        assert_eq!(patience(0, MILLISECOND), Duration::ZERO);
        assert_eq!(patience(5, 0), Duration::ZERO);
        assert_eq!(patience(0, 2 * MILLISECOND), Duration::from_millis(1));
        assert_eq!(patience(0, 10 * MILLISECOND + SLEEP_MARGIN), Duration::from_millis(10));
    }
}
