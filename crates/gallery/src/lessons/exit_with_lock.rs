//! Exit with the lock held: one worker ends, the others wait for it for ever.

use std::{
    io::{self, Write as _},
    mem,
    process::Stdio,
    sync::{Condvar, Mutex, PoisonError},
    thread,
};

use crate::{
    Lesson, Outcome, Stage, Version,
    net::{GIVES_UP, PATIENCE},
};

pub(crate) const LESSON: Lesson = Lesson {
    name: "exit-with-lock",
    title: "A worker that ends with the lock in its hand",
    question: "Four workers wait for jobs. At the stop each of them wakes, sees that it is to \
               end, and leaves its loop between lock and unlock. How many of the four end?",
    answers: &["all four", "one", "none"],
    right: 1,
    because: "A thread that wakes from a condition variable holds the lock. The first one \
              leaves and takes the lock with it; the other three wait for a lock that nobody \
              will give back, and so does whoever asks for a second stop. In Rust the lock's \
              guard gives it back on every way out, unless it is told to forget; in C every \
              way out has to remember.",
    run,
    act: Some(act),
    read: &["crates/work-queue/src/lib.rs", "crates/work-queue/tests/loom.rs"],
    source: include_str!("exit_with_lock.rs"),
};

const WORKERS: usize = 4;

// ANCHOR: code
fn work(version: Version, stopping: &Mutex<bool>, woken: &Condvar) {
    let guard = stopping.lock().unwrap_or_else(PoisonError::into_inner);
    let guard = woken.wait_while(guard, |stopping| !*stopping);
    match version {
        Version::Flawed => mem::forget(guard), // FLAW: as a C `return` before the unlock.
        Version::Mended => drop(guard),        // MEND: given back, on this way out as on any other.
    }
}
// ANCHOR_END: code

/// Four workers, stopped. In the flawed version this hangs, so it has a process of its own.
fn act(version: Version) -> io::Result<()> {
    let (stopping, woken) = (&Mutex::new(false), &Condvar::new());
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                work(version, stopping, woken);
                let _ = writeln!(io::stdout(), "ended");
            });
        }
        *stopping.lock().unwrap_or_else(PoisonError::into_inner) = true;
        woken.notify_all();
    });
    writeln!(io::stdout(), "all joined")
}

fn run(stage: &Stage) -> io::Result<Outcome> {
    let server = stage.actor(Stdio::inherit())?;
    let first = server.line(PATIENCE).ok_or_else(|| io::Error::other("no worker ended"))?;
    stage.tell(format!("a stop is asked for; the first worker: {first}"));
    let mut ended = 1;
    while ended < WORKERS && server.line(GIVES_UP).is_some() {
        ended += 1;
        stage.tell(format!("{ended} workers have ended"));
    }
    let joined = server.line(GIVES_UP).is_some();
    let words = if joined {
        "Every worker ends, and the server with them."
    } else {
        "The others wait for the lock. The server does not end; we end its process."
    };
    let outcome = Outcome::new(!joined, words);
    Ok(outcome.figure("workers that ended", format!("{ended} of {WORKERS}")))
}
