//! The time of day, handed in.

use std::time::Duration;

/// The time of day, asked of whoever has a clock: a session has none. It is
/// asked for most requests, so the answer had better be cheap.
#[derive(Clone, Copy, Debug)]
pub struct Clock(pub fn() -> Duration);

impl Clock {
    /// The time since the Unix epoch.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.0()
    }
}
