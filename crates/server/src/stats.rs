//! What has been served: counted where it happens, added up at the end.
//!
//! Requests are counted by each connection in a plain integer and added to its
//! worker's when the connection closes, so that counting costs a request
//! nothing and shares no cache line. So are system calls, by whoever makes them.

use std::{
    collections::BTreeMap,
    fs,
    ops::AddAssign,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use nix::sys::{
    resource::{UsageWho, getrusage},
    time::TimeVal,
};
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// Counters of the whole server.
#[derive(Debug, Default)]
pub struct Stats {
    accepted: AtomicU64,
    refused: AtomicU64,
    open: Arc<AtomicU64>,
    open_peak: AtomicU64,
    threads: AtomicU64,
    threads_peak: AtomicU64,
    workers: Mutex<Vec<Arc<Worker>>>,
    system_calls: Mutex<SystemCalls>,
    /// Others make some that nobody counts.
    system_calls_unknown: AtomicBool,
    /// Threads that have ended, by role.
    ended: Mutex<BTreeMap<String, Ended>>,
    /// The processes that were started, by part.
    parts: Mutex<BTreeMap<String, Part>>,
}

/// The processes that have played one part, one after the other or at once.
#[derive(Debug, Default)]
struct Part {
    running: u64,
    running_most: u64,
    /// Of any one of them.
    connections_peak: u64,
    threads_peak: u64,
    failed: u64,
    cut: u64,
}

/// Counters of one worker, or of all threads that share a role.
#[derive(Debug, Default)]
pub struct Worker {
    name: String,
    connections: AtomicU64,
    served: AtomicU64,
    failed: AtomicU64,
    cut: AtomicU64,
    requests: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
}

/// What one connection came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Requests answered.
    pub requests: u64,
    /// Bytes received.
    pub bytes_in: u64,
    /// Bytes sent.
    pub bytes_out: u64,
    /// It ended by an error: a reset, a panic, a peer that is gone.
    pub failed: bool,
    /// It was still busy when the drain ended.
    pub cut: bool,
}

/// System calls made for connections: counted round the socket layer, in plain
/// integers, by the thread that makes them.
///
/// Counted is every call on a listener, a connection, an epoll set or a waker,
/// whether it succeeds or not, but for those that create or close anything but
/// connections. Not counted is all else: threads, locks (`futex`), memory,
/// sleeping, clocks, signals, files, and what a stop request does to wake those
/// who block. `strace -f -c` agrees to within these.
///
/// What a ring is told to do is no system call of its own: where `io_uring`
/// accepts, receives and sends, `accept`, `read` and `write` stay near 0, and
/// each `io_uring_enter`, which submits all that and waits, is one `wait`.
/// Comparing single kinds with another model's then means little; the sum does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SystemCalls {
    /// `accept4`, those that found nobody included.
    pub accept: u64,
    /// Reads from connections (`recvfrom`), those that found nothing included.
    pub read: u64,
    /// Writes to connections (`sendto`), those that found no room included.
    pub write: u64,
    /// Waits for readiness (`epoll_wait`, `poll`), and for completions
    /// (`io_uring_enter`, even if it only submits). A thread that blocks in
    /// `read` waits there.
    pub wait: u64,
    /// Wakeups of another thread's loop (`write` to an `eventfd`).
    pub wake: u64,
    /// Changes to sockets, epoll sets and rings: `epoll_ctl`, `setsockopt`, `ioctl`,
    /// `shutdown`, `io_uring_register`.
    pub control: u64,
    /// Connections closed (`close`).
    pub close: u64,
}

impl AddAssign for SystemCalls {
    fn add_assign(&mut self, other: Self) {
        self.accept += other.accept;
        self.read += other.read;
        self.write += other.write;
        self.wait += other.wait;
        self.wake += other.wake;
        self.control += other.control;
        self.close += other.close;
    }
}

/// A thread that lives shorter than this is brief. To ask the kernel for its time
/// on the run queue, by a file in `/proc`, takes a third of the CPU of its whole
/// life, if that was one short request: hence [`BRIEF_STEP`].
const BRIEF: Duration = Duration::from_millis(100);
/// Of brief threads one in so many is asked, and speaks for the others.
const BRIEF_STEP: u64 = 32;

