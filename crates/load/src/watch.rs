//! The server, seen from outside: its process, and those that it has started.
//!
//! The CPU time of a server of several processes is the sum of the clocks of those
//! that live, in nanoseconds, and of the time of those that have ended, which their
//! parents have for them: in ticks of 10 ms, but of the sum, not of each.

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
    tree,
};

/// How often a tree is read anew, if a process of it ends meanwhile: it is in
/// neither sum then. Where processes always end, the last try must do.
const TRIES: usize = 4;

/// A server at one instant: one process, or several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    /// CPU time used so far, user and system: from the clock of each process that
    /// is alive, and of those that have ended from their parent's account of them,
    /// in whole ticks of 10 ms.
    pub cpu_ns: u64,
    /// Its processes.
    pub processes: u64,
    /// Their threads.
    pub threads: u64,
    /// Time so far in which the threads were ready to run and waited for a core,
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

/// What a server occupies, in bytes: the sum over its processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// Resident, shared pages divided among those who share them, be they its own
    /// processes or others.
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

/// Reads samples of a process and its descendants.
#[derive(Debug)]
pub(crate) struct Watch {
    pid: u32,
    /// It has started no other: its own clock is all that need be read.
    is_alone: bool,
}

impl Watch {
    pub(crate) fn new(pid: u32) -> Result<Self, Error> {
        stat(pid)?;
        Ok(Self { pid, is_alone: false })
    }

    /// The threads: a file or two of each.
    pub(crate) fn tasks(&self) -> Tasks {
        Tasks::of(&tree::processes(self.pid))
    }

    /// Looks once whether it has started others.
    pub(crate) fn look_for_others(&mut self) {
        self.is_alone = tree::processes(self.pid).len() == 1;
    }

    /// CPU time so far: one call, where it has started no others.
    pub(crate) fn cpu_ns(&self) -> Result<u64, Error> {
        if self.is_alone {
            return cpu(self.pid).map(nanoseconds);
        }
        Ok(self.sample()?.cpu_ns)
    }

    /// CPU time, and the number of processes and threads: some cheap calls for each
    /// process, fit for the edge of the window.
    pub(crate) fn sample(&self) -> Result<Sample, Error> {
        let mut tries = 1;
        loop {
            let (sample, is_whole) = self.sum()?;
            if is_whole || tries == TRIES {
                return Ok(sample);
            }
            tries += 1;
        }
    }

    /// A sample, and whether no process has ended meanwhile.
    fn sum(&self) -> Result<(Sample, bool), Error> {
        let processes = tree::processes(self.pid);
        // First what those who have ended have used: whoever ends after this is
        // missed among the clocks, and never counted twice.
        let stats: Vec<_> = processes.iter().map(|&pid| (pid, stat(pid))).collect();
        let mut sample = Sample {
            cpu_ns: 0,
            processes: 0,
            threads: 0,
            run_queue_ns: 0,
            tasks: Vec::new(),
            memory: None,
        };
        let mut is_whole = true;
        for (pid, stat) in stats {
            match stat.and_then(|stat| Ok((cpu(pid)?, stat))) {
                Ok((cpu, stat)) => {
                    let alive = is_alive(&stat);
                    if pid == self.pid && !alive {
                        return Err(Error::NoProcess { pid });
                    }
                    sample.cpu_ns += nanoseconds(cpu) + nanoseconds(of_ended(&stat));
                    sample.processes += u64::from(alive);
                    let threads = if alive { stat.num_threads } else { 0 };
                    sample.threads += u64::try_from(threads).unwrap_or(0);
                }
                Err(error) if pid == self.pid => return Err(error),
                Err(_) => is_whole = false,
            }
        }
        Ok((sample, is_whole))
    }

    /// Memory: the kernel walks all pages, which takes milliseconds for each process.
    pub(crate) fn memory(&self) -> Result<Memory, Error> {
        let mut sum = memory(self.pid)?;
        for &pid in &tree::processes(self.pid)[1..] {
            // One that ends meanwhile occupies nothing.
            let Ok(more) = memory(pid) else { continue };
            sum.pss_bytes += more.pss_bytes;
            sum.private_bytes += more.private_bytes;
            sum.virtual_bytes += more.virtual_bytes;
        }
        Ok(sum)
    }
}

