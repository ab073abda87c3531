//! Which cores belong to the server and which to the generator.

use std::{
    io,
    process::{Child, Command},
    thread,
};

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// A division of the cores that this process may use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cores {
    /// The server's; empty where there is one core only, and nothing is pinned.
    pub(crate) server: Vec<usize>,
    /// The generator's.
    pub(crate) client: Vec<usize>,
}

impl Cores {
    /// Gives the last core to the generator, which has one thread, and the rest
    /// to the server.
    pub(crate) fn divide() -> io::Result<Self> {
        let allowed = sched_getaffinity(None)?;
        let mut cores: Vec<usize> =
            (0..CpuSet::MAX_CPU).filter(|&core| allowed.is_set(core)).collect();
        match cores.len() {
            0 | 1 => Ok(Self::default()),
            _ => Ok(Self { client: cores.pop().into_iter().collect(), server: cores }),
        }
    }

    pub(crate) fn count(&self) -> usize {
        (self.server.len() + self.client.len()).max(1)
    }
}

/// Starts `command` on `cores`. A child inherits the affinity of the thread
/// that starts it, so a thread that pins itself does so without `unsafe` code
/// between fork and exec.
pub(crate) fn spawn_on(cores: &[usize], command: &mut Command) -> io::Result<Child> {
    if cores.is_empty() {
        return command.spawn();
    }
    thread::scope(|scope| {
        let pinned = scope.spawn(|| {
            let mut set = CpuSet::new();
            for &core in cores {
                set.set(core);
            }
            sched_setaffinity(None, &set)?;
            command.spawn()
        });
        pinned.join().unwrap_or_else(|_| Err(io::Error::other("the starting thread panicked")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_runs_where_it_is_told_and_we_stay_where_we_are() {
        let before = sched_getaffinity(None).unwrap();
        let cores = Cores::divide().unwrap();
        let mut child = spawn_on(&cores.client, Command::new("sleep").arg("5")).unwrap();
        let pid = rustix::process::Pid::from_child(&child);
        let there = sched_getaffinity(Some(pid)).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(cores.client.iter().all(|&core| there.is_set(core)));
        if !cores.client.is_empty() {
            assert_eq!(there.count() as usize, cores.client.len());
        }
        assert_eq!(sched_getaffinity(None).unwrap(), before);
    }
}
