//! "quit" in the payload ends the server: data that is taken for an order.

use std::io::{self, Read as _, Write as _};

use crate::{
    Lesson, Outcome, Stage, Version,
    net::{Door, GIVES_UP, Server, ask, connect, wait_until},
};

pub(crate) const LESSON: Lesson = Lesson {
    name: "quit-in-payload",
    title: "The word \"quit\" in the data ends the server",
    question: "An echo server looks for \"quit\" and a line end in what it reads, so that its \
               author can end it from a terminal. A client sends the text \"I shall not quit\" \
               and a line end. What happens to the next client?",
    answers: &["it is served: the word is within a line", "it is refused: there is no server"],
    right: 1,
    because: "Whatever a client sends is data. A server that takes orders from it takes them \
              from everybody, and from every file that happens to hold the word. The order to \
              stop comes by another way: a signal.",
    run,
    act: None,
    read: &["crates/service/src/echo.rs", "crates/server/src/program.rs"],
    source: include_str!("quit_in_payload.rs"),
};

// ANCHOR: code
fn serve(door: &Door, version: Version) -> io::Result<()> {
    while let Some(mut client) = door.next() {
        let mut piece = [0; 1024];
        while let Ok(read @ 1..) = client.read(&mut piece) {
            let text = &piece[..read];
            client.write_all(text)?;
            let ends = match version {
                Version::Flawed => text.windows(5).any(|five| five == b"quit\n"), // FLAW: it is data.
                Version::Mended => door.is_stopped(), // MEND: the order comes by a signal.
            };
            if ends {
                return Ok(()); // The end of the server.
            }
        }
    }
    Ok(())
}
// ANCHOR_END: code

fn run(stage: &Stage) -> io::Result<Outcome> {
    let version = stage.version;
    let server = Server::start(move |door| serve(door, version))?;
    let first = connect(server.address)?;
    let text = b"I shall not quit\n";
    let back = ask(&first, text)?;
    stage.tell(format!("the first client gets its echo: {} bytes", back.len()));
    drop(first);
    wait_until(GIVES_UP / 2, || server.has_ended());
    let next = connect(server.address).and_then(|client| ask(&client, b"hello"));
    stage.tell(match &next {
        Ok(_) => "the next client is answered".to_owned(),
        Err(error) => format!("the next client: {error}"),
    });
    let words = if next.is_ok() {
        "The word comes back as any other, and the server lives."
    } else {
        "The server has ended, for all, because one client used a word."
    };
    let outcome = Outcome::new(next.is_err(), words);
    Ok(outcome.figure("clients answered", if next.is_ok() { "2 of 2" } else { "1 of 2" }))
}
