//! Waiting for what must happen, and for what must not.

use std::{
    thread,
    time::{Duration, Instant},
};

pub(crate) use crate::PATIENCE;

/// For how long something that must not happen is given the chance.
pub(crate) const SETTLE: Duration = Duration::from_millis(150);

const STEP: Duration = Duration::from_millis(1);

/// Asks again and again until `condition` holds.
///
/// Panics if that takes too long.
#[track_caller]
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} in vain until {what}");
        thread::sleep(STEP);
    }
}

/// Asks again and again for a while whether `condition` still holds.
#[track_caller]
pub(crate) fn throughout(duration: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + duration;
    while Instant::now() < end {
        assert!(condition(), "it did not last that {what}");
        thread::sleep(STEP);
    }
}
