//! The server's process, seen from outside.

use std::time::Duration;

use nix::{
    errno::Errno,
    time::{clock_getcpuclockid, clock_gettime},
    unistd::Pid,
};
use procfs::{
    ProcError,
    process::{Process, Stat},
};
use serde::{Deserialize, Serialize};

use crate::{
    clock::{nanoseconds, seconds},
    error::Error,
    tasks::{TaskSample, Tasks},
};

/// A process at one instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    /// CPU time used so far, user and system, from the process's own clock:
    /// `/proc/PID/stat` counts in ticks of 10 ms.
    pub cpu_ns: u64,
    /// Its threads.
    pub threads: u64,
    /// Time so far in which its threads were ready to run and waited for a core,
    /// in nanoseconds, summed over those alive.
    pub run_queue_ns: u64,
    /// Each of its threads, if there are at most 64.
    pub tasks: Vec<TaskSample>,
    /// Its memory, if the plan asked for it.
    pub memory: Option<Memory>,
}

impl Sample {
    pub(crate) fn with(self, tasks: Tasks) -> Self {
        Self { run_queue_ns: tasks.run_queue_ns, tasks: tasks.told, ..self }
    }
}

/// What a process occupies, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// Resident, shared pages divided among those who share them.
    pub pss_bytes: u64,
    /// Resident and its own, clean and dirty.
    pub private_bytes: u64,
    /// Address space reserved: thread stacks show here long before they are used.
    pub virtual_bytes: u64,
}

/// The watched process through a run. `start` and `end` are absent if the
/// process, or the run, ended before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Watched {
    /// Its number.
    pub pid: u32,
    /// Before the first connection.
    pub before: Sample,
    /// At the start of the window, all connections established.
    pub start: Option<Sample>,
    /// At the end of the window. Threads and memory are read after the grace
    /// period, connections still open, lest reading delay the last answers.
    pub end: Option<Sample>,
}

impl Watched {
    /// CPU time the server used in the window.
    #[must_use]
    pub fn server_cpu_seconds(&self) -> Option<f64> {
        let (start, end) = (self.start.as_ref()?, self.end.as_ref()?);
        Some(seconds(end.cpu_ns.saturating_sub(start.cpu_ns)))
    }

    /// Time in the window in which the server's threads were ready to run and
    /// waited for a core, summed over its threads: those alive at its end, for one
    /// that has ended has taken its account along. The end is that of the grace
    /// period, in which only the last answers are still made.
    #[must_use]
    pub fn run_queue_seconds(&self) -> Option<f64> {
        let (start, end) = (self.start.as_ref()?, self.end.as_ref()?);
        if start.tasks.is_empty() || end.tasks.is_empty() {
            return Some(seconds(end.run_queue_ns.saturating_sub(start.run_queue_ns)));
        }
        let before = |tid| start.tasks.iter().find(|task| task.tid == tid);
        let waited = end.tasks.iter().map(|task| {
            let before = before(task.tid).map_or(0, |task| task.run_queue_ns);
            task.run_queue_ns.saturating_sub(before)
        });
        Some(seconds(waited.sum()))
    }
}

/// Reads samples of one process.
#[derive(Debug)]
pub(crate) struct Watch {
    pid: u32,
    process: Process,
}

impl Watch {
    pub(crate) fn new(pid: u32) -> Result<Self, Error> {
        let number = i32::try_from(pid).map_err(|_| Error::NoProcess { pid })?;
        let process = Process::new(number).map_err(|why| refused(pid, &why))?;
        Ok(Self { pid, process })
    }

    /// Its threads: a file or two of each.
    pub(crate) fn tasks(&self) -> Tasks {
        Tasks::of(self.pid)
    }

    /// CPU time and number of threads: two cheap calls, fit for the edge of the
    /// window.
    pub(crate) fn sample(&self) -> Result<Sample, Error> {
        let pid = Pid::from_raw(self.process.pid());
        let cpu =
            clock_getcpuclockid(pid).and_then(clock_gettime).map_err(|errno| match errno {
                Errno::ESRCH | Errno::EINVAL => Error::NoProcess { pid: self.pid },
                _ => Error::Watch { pid: self.pid, why: errno.to_string() },
            })?;
        let threads = u64::try_from(self.alive()?.num_threads).unwrap_or(0);
        Ok(Sample {
            cpu_ns: nanoseconds(Duration::from(cpu)),
            threads,
            run_queue_ns: 0,
            tasks: Vec::new(),
            memory: None,
        })
    }

    /// Memory: the kernel walks all pages, which takes milliseconds.
    pub(crate) fn memory(&self) -> Result<Memory, Error> {
        let rollup = self.process.smaps_rollup().map_err(|why| refused(self.pid, &why))?;
        let field = |name: &str| {
            let maps = rollup.memory_map_rollup.0.iter();
            maps.filter_map(|map| map.extension.map.get(name)).sum::<u64>()
        };
        Ok(Memory {
            pss_bytes: field("Pss"),
            private_bytes: field("Private_Clean") + field("Private_Dirty"),
            virtual_bytes: self.alive()?.vsize,
        })
    }

    /// The process's status; a zombie is gone, though its clock still answers.
    fn alive(&self) -> Result<Stat, Error> {
        let stat = self.process.stat().map_err(|why| refused(self.pid, &why))?;
        if matches!(stat.state, 'Z' | 'X' | 'x') {
            return Err(Error::NoProcess { pid: self.pid });
        }
        Ok(stat)
    }
}

fn refused(pid: u32, why: &ProcError) -> Error {
    let gone = match why {
        ProcError::NotFound(_) => true,
        ProcError::Io(source, _) => source.raw_os_error() == Some(Errno::ESRCH as i32),
        _ => false,
    };
    if gone { Error::NoProcess { pid } } else { Error::Watch { pid, why: why.to_string() } }
}

#[cfg(test)]
mod tests {
    use std::process;

    use super::*;

    #[test]
    fn this_process_can_be_watched() {
        let watch = Watch::new(process::id()).unwrap();
        let sample = watch.sample().unwrap();
        assert!(sample.cpu_ns > 0 && sample.threads >= 1, "{sample:?}");
        let memory = watch.memory().unwrap();
        assert!(memory.private_bytes > 0 && memory.pss_bytes >= memory.private_bytes);
        assert!(memory.virtual_bytes > memory.pss_bytes, "{memory:?}");
    }

    #[test]
    fn a_thread_that_ended_takes_its_account_along() {
        let sample = |tasks: &[(u32, u64)]| {
            let told = tasks.iter().map(|&(tid, run_queue_ns)| TaskSample {
                tid,
                name: String::new(),
                cpu_ns: 0,
                run_queue_ns,
            });
            let run_queue_ns = tasks.iter().map(|task| task.1).sum();
            Sample { cpu_ns: 0, threads: 0, run_queue_ns, tasks: told.collect(), memory: None }
        };
        let start = sample(&[(1, 3_000_000_000), (2, 9_000_000_000)]);
        let end = sample(&[(1, 4_000_000_000), (3, 500_000_000)]);
        let before = start.clone();
        let watched = Watched { pid: 1, before, start: Some(start), end: Some(end) };
        assert_eq!(watched.run_queue_seconds(), Some(1.5));
    }

    #[test]
    fn a_process_that_ended_is_told_apart() {
        let mut child = process::Command::new("sleep").arg("60").spawn().unwrap();
        let watch = Watch::new(child.id()).unwrap();
        watch.sample().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(matches!(watch.sample(), Err(Error::NoProcess { .. })));
        assert!(matches!(watch.memory(), Err(Error::NoProcess { .. })));
    }
}
