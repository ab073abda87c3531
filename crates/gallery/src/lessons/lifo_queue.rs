//! Last in, first out: the client that waits longest is served last.

use std::{
    collections::VecDeque,
    io::{self, Read as _, Write as _},
    net::TcpStream,
};

use crate::{
    Lesson, Outcome, Stage, Version,
    net::{Door, Server, connect},
};

pub(crate) const LESSON: Lesson = Lesson {
    name: "lifo-queue",
    title: "A queue that serves the newest first",
    question: "Six clients come one after the other while the only worker is busy. New ones are \
               put at the head of a list, and the worker takes from its head. Who is served first?",
    answers: &["the one who came first", "the one who came last", "nobody can tell"],
    right: 1,
    because: "A list that is filled and emptied at one end is a stack. Whoever waits longest is \
              furthest from his turn, and while new clients come his turn does not come at all. \
              A queue is filled at one end and emptied at the other.",
    run,
    act: None,
    read: &[
        "book/src/models/connection-per-event-base.md",
        "crates/work-queue/src/lib.rs",
        "crates/lab/tests/conformance/queue_order.rs",
    ],
    source: include_str!("lifo_queue.rs"),
};

const CLIENTS: usize = 6;

// ANCHOR: code
fn take(waiting: &mut VecDeque<TcpStream>, version: Version) -> Option<TcpStream> {
    match version {
        Version::Flawed => waiting.pop_back(), // FLAW: the newest; the oldest waits on.
        Version::Mended => waiting.pop_front(), // MEND: the one that waits longest.
    }
}

/// Tells each client its turn. The worker is busy until all of them wait.
fn serve(door: &Door, version: Version) -> io::Result<()> {
    let mut waiting = VecDeque::new();
    while waiting.len() < CLIENTS {
        let Some(client) = door.next() else { return Ok(()) };
        waiting.push_back(client);
    }
    for turn in 1.. {
        let Some(mut client) = take(&mut waiting, version) else { break };
        client.write_all(&[turn])?;
    }
    Ok(())
}
// ANCHOR_END: code

fn run(stage: &Stage) -> io::Result<Outcome> {
    let version = stage.version;
    let server = Server::start(move |door| serve(door, version))?;
    let clients = (0..CLIENTS).map(|_| connect(server.address)).collect::<io::Result<Vec<_>>>()?;
    stage.tell("six clients wait, from first to last");
    let mut turns = Vec::new();
    for (number, mut client) in (1..).zip(clients) {
        let mut turn = [0];
        client.read_exact(&mut turn)?;
        stage.tell(format!("client {number} has turn {}", turn[0]));
        turns.push(turn[0]);
    }
    let words = if turns.is_sorted() {
        "The clients are served in the order in which they came."
    } else {
        "The clients are served in the opposite order: the first to come is the last."
    };
    let turn = format!("{} of {CLIENTS}", turns[0]);
    Ok(Outcome::new(!turns.is_sorted(), words).figure("turn of the first to come", turn))
}
