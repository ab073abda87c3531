//! Children that die with the bench, however that ends.
//!
//! ```text
//! bench ──▶ lab held ──exec──▶ server ──▶ its own children
//!   │        │ └ asks the kernel to be killed when the bench is
//!   ▼        ▼ tells its group
//! ──pipe──────────▶ lab keeper: when the pipe closes, kills the groups that it knows
//! ```
//!
//! Both are needed. The kernel's promise is for the child alone and does not go to
//! the children of a server of somebody else. The keeper reaches those; but it is a
//! process as well, and may be killed too. Whoever is held has both before it becomes
//! the server, so there is no moment at which the bench could end and leave it.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    fs::OpenOptions,
    io::{self, BufRead, Write},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, ChildStdin, Command, Stdio, id},
};

use nix::{
    sys::signal::{Signal as Number, killpg},
    unistd::Pid as Group,
};
use results::core_list;
use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

use crate::{
    cores::{numbers, pin},
    priority::prefer_this_thread,
};

/// The words that make `lab` run `command` on `cores`, to die with this process.
pub(crate) fn held(lab: &Path, keeper: &Keeper, cores: &[usize], command: &Command) -> Command {
    let mut held = Command::new(lab);
    held.args(["held", "--parent", &id().to_string()]);
    held.args(["--keeper", &keeper.child.id().to_string()]);
    if !cores.is_empty() {
        held.args(["--cores", &core_list(cores)]);
    }
    held.arg("--").arg(command.get_program()).args(command.get_args());
    if let Some(folder) = command.get_current_dir() {
        held.current_dir(folder);
    }
    held
}

/// How a process is held.
#[derive(Clone, Debug)]
pub struct Hold {
    /// The bench that has started it.
    pub parent: u32,
    /// The keeper of that bench.
    pub keeper: u32,
    /// The cores to run on, as `taskset` has them; all, if nothing is said.
    pub cores: Option<String>,
}

/// Makes this process `command`, to be killed when its bench ends.
///
/// The promise is made before the parent is looked at, so it cannot end between.
/// The kernel keeps it over the exec; it goes by the thread that has started this
/// process, so that must be one that lives as long as the bench.
///
/// # Errors
///
/// Returns only if it cannot be done: with why.
#[must_use]
pub fn hold(hold: &Hold, command: &[OsString]) -> io::Error {
    let Some((program, words)) = command.split_first() else {
        return io::Error::other("there is no command");
    };
    let ready = || -> io::Result<()> {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        if getppid().map(Pid::as_raw_pid) != i32::try_from(hold.parent).ok() {
            return Err(io::Error::other("whom this is a part of is gone"));
        }
        // The keeper's end of the pipe, by which it can be told, too. Without a keeper
        // the kernel's promise is left.
        let pipe = OpenOptions::new().write(true).open(format!("/proc/{}/fd/0", hold.keeper));
        let _ = pipe.and_then(|mut pipe| writeln!(pipe, "+{}", id()));
        if let Some(cores) = &hold.cores {
            let cores = numbers(cores);
            let cores = cores.ok_or_else(|| io::Error::other("that is no list of cores"))?;
            pin(&cores)?;
            prefer_this_thread();
        }
        Ok(())
    };
    match ready() {
        Ok(()) => Command::new(program).args(words).exec(),
        Err(why) => why,
    }
}

/// A process that outlives the bench for a moment, to kill what it has left.
#[derive(Debug)]
pub(crate) struct Keeper {
    child: Child,
    /// Closed by the kernel, if by nobody else.
    pipe: Option<ChildStdin>,
}

impl Keeper {
    pub(crate) fn start(lab: &Path) -> io::Result<Self> {
        let mut command = Command::new(lab);
        // An interrupt at the terminal is for the bench, and not for its keeper.
        command.arg("keeper").process_group(0).stdin(Stdio::piped());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let pipe = child.stdin.take();
        Ok(Self { child, pipe })
    }

    /// The process has ended, which was the leader of a group.
    pub(crate) fn forget(&self, leader: u32) {
        if let Some(mut pipe) = self.pipe.as_ref() {
            let _ = writeln!(pipe, "-{leader}");
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.pipe.take());
        let _ = self.child.wait();
    }
}

/// What the keeper does: reads which groups there are, until nobody can tell any
/// more, and kills those that are left.
pub fn keep(lines: impl BufRead) {
    let mut groups = BTreeSet::new();
    for line in lines.lines().map_while(Result::ok) {
        match line.split_at_checked(1) {
            Some(("+", leader)) => groups.insert(leader.to_owned()),
            Some(("-", leader)) => groups.remove(leader),
            _ => false,
        };
    }
    for leader in groups.iter().filter_map(|leader| leader.parse().ok()).filter(|&one| one > 1) {
        // It fails only if the group has ended.
        let _ = killpg(Group::from_raw(leader), Number::SIGKILL);
    }
}
