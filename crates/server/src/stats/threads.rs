//! What threads have used, by role: known to the kernel as long as they live, so
//! each tells when it ends.

use std::{
    fs,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use rustix::time::{ClockId, clock_gettime};

use super::{Stats, ThreadReport, lock};

/// A thread that lives shorter than this is brief. To ask the kernel for its time
/// on the run queue, by a file in `/proc`, takes a third of the CPU of its whole
/// life, if that was one short request: hence [`BRIEF_STEP`].
const BRIEF: Duration = Duration::from_millis(100);
/// Of brief threads one in so many is asked, and speaks for the others.
const BRIEF_STEP: u64 = 32;

/// What the threads of one role had used when they ended.
#[derive(Debug, Default)]
pub(super) struct Ended {
    count: u64,
    cpu_ns: u64,
    /// Of those that were not brief.
    run_queue_ns: u64,
    brief: u64,
    brief_asked: u64,
    /// Of the brief ones that were asked.
    brief_run_queue_ns: u64,
}

/// Counts a thread as running until it is dropped, on that thread.
#[derive(Debug)]
pub(crate) struct Running {
    stats: Arc<Stats>,
    role: String,
    born: Instant,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stats.threads.fetch_sub(1, Relaxed);
        let cpu_ns = cpu_ns();
        let brief = self.born.elapsed() < BRIEF;
        if self.stats.ended(&self.role, |role| role.add(cpu_ns, brief)) {
            let ns = run_queue_ns();
            self.stats.ended(&self.role, |role| role.add_run_queue(ns, brief));
        }
    }
}

impl Stats {
    /// Counts the calling thread as running, and what it used when that ends.
    pub(crate) fn thread(self: &Arc<Self>, role: impl Into<String>) -> Running {
        let threads = self.threads.fetch_add(1, Relaxed) + 1;
        self.threads_peak.fetch_max(threads, Relaxed);
        Running { stats: Arc::clone(self), role: role.into(), born: Instant::now() }
    }

    pub(super) fn ended<T>(&self, role: &str, change: impl FnOnce(&mut Ended) -> T) -> T {
        let mut ended = lock(&self.ended);
        change(ended.entry(role.to_owned()).or_default())
    }
}

impl Ended {
    /// Adds a thread; tells whether it is to be asked for its time on the run queue.
    fn add(&mut self, cpu_ns: u64, brief: bool) -> bool {
        self.count += 1;
        self.cpu_ns += cpu_ns;
        self.brief += u64::from(brief);
        !brief || self.brief % BRIEF_STEP == 1
    }

    fn add_run_queue(&mut self, ns: u64, brief: bool) {
        if brief {
            self.brief_asked += 1;
            self.brief_run_queue_ns += ns;
        } else {
            self.run_queue_ns += ns;
        }
    }

    /// Adds threads of another process.
    pub(super) fn absorb(&mut self, threads: &ThreadReport) {
        let ns = |seconds| Duration::try_from_secs_f64(seconds).unwrap_or_default().as_nanos();
        self.count += threads.count;
        self.cpu_ns += u64::try_from(ns(threads.cpu_seconds)).unwrap_or(0);
        self.run_queue_ns += u64::try_from(ns(threads.run_queue_seconds)).unwrap_or(0);
    }

    #[expect(clippy::cast_precision_loss, reason = "2^53 ns are a hundred days of CPU")]
    pub(super) fn report(&self, role: &str) -> ThreadReport {
        let each_brief = self.brief_run_queue_ns as f64 / self.brief_asked.max(1) as f64;
        let run_queue_ns = self.run_queue_ns as f64 + self.brief as f64 * each_brief;
        ThreadReport {
            name: role.to_owned(),
            count: self.count,
            cpu_seconds: self.cpu_ns as f64 / 1e9,
            run_queue_seconds: run_queue_ns / 1e9,
        }
    }
}

/// CPU time of this thread so far. `schedstat` has it too, but only up to the
/// last tick: nothing at all of a thread that lived shorter.
fn cpu_ns() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    u64::try_from(time.tv_sec * 1_000_000_000 + time.tv_nsec).unwrap_or(0)
}

/// How long this thread has waited for a core so far; 0 on a kernel that does not tell.
fn run_queue_ns() -> u64 {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    stat.split_whitespace().nth(1).and_then(|delay| delay.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_brief_thread_in_so_many_speaks_for_all() {
        let mut role = Ended::default();
        let asked = (0..40).filter(|_| role.add(1_000_000, true)).count();
        assert_eq!(asked, 2, "the 1st and the 33rd");
        for ns in [1_000_000, 3_000_000] {
            role.add_run_queue(ns, true);
        }
        assert!(role.add(60_000_000, false), "who lived long is always asked");
        role.add_run_queue(20_000_000, false);
        let report = role.report("connections");
        assert_eq!(report.count, 41);
        assert!((report.cpu_seconds - 0.1).abs() < 1e-9, "{report:?}");
        assert!((report.run_queue_seconds - 0.1).abs() < 1e-9, "{report:?}");
    }
}
