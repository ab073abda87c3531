//! The time of day, for sessions that are asked for it.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use service::Clock;

/// The clock of every session. It is right to a few milliseconds, and read
/// without a system call: nobody asks a session for more.
pub(crate) const CLOCK: Clock = Clock(since_epoch);

fn since_epoch() -> Duration {
    let now = clock_gettime(ClockId::RealtimeCoarse);
    // Before the epoch there were no clocks to be read here.
    let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(now.tv_nsec).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn it_goes_with_the_clock_of_the_system() {
        let coarse = CLOCK.now();
        let fine = SystemTime::UNIX_EPOCH.elapsed().unwrap();
        assert!(coarse.abs_diff(fine) < Duration::from_secs(10), "{coarse:?} is not {fine:?}");
    }
}
