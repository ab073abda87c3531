//! Until when a loop may sleep, and whose time is up.

use std::time::Duration;

use super::Reactor;
use crate::nonblocking::{Runs, Turn};

/// How often overdue connections are looked for, if there can be any.
const SWEEP: Duration = Duration::from_millis(100);

impl Reactor<'_> {
    pub(super) fn has_deadlines(&self) -> bool {
        self.context.idle_timeout.is_some()
            || self.lingering > 0
            || self.context.stop.is_requested()
    }

    pub(super) fn patience(&self, at_most: Option<Duration>) -> Option<Duration> {
        let errands_wait = matches!(&self.shared.runs, Runs::Jobs(errands) if !errands.is_empty());
        if errands_wait || !self.unfinished.is_empty() {
            return Some(Duration::ZERO);
        }
        let sweep = self.has_deadlines().then_some(SWEEP);
        [at_most, sweep].into_iter().flatten().min()
    }

    pub(super) fn sweep(&mut self) {
        let now = self.woken;
        if self.sweep_due.is_some_and(|due| now < due) {
            return;
        }
        // A loop that nobody ran since its connection was accepted is no loop that stood
        // still: for it silence begins at the accept.
        let has_run = self.sweep_due.replace(now + SWEEP).is_some();
        let cut = self.context.stop.is_over();
        for key in self.keys() {
            if cut {
                // Who lingers has had its answer.
                self.close(key, !self.peers[key].is_lingering());
            } else if self.peers[key].is_overdue(now)
                && !(has_run && self.peers[key].has_spoken(&mut self.shared.calls))
            {
                // Who lingered to the end has had its answer.
                let failed = !self.peers[key].is_lingering();
                match self.peers[key].time_out(&mut self.shared, self.context.idle_timeout) {
                    Turn::Done => self.close(key, failed),
                    Turn::Waiting | Turn::Unfinished | Turn::Crowded => self.advance(key),
                }
            }
        }
    }
}
