//! Whom the scheduler prefers while a run measures.
//!
//! A housekeeping thread of the kernel that takes the server's core for 3 ms makes
//! one request in a hundred slow. It falls on whoever is measured just then. So
//! servers and generator ask to be preferred, as far as this process may: root may.
//! Among themselves nothing changes, since all of them are preferred alike.

use std::fs;

use rustix::process::setpriority_process;

/// The most that can be asked for.
const NICE: i32 = -20;
/// Where Linux groups the processes of a session; their niceness counts within it
/// only, and the group has its own.
const AUTOGROUP: &str = "/proc/self/autogroup";

/// Prefers this thread, and what it starts. Says whether that was allowed.
pub(crate) fn prefer_this_thread() -> bool {
    setpriority_process(None, NICE).is_ok()
}

/// The session of this process, preferred until this is dropped.
#[derive(Debug)]
pub(crate) struct Preferred {
    /// The niceness that its group had, if that was changed.
    before: Option<i32>,
}

impl Preferred {
    pub(crate) fn session() -> Self {
        let before = niceness(&fs::read_to_string(AUTOGROUP).unwrap_or_default());
        let changed = |_: &i32| fs::write(AUTOGROUP, NICE.to_string()).is_ok();
        Self { before: before.filter(changed) }
    }
}

impl Drop for Preferred {
    fn drop(&mut self) {
        if let Some(before) = self.before {
            // Nothing else can be done about it, and it does no harm.
            let _ = fs::write(AUTOGROUP, before.to_string());
        }
    }
}

/// Of `/autogroup-42 nice 0`.
fn niceness(line: &str) -> Option<i32> {
    line.rsplit_once("nice ")?.1.trim().parse().ok()
}

/// What servers and generator will be given, for the record.
pub(crate) fn looked_up() -> String {
    let granted = std::thread::scope(|scope| scope.spawn(prefer_this_thread).join());
    format!("nice {}", if granted.unwrap_or(false) { NICE } else { 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_niceness_of_a_session_is_read() {
        assert_eq!(niceness("/autogroup-42 nice 0\n"), Some(0));
        assert_eq!(niceness("/autogroup-1 nice -20\n"), Some(-20));
        assert_eq!(niceness(""), None);
    }

    #[test]
    fn a_session_is_left_as_it_was_found() {
        let before = fs::read_to_string(AUTOGROUP).ok();
        drop(Preferred::session());
        assert_eq!(fs::read_to_string(AUTOGROUP).ok(), before);
    }
}
