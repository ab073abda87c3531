//! Stops the watched process, and those that it has started, for a while, to see what a measurement makes of it:
//! one from the send sees one slow answer, one from the due instant sees all
//! whose time it took.

use std::time::Duration;

use nix::{
    errno::Errno,
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{
    clock::{NEVER, nanoseconds},
    crew::Crew,
    fault::{Cause, Fault},
    plan::Stall,
    tree,
};

/// Longest wait without a look whether the run is over.
const LOOK: Duration = Duration::from_millis(5);

/// Stops process `pid` as `stall` says, from a thread of its own, so that the
/// load keeps its schedule.
pub(crate) fn stall(stall: Stall, pid: u32, crew: &Crew) -> Result<(), Fault> {
    while crew.window_at() == NEVER {
        if !goes_on(crew, LOOK) {
            return Ok(());
        }
    }
    let from = crew.window_at().saturating_add(nanoseconds(stall.after));
    if !wait(crew, from) {
        return Ok(());
    }
    let _stopped = Stopped::all_of(pid).map_err(|errno| {
        Fault::new(Cause::Other, format!("process {pid} cannot be stopped: {errno}"))
    })?;
    wait(crew, from.saturating_add(nanoseconds(stall.lasts)));
    Ok(())
}

/// Waits until `until`; says whether the run goes on.
fn wait(crew: &Crew, until: u64) -> bool {
    loop {
        let left = until.saturating_sub(crew.clock.now());
        if left == 0 {
            return true;
        }
        if !goes_on(crew, Duration::from_nanos(left).min(LOOK)) {
            return false;
        }
    }
}

fn goes_on(crew: &Crew, span: Duration) -> bool {
    crew.rest(span) && !crew.is_over()
}

/// Processes that stand still, and go on when this goes out of scope: at the
/// end of its time, of the run, or in a panic.
struct Stopped(Vec<Pid>);

impl Stopped {
    fn all_of(root: u32) -> Result<Self, Errno> {
        let mut stopped = Self(Vec::new());
        // The root first. Whoever was not stopped may have started another
        // meanwhile, so this goes on until a look finds nobody new.
        loop {
            let before = stopped.0.len();
            for pid in tree::processes(root) {
                stopped.stop(pid)?;
            }
            if stopped.0.len() == before {
                return Ok(stopped);
            }
        }
    }

    fn stop(&mut self, pid: u32) -> Result<(), Errno> {
        let pid = Pid::from_raw(i32::try_from(pid).map_err(|_| Errno::ESRCH)?);
        if self.0.contains(&pid) {
            return Ok(());
        }
        match kill(pid, Signal::SIGSTOP) {
            Ok(()) => self.0.push(pid),
            // A descendant that is gone needs no stop.
            Err(Errno::ESRCH) if !self.0.is_empty() => {}
            Err(errno) => return Err(errno),
        }
        Ok(())
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        // The root last: its children have their numbers until it goes on.
        for pid in self.0.iter().rev() {
            let _ = kill(*pid, Signal::SIGCONT); // A process that is gone needs none.
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::tree::tests::Family;

    fn states(pids: &[u32]) -> String {
        let stat = |pid| fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        let state = |pid: &u32| stat(*pid).rsplit_once(") ").unwrap().1.chars().next();
        pids.iter().filter_map(state).collect()
    }

    #[test]
    fn all_stand_still_and_all_go_on() {
        let family = Family::start();
        let pids = tree::processes(family.0.id());
        let stopped = Stopped::all_of(family.0.id()).unwrap();
        assert_eq!(stopped.0.len(), 3);
        while states(&pids) != "TTT" {}
        drop(stopped);
        while states(&pids).contains('T') {}
    }
}
