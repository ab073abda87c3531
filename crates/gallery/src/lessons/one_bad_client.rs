//! One bad client ends all: the error of a connection that is an error of the server.

use std::{
    io::{self, Read as _, Write as _},
    net::TcpStream,
};

use crate::{
    Lesson, Outcome, Stage, Version,
    net::{Door, GIVES_UP, Server, ask, connect, wait_until},
};

pub(crate) const LESSON: Lesson = Lesson {
    name: "one-bad-client",
    title: "An error of one client ends the server",
    question: "A server reads requests of five bytes. A client sends three and leaves. The \
               server's loop passes every error on to `main`, with `?`. How many of the next \
               four clients are answered?",
    answers: &["four", "three: the next one pays for it", "none"],
    right: 2,
    because: "The error belongs to one connection, and `?` makes it the server's: the loop ends, \
              then the program. A client may leave, stall, or send nonsense at any moment. Its \
              connection is closed and counted as failed, and the loop goes on.",
    run,
    act: None,
    read: &[
        "crates/models/single-threaded/src/lib.rs",
        "crates/lab/tests/conformance/bad_input.rs",
    ],
    source: include_str!("one_bad_client.rs"),
};

const CLIENTS: usize = 4;

// ANCHOR: code
fn serve(door: &Door, version: Version) -> io::Result<()> {
    while let Some(client) = door.next() {
        match version {
            Version::Flawed => answer(client)?, // FLAW: its error ends the loop.
            Version::Mended => drop(answer(client)), // MEND: its connection ends, the loop goes on.
        }
    }
    Ok(())
}

fn answer(mut client: TcpStream) -> io::Result<()> {
    let mut request = [0; 5];
    client.read_exact(&mut request)?;
    client.write_all(&request)
}
// ANCHOR_END: code

fn run(stage: &Stage) -> io::Result<Outcome> {
    let version = stage.version;
    let server = Server::start(move |door| serve(door, version))?;
    let mut bad = connect(server.address)?;
    bad.write_all(b"hel")?;
    drop(bad);
    stage.tell("a client has sent three bytes of five, and left");
    wait_until(GIVES_UP / 2, || server.has_ended());
    let mut answered = 0;
    for number in 1..=CLIENTS {
        let answer = connect(server.address).and_then(|client| ask(&client, b"hello"));
        stage.tell(match &answer {
            Ok(_) => format!("client {number} is answered"),
            Err(error) => format!("client {number}: {error}"),
        });
        answered += usize::from(answer.is_ok());
    }
    let words = if answered == CLIENTS {
        "The bad client's connection is closed. Nobody else notices."
    } else {
        "The server is gone, and every client with it, because of two missing bytes."
    };
    let outcome = Outcome::new(answered < CLIENTS, words);
    Ok(outcome.figure("clients answered", format!("{answered} of {CLIENTS}")))
}