/// CPU time of a process; of one that has ended too, until it is waited for.
fn cpu(pid: u32) -> Result<Duration, Error> {
    let number = i32::try_from(pid).map_err(|_| Error::NoProcess { pid })?;
    let time = clock_getcpuclockid(Pid::from_raw(number)).and_then(clock_gettime);
    time.map(Duration::from).map_err(|errno| match errno {
        Errno::ESRCH | Errno::EINVAL => Error::NoProcess { pid },
        _ => Error::Watch { pid, why: errno.to_string() },
    })
}

/// CPU time of the processes that this one has started and waited for, with that
/// of theirs.
fn of_ended(stat: &Stat) -> Duration {
    let ticks = u64::try_from(stat.cutime + stat.cstime).unwrap_or(0);
    Duration::from_millis(ticks * 1000 / procfs::ticks_per_second().max(1))
}

fn memory(pid: u32) -> Result<Memory, Error> {
    let rollup = process(pid)?.smaps_rollup().map_err(|why| refused(pid, &why))?;
    let field = |name: &str| {
        let maps = rollup.memory_map_rollup.0.iter();
        maps.filter_map(|map| map.extension.map.get(name)).sum::<u64>()
    };
    let stat = stat(pid)?;
    if !is_alive(&stat) {
        return Err(Error::NoProcess { pid });
    }
    Ok(Memory {
        pss_bytes: field("Pss"),
        private_bytes: field("Private_Clean") + field("Private_Dirty"),
        virtual_bytes: stat.vsize,
    })
}

fn process(pid: u32) -> Result<Process, Error> {
    let number = i32::try_from(pid).map_err(|_| Error::NoProcess { pid })?;
    Process::new(number).map_err(|why| refused(pid, &why))
}

fn stat(pid: u32) -> Result<Stat, Error> {
    process(pid)?.stat().map_err(|why| refused(pid, &why))
}

/// A zombie is gone, though its clock still answers.
fn is_alive(stat: &Stat) -> bool {
    !matches!(stat.state, 'Z' | 'X' | 'x')
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
    use std::{
        io::{BufRead, BufReader},
        process,
    };

    use super::*;
    use crate::tree::tests::Family;

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
            let tasks = told.collect();
            Sample { cpu_ns: 0, processes: 1, threads: 0, run_queue_ns, tasks, memory: None }
        };
        let start = sample(&[(1, 3_000_000_000), (2, 9_000_000_000)]);
        let end = sample(&[(1, 4_000_000_000), (3, 500_000_000)]);
        let before = start.clone();
        let watched = Watched { pid: 1, before, start: Some(start), end: Some(end) };
        assert_eq!(watched.run_queue_seconds(), Some(1.5));
    }

    /// Two processes burn the same, one of which ends and is waited for.
    #[test]
    fn what_descendants_use_is_counted_while_they_live_and_after() {
        let burn = "i=0; while [ $i -lt 150000 ]; do i=$((i+1)); done";
        let script = format!("({burn}) ; echo; ({burn}; echo; sleep 300) & wait");
        let mut command = process::Command::new("sh");
        command.arg("-c").arg(script).stdout(process::Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let watch = Watch::new(child.id()).unwrap();
        lines.next();
        let first = watch.sample().unwrap();
        lines.next();
        let second = watch.sample().unwrap();
        for pid in tree::processes(child.id()).into_iter().rev() {
            let pid = Pid::from_raw(i32::try_from(pid).unwrap());
            nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
        }
        child.wait().unwrap();
        let (ended, living) = (first.cpu_ns, second.cpu_ns - first.cpu_ns);
        assert!(ended > 40_000_000, "it burns enough: {first:?}");
        assert!((ended / 2..ended * 2).contains(&living), "{first:?} and {second:?}");
        assert!(second.processes >= 2 && second.threads == second.processes, "{second:?}");
    }

    #[test]
    fn memory_is_that_of_all() {
        let family = Family::start();
        let watch = Watch::new(family.0.id()).unwrap();
        let each = || -> Vec<Memory> {
            let each = tree::processes(family.0.id());
            each.into_iter().map(|pid| memory(pid).unwrap()).collect()
        };
        let reserved = |each: &[Memory]| each.iter().map(|one| one.virtual_bytes).sum::<u64>();
        // One that was started last may be about to become its program.
        let mut before = each();
        let (of_all, after) = loop {
            let (of_all, after) = (watch.memory().unwrap(), each());
            if reserved(&before) == reserved(&after) {
                break (of_all, after);
            }
            before = after;
        };
        assert_eq!(of_all.virtual_bytes, reserved(&after));
        assert!(of_all.private_bytes > after[0].private_bytes);
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
