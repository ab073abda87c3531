//! Stops the watched process for a while, to see what a measurement makes of it:
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
    let _stopped = Stopped::new(pid).map_err(|errno| {
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

/// A process that stands still, and goes on when this goes out of scope: at the
/// end of its time, of the run, or in a panic.
struct Stopped(Pid);

impl Stopped {
    fn new(pid: u32) -> Result<Self, Errno> {
        let pid = Pid::from_raw(i32::try_from(pid).map_err(|_| Errno::ESRCH)?);
        kill(pid, Signal::SIGSTOP)?;
        Ok(Self(pid))
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        let _ = kill(self.0, Signal::SIGCONT); // A process that is gone needs none.
    }
}
