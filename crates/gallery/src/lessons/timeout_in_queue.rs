//! The timeout runs while queued: a client is cut for a silence that was the server's.

use std::{
    io::{self, Read as _, Write as _},
    net::TcpStream,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use crate::{
    Lesson, Outcome, Stage, Version,
    net::{Door, Server, ask, connect},
};

pub(crate) const LESSON: Lesson = Lesson {
    name: "timeout-in-queue",
    title: "The read timeout runs while a client is queued",
    question: "A server closes a connection that is silent for 300 ms. The clock starts at \
               `accept`. Its only worker takes 500 ms for a request. Three clients come at once \
               and ask at once. How many are answered?",
    answers: &["all three", "one", "none"],
    right: 1,
    because: "The first is taken at once. The others wait in the queue while it is served, and \
              when the worker comes to them their clock has run out: they are cut for being \
              silent by a server that never listened. A clock for the client's silence starts \
              when somebody listens to it.",
    run,
    act: None,
    read: &[
        "book/src/models/connection-per-event-base.md",
        "crates/models/connection-per-event-base/src/lib.rs",
    ],
    source: include_str!("timeout_in_queue.rs"),
};

const TIMEOUT: Duration = Duration::from_millis(300);
const WORK: Duration = Duration::from_millis(500);
const CLIENTS: usize = 3;

/// A connection, and when it was accepted.
type Waiting = (TcpStream, Instant);

// ANCHOR: code
fn answer((mut client, accepted): Waiting, version: Version) -> io::Result<()> {
    let clock_starts = match version {
        Version::Flawed => accepted, // FLAW: the wait in the queue counts as silence.
        Version::Mended => Instant::now(), // MEND: now there is somebody who listens.
    };
    let left = TIMEOUT.saturating_sub(clock_starts.elapsed());
    if left.is_zero() {
        return Ok(()); // Closed, unanswered.
    }
    client.set_read_timeout(Some(left))?;
    let mut request = [0; 5];
    client.read_exact(&mut request)?;
    thread::sleep(WORK);
    client.write_all(&request)
}
// ANCHOR_END: code

fn serve(door: &Door, version: Version) {
    let (queue, waiting) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(move || {
            for connection in waiting {
                // A client that fails is closed; the next one is served.
                let _ = answer(connection, version);
            }
        });
        while let Some(client) = door.next() {
            let _ = queue.send((client, Instant::now()));
        }
        drop(queue);
    });
}

fn run(stage: &Stage) -> io::Result<Outcome> {
    let version = stage.version;
    let server = Server::start(move |door| {
        serve(door, version);
        Ok(())
    })?;
    stage.tell("three clients connect and ask, all at once");
    let asked = Instant::now();
    let clients = (0..CLIENTS).map(|_| {
        let client = connect(server.address)?;
        client.set_read_timeout(Some(WORK * 6))?;
        Ok(thread::spawn(move || (ask(&client, b"hello").is_ok(), asked.elapsed())))
    });
    let mut answered = 0;
    for (number, client) in (1..).zip(clients.collect::<io::Result<Vec<_>>>()?) {
        let (is_answered, after) = client.join().unwrap_or_default();
        let what = if is_answered { "answered" } else { "cut off, never served" };
        stage.tell(format!("client {number}: {what}, after {} ms", after.as_millis()));
        answered += usize::from(is_answered);
    }
    let words = if answered == CLIENTS {
        "All wait their turn, and all are answered."
    } else {
        "Who waits longer than the timeout is cut, though its request was there all the time."
    };
    let outcome = Outcome::new(answered < CLIENTS, words);
    Ok(outcome.figure("clients answered", format!("{answered} of {CLIENTS}")))
}
