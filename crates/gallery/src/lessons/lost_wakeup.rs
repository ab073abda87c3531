//! A lost wakeup: a queue that looks, lets go of the lock, and then sleeps.

use std::{
    io,
    sync::{Barrier, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use crate::{
    Lesson, Outcome, Stage, Version,
    net::{GIVES_UP, wait_until},
};

pub(crate) const LESSON: Lesson = Lesson {
    name: "lost-wakeup",
    title: "A lost wakeup in a queue written by hand",
    question: "A worker looks whether the queue is empty, and if so sleeps until it is notified. \
               Between the look and the sleep it does not hold the lock. In this moment another \
               thread adds a job and notifies. When is the job done?",
    answers: &["at once", "when the next job comes", "a little later, by another worker"],
    right: 1,
    because: "The notification meets nobody, and is lost; then the worker sleeps beside a job. \
              With luck a next job wakes it. Under test the gap is too short to be hit, in use \
              it is hit once a week. The look and the sleep are one step: the lock is held from \
              one to the other, and `wait` gives it back only when the thread sleeps.",
    run,
    act: None,
    read: &["crates/work-queue/src/lib.rs", "crates/work-queue/tests/loom.rs"],
    source: include_str!("lost_wakeup.rs"),
};

// ANCHOR: code
#[derive(Default)]
struct Queue {
    jobs: Mutex<Vec<u32>>,
    came: Condvar,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Vec<u32>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, job: u32) {
        self.lock().push(job);
        self.came.notify_one();
    }

    /// `meanwhile` is what other threads do in the gap. Here they do it always.
    fn pop(&self, meanwhile: impl FnOnce(), version: Version) -> Option<u32> {
        let is_empty = self.lock().is_empty();
        meanwhile();
        let jobs = self.lock();
        let woken = match version {
            Version::Flawed if is_empty => self.came.wait(jobs), // FLAW: trusts what it saw before.
            Version::Flawed => Ok(jobs),
            Version::Mended => self.came.wait_while(jobs, |jobs| jobs.is_empty()), // MEND: looks again.
        };
        woken.unwrap_or_else(PoisonError::into_inner).pop()
    }
}
// ANCHOR_END: code

fn run(stage: &Stage) -> io::Result<Outcome> {
    let (version, queue, gap) = (stage.version, &Queue::default(), &Barrier::new(2));
    let (is_done, left) = thread::scope(|scope| {
        let worker = thread::Builder::new().spawn_scoped(scope, || {
            let meanwhile = || {
                gap.wait();
                gap.wait();
            };
            queue.pop(meanwhile, version)
        })?;
        gap.wait();
        stage.tell("the worker has seen an empty queue");
        queue.push(1);
        stage.tell("a job is added, and the worker is notified");
        gap.wait();
        let is_done = wait_until(GIVES_UP, || worker.is_finished());
        let left = queue.lock().len();
        // So that the lesson ends: wake the worker until it has ended.
        while !worker.is_finished() {
            queue.came.notify_all();
            thread::sleep(Duration::from_millis(1));
        }
        io::Result::Ok((is_done, left))
    })?;
    let words = if is_done {
        "The worker looks again with the lock held, and finds the job."
    } else {
        "A second later the worker sleeps, and the job lies beside it."
    };
    Ok(Outcome::new(!is_done, words).figure("jobs left after a second", left))
}
