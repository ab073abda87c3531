//! Locks and printing inside a signal handler.

use std::{
    io::{self, Write as _},
    process::{self, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use signal_hook::{consts::SIGTERM, flag};

use crate::{
    Lesson, Outcome, Stage, Version,
    net::{GIVES_UP, PATIENCE},
};

pub(crate) const LESSON: Lesson = Lesson {
    name: "signal-handler",
    title: "A lock taken inside a signal handler",
    question: "A server writes its log with a lock held. Its handler for SIGTERM writes a last \
               line to the same log, with the same lock, and exits. The signal comes while the \
               server writes. What happens?",
    answers: &["the server ends, the log is whole", "it ends, a line is torn", "it hangs"],
    right: 2,
    because: "A handler runs on top of the thread that it interrupts. That thread has the lock, \
              and goes on only when the handler returns; the handler waits for the lock. Printing \
              and allocating take locks as well. A handler sets a flag, or writes a byte to a \
              pipe; the rest is done by the loop, when it holds nothing.",
    run,
    act: Some(act),
    read: &["crates/server/src/program.rs", "crates/server/src/stop.rs"],
    source: include_str!("signal_handler.rs"),
};

/// What the handler does.
fn say_goodbye(log: &Mutex<u64>) {
    let lines = log.lock().unwrap_or_else(PoisonError::into_inner);
    let _ = writeln!(io::stdout(), "stopped after {lines} lines");
    process::exit(0);
}

/// The server. Safe Rust installs no handler but one that sets a flag, so the server calls
/// the flawed one where the kernel would: in the middle of what it does, when the signal came.
// ANCHOR: code
fn act(version: Version) -> io::Result<()> {
    let (log, came) = (Mutex::new(0), Arc::new(AtomicBool::new(false)));
    flag::register(SIGTERM, came.clone())?;
    writeln!(io::stdout(), "ready")?;
    loop {
        let mut lines = log.lock().unwrap_or_else(PoisonError::into_inner);
        *lines += 1;
        thread::sleep(Duration::from_millis(20)); // It writes; here the signal comes.
        if version == Version::Flawed && came.load(Ordering::SeqCst) {
            say_goodbye(&log); // FLAW: what it interrupts has the lock.
        }
        drop(lines);
        if version == Version::Mended && came.load(Ordering::SeqCst) {
            say_goodbye(&log); // MEND: the handler sets a flag; the loop sees it, and holds nothing.
        }
    }
}
// ANCHOR_END: code

fn run(stage: &Stage) -> io::Result<Outcome> {
    let mut server = stage.actor(Stdio::inherit())?;
    server.line(PATIENCE).ok_or_else(|| io::Error::other("the server did not start"))?;
    stage.tell("the server writes its log; SIGTERM comes");
    server.terminate()?;
    let last = server.line(GIVES_UP);
    let has_ended = server.ended(GIVES_UP).is_some();
    if let Some(line) = last {
        stage.tell(format!("the server: {line}"));
    }
    let words = if has_ended {
        "The server writes its last line, and ends."
    } else {
        "The server waits for itself. SIGTERM cannot end it any more; we kill it."
    };
    let outcome = Outcome::new(!has_ended, words);
    Ok(outcome.figure("ended at SIGTERM", if has_ended { "yes" } else { "no" }))
}