/// What the threads of one role had used when they ended.
#[derive(Debug, Default)]
struct Ended {
    count: u64,
    cpu_ns: u64,
    /// Of those that were not brief.
    run_queue_ns: u64,
    brief: u64,
    brief_asked: u64,
    /// Of the brief ones that were asked.
    brief_run_queue_ns: u64,
}

/// What a server leaves behind with `--report`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The model.
    pub model: String,
    /// The service.
    pub service: String,
    /// Connections taken in; one that then got no thread or loop is refused as well.
    pub accepted: u64,
    /// Connections that got at least one answer.
    pub served: u64,
    /// Connections closed at once because a limit was reached.
    pub refused: u64,
    /// Connections that ended by an error.
    pub failed: u64,
    /// Connections still open when the drain ended.
    pub cut: u64,
    /// Requests answered; for echo, pieces received.
    pub requests: u64,
    /// Bytes received.
    pub bytes_in: u64,
    /// Bytes sent.
    pub bytes_out: u64,
    /// Most connections open at once. Processes that accept for themselves have
    /// their peaks at different times: of those it is the sum, and no less.
    pub connections_peak: u64,
    /// Most threads at once, those for signals included; of several processes
    /// the sum, as above.
    pub threads_peak: u64,
    /// Times that a thread gave up its core to wait, dead threads included.
    pub context_switches_voluntary: i64,
    /// Times that a thread was made to give up its core, dead threads included.
    pub context_switches_involuntary: i64,
    /// CPU time of all threads, user and system, in seconds; with that of the
    /// processes that were started, as are the context switches.
    pub cpu_seconds: f64,
    /// Time that threads were ready to run and had no core, in seconds; of the
    /// threads in `threads`.
    pub run_queue_seconds: f64,
    /// System calls made for connections. What a thread or loop that outlives
    /// the drain has made is missing. `None` where a runtime makes them, which
    /// does not tell.
    pub system_calls: Option<SystemCalls>,
    /// Each worker's share.
    pub workers: Vec<WorkerReport>,
    /// The threads that have ended, and the main one, by role. A thread that
    /// outlives the drain is missing, as is the one that waits for signals.
    pub threads: Vec<ThreadReport>,
}

/// What the threads of one role used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ThreadReport {
    /// Their role: one worker or loop, or all connections' threads.
    pub name: String,
    /// How many there were.
    pub count: u64,
    /// CPU time, user and system, in seconds.
    pub cpu_seconds: f64,
    /// Time ready to run and without a core, in seconds. Of threads that lived
    /// for less than 100 ms one in 32 is asked, and speaks for the others.
    pub run_queue_seconds: f64,
}

/// One worker's share of the work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerReport {
    /// Name of its thread.
    pub name: String,
    /// Connections that ended with it.
    pub connections: u64,
    /// Those of them that got at least one answer.
    pub served: u64,
    /// Requests answered.
    pub requests: u64,
    /// Bytes received.
    pub bytes_in: u64,
    /// Bytes sent.
    pub bytes_out: u64,
}

impl Stats {
    /// Counters for a new worker, which will be named in the report.
    #[must_use]
    pub fn worker(&self, name: impl Into<String>) -> Arc<Worker> {
        let worker = Arc::new(Worker { name: name.into(), ..Worker::default() });
        lock(&self.workers).push(Arc::clone(&worker));
        worker
    }

    /// Connections open now.
    #[must_use]
    pub fn open(&self) -> u64 {
        self.open.load(Relaxed)
    }

    /// A seat for a new connection, if fewer than `limit` are taken.
    pub(crate) fn accept(&self, limit: usize) -> Option<Seat> {
        // Taken before it is counted: several threads may accept at once.
        let seat = Seat(Arc::clone(&self.open));
        let open = self.open.fetch_add(1, Relaxed) + 1;
        if open > limit as u64 {
            return None;
        }
        self.accepted.fetch_add(1, Relaxed);
        self.open_peak.fetch_max(open, Relaxed);
        Some(seat)
    }

    /// Counts a connection that was closed at once, for want of room or of a thread.
    pub fn refuse(&self) {
        self.refused.fetch_add(1, Relaxed);
    }

    /// Adds system calls that were counted elsewhere, in plain integers. Both
    /// drives do so themselves.
    pub fn add(&self, system_calls: SystemCalls) {
        *lock(&self.system_calls) += system_calls;
    }

    /// Says that system calls are made which nobody here can count: the report
    /// then tells of none, rather than of some.
    pub fn leave_system_calls_out(&self) {
        self.system_calls_unknown.store(true, Relaxed);
    }

