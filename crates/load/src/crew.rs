//! What the threads of one run share: its clock, its barrier, its window.

use std::{
    sync::{
        Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use crate::{
    clock::{Clock, NEVER},
    plan::Plan,
};

/// Shared by all threads. Nothing here is touched for each request or answer.
#[derive(Debug)]
pub(crate) struct Crew<'a> {
    pub(crate) plan: &'a Plan,
    interrupt: &'a AtomicBool,
    pub(crate) clock: Clock,
    /// Connections that have not ended, of all threads.
    live: AtomicUsize,
    /// A thread cannot go on, so the others need not.
    abandoned: AtomicBool,
    /// When the window begins; never, until the leader has decided.
    window_at: AtomicU64,
    /// Answers of each thread so far, kept while the leader asks for them.
    answers: Vec<AtomicU64>,
    barrier: Mutex<Barrier>,
    passed: Condvar,
}

#[derive(Debug, Default)]
struct Barrier {
    waiting: usize,
    /// How often it was passed, and when it was last.
    times: usize,
    at: u64,
    /// Numbers of the connections that were brought to it.
    connections: Vec<u32>,
    /// All generators have ended.
    done: bool,
}

/// The barriers of a run, counted: connect, and then send.
const TRAFFIC: usize = 2;

impl<'a> Crew<'a> {
    /// Starts the run's clock.
    pub(crate) fn new(plan: &'a Plan, interrupt: &'a AtomicBool) -> Self {
        Self {
            plan,
            interrupt,
            clock: Clock::start(),
            live: AtomicUsize::new(0),
            abandoned: AtomicBool::new(false),
            window_at: AtomicU64::new(NEVER),
            answers: (0..plan.threads).map(|_| AtomicU64::new(0)).collect(),
            barrier: Mutex::default(),
            passed: Condvar::new(),
        }
    }

    /// Ends the run early: someone asked for it, or a thread failed.
    #[inline]
    pub(crate) fn is_over(&self) -> bool {
        self.interrupt.load(Ordering::Relaxed) || self.abandoned.load(Ordering::Relaxed)
    }

    /// Lets nobody wait for a thread that will not come.
    pub(crate) fn abandon(&self) {
        let barrier = self.barrier();
        self.abandoned.store(true, Ordering::Relaxed);
        drop(barrier);
        self.passed.notify_all();
    }

    /// Waits until every thread is here. Says when the last one came: the same
    /// instant to all.
    pub(crate) fn meet(&self, connections: &[u32]) -> u64 {
        let mut barrier = self.barrier();
        barrier.connections.extend_from_slice(connections);
        barrier.waiting += 1;
        let times = barrier.times;
        if barrier.waiting == self.plan.threads {
            (barrier.waiting, barrier.times) = (0, times + 1);
            barrier.at = self.clock.now();
            barrier.connections.sort_unstable();
            self.passed.notify_all();
        }
        let barrier = self
            .passed
            .wait_while(barrier, |barrier| {
                barrier.times == times && !self.abandoned.load(Ordering::Relaxed)
            })
            .unwrap_or_else(PoisonError::into_inner);
        if barrier.times == times { self.clock.now() } else { barrier.at }
    }

    /// Every connection is established or has failed.
    pub(crate) fn has_begun(&self) -> bool {
        self.barrier().times >= TRAFFIC
    }

    /// Ends the threads that only accompany the generators.
    pub(crate) fn finish(&self) {
        self.barrier().done = true;
        self.passed.notify_all();
    }

    /// Waits for `span`, but not beyond the end of the generators. Says whether
    /// they go on.
    pub(crate) fn rest(&self, span: Duration) -> bool {
        let barrier = self.barrier();
        let (barrier, _) = self
            .passed
            .wait_timeout_while(barrier, span, |barrier| !barrier.done)
            .unwrap_or_else(PoisonError::into_inner);
        !barrier.done
    }

    fn barrier(&self) -> MutexGuard<'_, Barrier> {
        self.barrier.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connections, of all threads, that were brought to the barrier, in order.
    pub(crate) fn established(&self) -> Vec<u32> {
        self.barrier().connections.clone()
    }

    pub(crate) fn window_at(&self) -> u64 {
        self.window_at.load(Ordering::Relaxed)
    }

    /// Tells all threads when the window begins.
    pub(crate) fn announce(&self, window_at: u64) {
        self.window_at.store(window_at, Ordering::Relaxed);
    }

    /// Notes the answers of `thread` so far.
    pub(crate) fn note(&self, thread: usize, answers: u64) {
        self.answers[thread].store(answers, Ordering::Relaxed);
    }

    /// The answers of all threads so far, as far as they are noted.
    pub(crate) fn answers(&self) -> u64 {
        self.answers.iter().map(|answers| answers.load(Ordering::Relaxed)).sum()
    }

    pub(crate) fn has_live(&self) -> bool {
        self.live.load(Ordering::Relaxed) > 0
    }

    pub(crate) fn came(&self) {
        self.live.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn went(&self) {
        self.live.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    fn plan(threads: usize) -> Plan {
        Plan { threads, ..Plan::new("127.0.0.1:1".parse().unwrap()) }
    }

    #[test]
    fn all_meet_at_one_instant_with_all_connections() {
        let (plan, interrupt) = (plan(3), AtomicBool::new(false));
        let crew = Crew::new(&plan, &interrupt);
        let instants = thread::scope(|scope| {
            let come = |number: u32| {
                let crew = &crew;
                scope.spawn(move || (crew.meet(&[9 - number]), crew.meet(&[])))
            };
            [0, 1, 2].map(come).map(|thread| thread.join().unwrap())
        });
        assert!(instants.iter().all(|pair| *pair == instants[0]), "{instants:?}");
        assert_eq!(crew.established(), [7, 8, 9]);
    }

    #[test]
    fn nobody_waits_for_a_thread_that_failed() {
        let (plan, interrupt) = (plan(2), AtomicBool::new(false));
        let crew = Crew::new(&plan, &interrupt);
        thread::scope(|scope| {
            scope.spawn(|| crew.meet(&[]));
            crew.abandon();
        });
        assert!(crew.is_over());
    }
}
