//! How long a part rests before it is played anew.

use std::time::Duration;

/// A process that dies sooner than this would do so again: its successor waits so long.
const EARLY: Duration = Duration::from_secs(1);

/// How long a part rests whose processes die: not at all, if they have lived for a while.
/// Those that die at once, one after the other, rest twice as long each time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rest {
    early_deaths: u32,
}

impl Rest {
    /// The longest.
    pub const MOST: Duration = Duration::from_secs(30);

    /// The rest after a process that has lived so long; or not at all, if it could not be
    /// started.
    pub fn after(&mut self, lived: Duration) -> Duration {
        if lived >= EARLY {
            self.early_deaths = 0;
            return Duration::ZERO;
        }
        let times = 2_u32.saturating_pow(self.early_deaths);
        self.early_deaths += 1;
        EARLY.saturating_mul(times).min(Self::MOST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_dies_at_once_again_rests_twice_as_long() {
        let mut rest = Rest::default();
        let seconds = [(); 7].map(|()| rest.after(Duration::from_millis(3)).as_secs());
        assert_eq!(seconds, [1, 2, 4, 8, 16, 30, 30]);
        for _ in 0..100 {
            assert_eq!(rest.after(Duration::ZERO), Rest::MOST);
        }
        assert_eq!(rest.after(EARLY), Duration::ZERO, "it has lived");
        assert_eq!(rest.after(Duration::ZERO), EARLY);
    }
}
