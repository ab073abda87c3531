//! A wait without its predicate: a thread sleeps for what has happened already.

use std::{
    io,
    sync::{Barrier, Condvar, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use crate::{
    Lesson, Outcome, Stage, Version,
    net::{GIVES_UP, wait_until},
};

pub(crate) const LESSON: Lesson = Lesson {
    name: "wait-without-predicate",
    title: "A wait that does not look at its condition",
    question: "A worker is busy when the stop comes: `stopping` is set and all who wait are \
               woken. Then it is done with its job, and goes to wait on the condition variable, \
               without a look at `stopping`. When does it wake?",
    answers: &["at once: it was notified", "never", "after the timeout of the system"],
    right: 1,
    because: "A notification is not kept. It wakes who sleeps at that moment, and nobody later. \
              What lasts is the flag, so a thread looks at the flag before it sleeps, and again \
              each time it wakes, with the lock held.",
    run,
    act: None,
    read: &["crates/work-queue/src/sync.rs", "crates/work-queue/src/lib.rs"],
    source: include_str!("wait_without_predicate.rs"),
};

// ANCHOR: code
fn wait_for_stop(stopping: &Mutex<bool>, woken: &Condvar, version: Version) {
    let guard = stopping.lock().unwrap_or_else(PoisonError::into_inner);
    let woken = match version {
        Version::Flawed => woken.wait(guard), // FLAW: sleeps, whatever the flag says.
        Version::Mended => woken.wait_while(guard, |stopping| !*stopping), // MEND: looks first.
    };
    drop(woken);
}

fn stop(stopping: &Mutex<bool>, woken: &Condvar) {
    *stopping.lock().unwrap_or_else(PoisonError::into_inner) = true;
    woken.notify_all();
}
// ANCHOR_END: code

fn run(stage: &Stage) -> io::Result<Outcome> {
    let version = stage.version;
    let (stopping, woken) = (&Mutex::new(false), &Condvar::new());
    let stopped = &Barrier::new(2);
    let (ended, waited) = thread::scope(|scope| {
        let worker = thread::Builder::new().spawn_scoped(scope, || {
            stopped.wait(); // The job lasts until the stop has come.
            wait_for_stop(stopping, woken, version);
        })?;
        stop(stopping, woken);
        stage.tell("the stop has come, while the worker was busy");
        stopped.wait();
        let since = Instant::now();
        let ended = wait_until(GIVES_UP, || worker.is_finished());
        let waited = since.elapsed();
        // So that the lesson ends: wake the worker until it has ended.
        while !worker.is_finished() {
            woken.notify_all();
            thread::sleep(Duration::from_millis(1));
        }
        io::Result::Ok((ended, waited))
    })?;
    let words = if ended {
        "The worker looks at the flag, and does not even sleep."
    } else {
        "The worker sleeps, and the server waits for the worker. Nobody will wake it."
    };
    let outcome = Outcome::new(!ended, words);
    Ok(outcome
        .figure("ended by itself", if ended { "yes" } else { "no" })
        .figure("looked for it", format!("{} ms", waited.as_millis())))
}
