//! The panic on a dead stderr: a server that ends because nobody reads its log.

use std::{
    io::{self, Read as _, Write as _},
    process::Stdio,
    time::Duration,
};

use crate::{
    Lesson, Outcome, Stage, Version,
    net::{PATIENCE, ask, connect, listen},
};

pub(crate) const LESSON: Lesson = Lesson {
    name: "dead-stderr",
    title: "A server that dies with its log's reader",
    question: "A server in Rust tells each client on standard error, with `eprintln!`. That is a \
               pipe to a log program, and the log program has died. What does the next client \
               see?",
    answers: &["its answer", "a closed connection: the server panicked", "nothing: it hangs"],
    right: 1,
    because: "`eprintln!` panics if it cannot write. In the main thread that is the end, with \
              code 101; in a worker's it is one worker less. A log is there to help. That it \
              cannot be written must not decide whether clients are served: write, and let go of \
              the error.",
    run,
    act: Some(act),
    read: &["crates/server/src/program.rs"],
    source: include_str!("dead_stderr.rs"),
};

const CLIENTS: usize = 4;

// ANCHOR: code
fn act(version: Version) -> io::Result<()> {
    let listener = listen()?;
    writeln!(io::stdout(), "{}", listener.local_addr()?)?;
    for number in 1.. {
        let (mut client, from) = listener.accept()?;
        match version {
            Version::Flawed => eprintln!("client {number}: {from}"), // FLAW: panics if it cannot.
            Version::Mended => {
                let _ = writeln!(io::stderr(), "client {number}: {from}"); // MEND: or not.
            }
        }
        let mut request = [0; 5];
        let _ = client.read_exact(&mut request).and_then(|()| client.write_all(&request));
    }
    Ok(())
}
// ANCHOR_END: code

fn run(stage: &Stage) -> io::Result<Outcome> {
    let mut server = stage.actor(Stdio::piped())?;
    let address = server.address()?;
    drop(server.stderr());
    stage.tell("the server listens, and nobody reads its standard error");
    let mut answered = 0;
    for number in 1..=CLIENTS {
        let answer = connect(address).and_then(|client| ask(&client, b"hello"));
        stage.tell(match &answer {
            Ok(_) => format!("client {number} is answered"),
            Err(error) => format!("client {number}: {error}"),
        });
        answered += usize::from(answer.is_ok());
    }
    let is_served = answered == CLIENTS;
    let patience = if is_served { Duration::from_millis(100) } else { PATIENCE };
    let end = server.ended(patience);
    let end = end.map_or_else(|| "running".to_owned(), |status| status.to_string());
    let words = if is_served {
        "What cannot be told is not told. The clients are served."
    } else {
        "The server panicked over its log. 101 is the code of a panic."
    };
    Ok(Outcome::new(!is_served, words)
        .figure("clients answered", format!("{answered} of {CLIENTS}"))
        .figure("the server", end))
}