    /// Counts the calling thread as running, and what it used when that ends.
    pub(crate) fn thread(self: &Arc<Self>, role: impl Into<String>) -> Running {
        let threads = self.threads.fetch_add(1, Relaxed) + 1;
        self.threads_peak.fetch_max(threads, Relaxed);
        Running { stats: Arc::clone(self), role: role.into(), born: Instant::now() }
    }

    /// A seat for a connection that another process has accepted, and counted.
    pub(crate) fn seat(&self) -> Seat {
        self.open.fetch_add(1, Relaxed);
        Seat(Arc::clone(&self.open))
    }

    /// Counts a process as running.
    pub(crate) fn process_started(&self, part: &str) {
        self.part(part, |part| {
            part.running += 1;
            part.running_most = part.running_most.max(part.running);
        });
    }

    /// Counts a process as ended.
    pub(crate) fn process_ended(&self, part: &str) {
        self.part(part, |part| part.running -= 1);
    }

    /// Adds what a process that ends has counted.
    pub(crate) fn absorb(&self, part: &str, report: &Report) {
        self.accepted.fetch_add(report.accepted, Relaxed);
        self.refused.fetch_add(report.refused, Relaxed);
        match report.system_calls {
            Some(calls) => self.add(calls),
            None => self.leave_system_calls_out(),
        }
        for share in &report.workers {
            self.worker_named(&share.name).absorb(share);
        }
        for thread in &report.threads {
            self.ended(&thread.name, |role| role.absorb(thread));
        }
        self.part(part, |part| {
            part.connections_peak = part.connections_peak.max(report.connections_peak);
            part.threads_peak = part.threads_peak.max(report.threads_peak);
            part.failed += report.failed;
            part.cut += report.cut;
        });
    }

    /// The worker of this name, or a new one.
    pub(crate) fn worker_named(&self, name: &str) -> Arc<Worker> {
        let known = lock(&self.workers).iter().find(|worker| worker.name == name).cloned();
        known.unwrap_or_else(|| self.worker(name))
    }

    fn part(&self, part: &str, change: impl FnOnce(&mut Part)) {
        change(lock(&self.parts).entry(part.to_owned()).or_default());
    }

    fn ended<T>(&self, role: &str, change: impl FnOnce(&mut Ended) -> T) -> T {
        let mut ended = lock(&self.ended);
        change(ended.entry(role.to_owned()).or_default())
    }

    /// Connections that were still open when the drain ended.
    pub(crate) fn cut(&self) -> u64 {
        let here = lock(&self.workers).iter().map(|worker| worker.cut.load(Relaxed)).sum::<u64>();
        let in_parts = lock(&self.parts).values().map(|part| part.cut).sum::<u64>();
        here + in_parts + self.open()
    }

    /// Adds everything up.
    #[must_use]
    pub fn report(&self, model: &str, service: &str) -> Report {
        let cut = self.cut();
        let workers = lock(&self.workers);
        let threads: Vec<_> = lock(&self.ended).iter().map(|(role, of)| of.report(role)).collect();
        let sum = |of: fn(&Worker) -> &AtomicU64| workers.iter().map(|w| of(w).load(Relaxed)).sum();
        let parts = lock(&self.parts);
        let of_parts = |of: fn(&Part) -> u64| parts.values().map(of).sum::<u64>();
        let usage = Used::now();
        Report {
            model: model.to_owned(),
            service: service.to_owned(),
            accepted: self.accepted.load(Relaxed),
            served: sum(|w| &w.served),
            refused: self.refused.load(Relaxed),
            failed: sum(|w| &w.failed) + of_parts(|part| part.failed),
            cut,
            requests: sum(|w| &w.requests),
            bytes_in: sum(|w| &w.bytes_in),
            bytes_out: sum(|w| &w.bytes_out),
            connections_peak: self.open_peak.load(Relaxed)
                + of_parts(|part| part.connections_peak * part.running_most),
            threads_peak: self.threads_peak.load(Relaxed)
                + of_parts(|part| part.threads_peak * part.running_most),
            context_switches_voluntary: usage.switches_voluntary,
            context_switches_involuntary: usage.switches_involuntary,
            cpu_seconds: usage.cpu_seconds,
            run_queue_seconds: threads.iter().map(|thread| thread.run_queue_seconds).sum(),
            system_calls: (!self.system_calls_unknown.load(Relaxed))
                .then(|| *lock(&self.system_calls)),
            workers: workers.iter().map(|worker| worker.report()).collect(),
            threads,
        }
    }
}

