//! A stop resets who is in the backlog: accepted by the kernel, dropped by the server.

use std::{
    io::{self, ErrorKind, Read as _, Write as _},
    net::TcpStream,
    thread,
    time::Duration,
};

use crate::{
    Lesson, Outcome, Stage, Version,
    net::{Door, Server, TICK, connect},
};

pub(crate) const LESSON: Lesson = Lesson {
    name: "backlog-reset",
    title: "A stop resets those in the backlog",
    question: "Eight clients connect and send a request while a server is busy. The kernel has \
               accepted them, the server has not. Now the server is asked to stop, and closes \
               its listener. What do the eight see?",
    answers: &["connection refused", "connection reset", "their answers"],
    right: 1,
    because: "They were let in by the kernel, which answers the handshake by itself. Closing a \
              listener resets all who wait in its backlog. A stop that loses nothing accepts \
              until there is nobody left to accept, answers, and closes then.",
    run,
    act: None,
    read: &["crates/server/src/accept.rs", "crates/lab/tests/conformance/stop.rs"],
    source: include_str!("backlog_reset.rs"),
};

const CLIENTS: usize = 8;

// ANCHOR: code
fn serve(door: &Door, version: Version) -> io::Result<()> {
    while !door.is_stopped() {
        thread::sleep(TICK); // Busy with something else.
    }
    match version {
        Version::Flawed => {} // FLAW: the listener closes, and whoever waits in it is reset.
        Version::Mended => answer_late_ones(door)?, // MEND: the kernel let them in: answer them.
    }
    Ok(())
}

/// Answers everybody in the backlog.
fn answer_late_ones(door: &Door) -> io::Result<()> {
    // The listener does not block: it fails when its backlog is empty.
    while let Ok((client, _)) = door.listener.accept() {
        client.set_nonblocking(false)?;
        // A late client that fails must not cost the others their answers.
        let _ = answer(client);
    }
    Ok(())
}

fn answer(mut client: TcpStream) -> io::Result<()> {
    client.set_read_timeout(Some(Duration::from_millis(200)))?;
    let mut request = [0; 5];
    client.read_exact(&mut request)?;
    client.write_all(&request)
}
// ANCHOR_END: code

fn run(stage: &Stage) -> io::Result<Outcome> {
    let version = stage.version;
    let server = Server::start(move |door| serve(door, version))?;
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let mut client = connect(server.address)?;
        client.write_all(b"hello")?;
        clients.push(client);
    }
    stage.tell("eight clients are connected, and have asked; now the server is to stop");
    server.stop();
    let (mut answered, mut reset) = (0, 0);
    for mut client in clients {
        match client.read_exact(&mut [0; 5]) {
            Ok(()) => answered += 1,
            Err(error) => reset += usize::from(error.kind() == ErrorKind::ConnectionReset),
        }
    }
    let words = if answered == CLIENTS {
        "All who had been let in are answered. Then the server ends."
    } else {
        "The clients did nothing wrong, and cannot tell whether their requests were run."
    };
    Ok(Outcome::new(answered < CLIENTS, words)
        .figure("answered", format!("{answered} of {CLIENTS}"))
        .figure("reset", format!("{reset} of {CLIENTS}")))
}
