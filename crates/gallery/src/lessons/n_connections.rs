//! N workers, N connections: a loop for each connection is a thread pool in disguise.

use std::{
    collections::VecDeque,
    io::{self, Read as _, Write as _},
    net::TcpStream,
    sync::{Mutex, PoisonError},
    thread,
};

use rustix::event::PollFlags;

use crate::{
    Lesson, Outcome, Stage, Version,
    net::{Door, Server, TICK, ask, connect, wait_ready},
};

pub(crate) const LESSON: Lesson = Lesson {
    name: "n-connections",
    title: "N workers serve N connections",
    question: "Four workers each run an event loop. A worker takes a connection, and runs its \
               loop until that connection closes. Eight clients connect, stay, and ask. How \
               many are answered?",
    answers: &["eight: it is event-driven", "four", "one"],
    right: 1,
    because: "A loop that watches one connection is a long way to write `read`. While its client \
              stays, the worker takes no other. Multi-threaded and event-driven is not the same \
              as concurrent: the loop has to be shared.",
    run,
    act: None,
    read: &[
        "book/src/models/connection-per-event-base.md",
        "crates/models/connection-per-event-base/src/lib.rs",
        "crates/models/pooled-event-loops/src/lib.rs",
    ],
    source: include_str!("n_connections.rs"),
};

const WORKERS: usize = 4;
const CLIENTS: usize = 8;

// ANCHOR: code
fn work(waiting: &Mutex<VecDeque<TcpStream>>, door: &Door, version: Version) {
    let mut mine: Vec<TcpStream> = Vec::new();
    while !door.is_stopped() {
        let has_room = match version {
            Version::Flawed => mine.is_empty(), // FLAW: one connection, until it closes.
            Version::Mended => true,            // MEND: the loop is shared by all who come.
        };
        if has_room {
            mine.extend(waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front());
        }
        mine.retain(is_open);
        if mine.is_empty() {
            thread::sleep(TICK);
        }
    }
}

/// Answers a client if it has asked; says whether it is still there.
fn is_open(client: &TcpStream) -> bool {
    let mut client = client;
    if !wait_ready(client, PollFlags::IN).contains(PollFlags::IN) {
        return true;
    }
    let mut piece = [0; 64];
    let answered = client.read(&mut piece).and_then(|read| {
        client.write_all(&piece[..read])?;
        Ok(read)
    });
    answered.is_ok_and(|read| read > 0)
}
// ANCHOR_END: code

fn serve(door: &Door, version: Version) {
    let waiting = &Mutex::default();
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| work(waiting, door, version));
        }
        while let Some(client) = door.next() {
            waiting.lock().unwrap_or_else(PoisonError::into_inner).push_back(client);
        }
    });
}

fn run(stage: &Stage) -> io::Result<Outcome> {
    let version = stage.version;
    let server = Server::start(move |door| {
        serve(door, version);
        Ok(())
    })?;
    let clients = (0..CLIENTS).map(|_| connect(server.address)).collect::<io::Result<Vec<_>>>()?;
    stage.tell("eight clients are connected, and stay; each asks one thing");
    let mut answered = 0;
    for (number, client) in (1..).zip(&clients) {
        let is_answered = ask(client, b"hello").is_ok();
        stage
            .tell(format!("client {number}: {}", if is_answered { "answered" } else { "silence" }));
        answered += usize::from(is_answered);
    }
    let words = if answered == CLIENTS {
        "Four loops share eight connections, and answer all."
    } else {
        "Four silent clients that stay are enough: nobody else is served."
    };
    let outcome = Outcome::new(answered < CLIENTS, words);
    Ok(outcome.figure("clients answered", format!("{answered} of {CLIENTS}")))
}
