//! Queued jobs dropped at shutdown, their sockets never closed.

use std::{
    io::{self, Read as _, Write as _},
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Receiver},
    },
    thread,
    time::Duration,
};

use crate::{
    Lesson, Outcome, Stage, Version,
    net::{connect, listen},
};

pub(crate) const LESSON: Lesson = Lesson {
    name: "dropped-jobs",
    title: "A stop that forgets who is queued",
    question: "One worker serves a client, five more are queued with their requests sent. The \
               server is asked to stop: the worker finishes its job, sees the flag, and leaves. \
               What do the five clients see?",
    answers: &["their answers", "an error, at once", "nothing, until they give up"],
    right: 2,
    because: "Nobody answers them, and in a language that does not close what is forgotten \
              nobody closes their sockets either. They wait on a connection that looks alive. \
              A stop means: take in no more, finish what was taken in, then end.",
    run,
    act: None,
    read: &["crates/server/src/stop.rs", "crates/work-queue/src/lib.rs", "ARCHITECTURE.md"],
    source: include_str!("dropped_jobs.rs"),
};

const CLIENTS: usize = 6;
const WORK: Duration = Duration::from_millis(100);

// ANCHOR: code
fn work(queue: &Receiver<TcpStream>, stopping: &AtomicBool, version: Version) -> io::Result<()> {
    // Ends when nobody can fill the queue any more and it is empty.
    for mut client in queue {
        thread::sleep(WORK);
        client.write_all(b"done")?;
        let leaves = match version {
            Version::Flawed => stopping.load(Ordering::SeqCst), // FLAW: others are still queued.
            Version::Mended => false, // MEND: stays until the queue is closed and empty.
        };
        if leaves {
            break;
        }
    }
    Ok(())
}
// ANCHOR_END: code

fn run(stage: &Stage) -> io::Result<Outcome> {
    let version = stage.version;
    let listener = listen()?;
    // The queue is ours, and outlives its worker, as one that is leaked does.
    let (sender, queue) = mpsc::channel();
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(connect(listener.local_addr()?)?);
        sender.send(listener.accept()?.0).map_err(io::Error::other)?;
    }
    let stopping = Arc::new(AtomicBool::new(false));
    stage.tell("one client is served, five are queued; now the server is to stop");
    let flag = stopping.clone();
    let worker = thread::spawn(move || {
        let _ = work(&queue, &flag, version);
        queue
    });
    thread::sleep(WORK / 2);
    stopping.store(true, Ordering::SeqCst);
    drop(sender);
    let leaked = worker.join();
    stage.tell("the worker has ended");
    let mut answered = 0;
    for client in &mut clients {
        client.set_read_timeout(Some(WORK * 3))?; // What is to come was sent already.
        answered += usize::from(client.read_exact(&mut [0; 4]).is_ok());
    }
    drop(leaked);
    let words = if answered == CLIENTS {
        "The queue is worked off, then the server ends."
    } else {
        "The others wait for an answer until they give up."
    };
    let outcome = Outcome::new(answered < CLIENTS, words);
    Ok(outcome.figure("clients answered", format!("{answered} of {CLIENTS}")))
}