impl Worker {
    /// Adds a connection that has closed. Both drives do so themselves.
    pub fn close(&self, tally: Tally) {
        self.connections.fetch_add(1, Relaxed);
        self.served.fetch_add(u64::from(tally.requests > 0), Relaxed);
        self.failed.fetch_add(u64::from(tally.failed), Relaxed);
        self.cut.fetch_add(u64::from(tally.cut), Relaxed);
        self.requests.fetch_add(tally.requests, Relaxed);
        self.bytes_in.fetch_add(tally.bytes_in, Relaxed);
        self.bytes_out.fetch_add(tally.bytes_out, Relaxed);
    }

    /// Adds the work of another process's worker.
    fn absorb(&self, share: &WorkerReport) {
        self.connections.fetch_add(share.connections, Relaxed);
        self.served.fetch_add(share.served, Relaxed);
        self.requests.fetch_add(share.requests, Relaxed);
        self.bytes_in.fetch_add(share.bytes_in, Relaxed);
        self.bytes_out.fetch_add(share.bytes_out, Relaxed);
    }

    fn report(&self) -> WorkerReport {
        WorkerReport {
            name: self.name.clone(),
            connections: self.connections.load(Relaxed),
            served: self.served.load(Relaxed),
            requests: self.requests.load(Relaxed),
            bytes_in: self.bytes_in.load(Relaxed),
            bytes_out: self.bytes_out.load(Relaxed),
        }
    }
}

/// Counts a connection as open until it is dropped.
#[derive(Debug)]
#[must_use]
pub struct Seat(Arc<AtomicU64>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
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
    fn absorb(&mut self, threads: &ThreadReport) {
        let ns = |seconds| Duration::try_from_secs_f64(seconds).unwrap_or_default().as_nanos();
        self.count += threads.count;
        self.cpu_ns += u64::try_from(ns(threads.cpu_seconds)).unwrap_or(0);
        self.run_queue_ns += u64::try_from(ns(threads.run_queue_seconds)).unwrap_or(0);
    }

    #[expect(clippy::cast_precision_loss, reason = "2^53 ns are a hundred days of CPU")]
    fn report(&self, role: &str) -> ThreadReport {
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

/// What this process has used, and the processes that it has started and waited for.
#[derive(Debug, Default)]
struct Used {
    cpu_seconds: f64,
    switches_voluntary: i64,
    switches_involuntary: i64,
}

impl Used {
    fn now() -> Self {
        #[expect(clippy::cast_precision_loss, reason = "seconds of CPU, far below 2^52")]
        let seconds = |time: TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
        let mut used = Self::default();
        for who in [UsageWho::RUSAGE_SELF, UsageWho::RUSAGE_CHILDREN] {
            let Ok(usage) = getrusage(who) else { continue };
            used.cpu_seconds += seconds(usage.user_time()) + seconds(usage.system_time());
            used.switches_voluntary += usage.voluntary_context_switches();
            used.switches_involuntary += usage.involuntary_context_switches();
        }
        used
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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

    /// One that is followed by another is not counted beside it.
    #[test]
    fn what_processes_have_counted_is_added_up() {
        let child = Arc::new(Stats::default());
        let worker = child.worker("loop-0");
        worker.close(Tally { requests: 3, failed: true, ..Tally::default() });
        drop((0..5).map(|_| child.accept(9)).collect::<Vec<_>>());
        drop(child.thread("loop-0"));
        let report = child.report("model", "echo");
        let master = Stats::default();
        for _ in 0..2 {
            master.process_started("loop-0");
            master.absorb("loop-0", &report);
            master.process_ended("loop-0");
        }
        let sum = master.report("model", "echo");
        assert_eq!((sum.accepted, sum.requests, sum.served, sum.failed), (10, 6, 2, 2));
        assert_eq!((sum.connections_peak, sum.threads_peak), (5, 1), "one after the other");
        assert_eq!((sum.workers.len(), sum.workers[0].connections), (1, 2));
        assert_eq!((sum.threads.len(), sum.threads[0].count), (1, 2));
        assert!(sum.threads[0].cpu_seconds > 1.9 * report.threads[0].cpu_seconds, "{sum:?}");
    }
}
