//! Slowloris: clients that send a byte now and then hold every worker of a pool.

use std::{
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use crate::{
    Lesson, Outcome, Stage, Version,
    net::{Door, Server, connect},
};

pub(crate) const LESSON: Lesson = Lesson {
    name: "slowloris",
    title: "Four slow clients hold a pool of four",
    question: "Four workers read requests. A client that is silent for 400 ms is cut. Four \
               clients send one byte of a long request every 100 ms. When is an honest client \
               answered that comes after them?",
    answers: &["at once", "after 400 ms", "when the slow ones are tired of it"],
    right: 2,
    because: "Each byte starts the timeout again, so it never runs out. Four connections that \
              cost their sender nothing stop the server. A request as a whole has to have a \
              deadline. An event loop is not stopped by it, but needs the deadline as well, for \
              its memory and descriptors.",
    run,
    act: None,
    read: &[
        "book/src/models/thread-pool.md",
        "crates/models/thread-pool/src/lib.rs",
        "crates/models/event-loop/src/lib.rs",
    ],
    source: include_str!("slowloris.rs"),
};

const WORKERS: usize = 4;
const TIMEOUT: Duration = Duration::from_millis(400);
/// How long the slow clients go on, and the honest one waits.
const SIEGE: Duration = Duration::from_secs(3);

// ANCHOR: code
/// Answers the line that a client sends.
fn answer(mut client: TcpStream, version: Version) -> io::Result<()> {
    let began = Instant::now();
    let (mut line, mut byte) = (Vec::new(), [0]);
    while !line.ends_with(b"\n") {
        let left = match version {
            Version::Flawed => TIMEOUT, // FLAW: the clock starts again with each byte.
            Version::Mended => TIMEOUT.saturating_sub(began.elapsed()), // MEND: one clock for all.
        };
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        client.set_read_timeout(Some(left))?;
        client.read_exact(&mut byte)?;
        line.extend(byte);
    }
    client.write_all(&line)
}
// ANCHOR_END: code

fn serve(door: &Door, version: Version) {
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some(client) = door.next() {
                    let _ = answer(client, version); // One that fails is closed.
                }
            });
        }
    });
}

/// Sends a byte every 100 ms until `SIEGE` is over; a server that closes does not end it.
fn besiege(address: SocketAddr) -> io::Result<()> {
    let mut clients = (0..WORKERS).map(|_| connect(address)).collect::<io::Result<Vec<_>>>()?;
    let until = Instant::now() + SIEGE;
    while Instant::now() < until {
        clients.retain_mut(|client| client.write_all(b"x").is_ok());
        thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

fn run(stage: &Stage) -> io::Result<Outcome> {
    let version = stage.version;
    let server = Server::start(move |door| {
        serve(door, version);
        Ok(())
    })?;
    let address = server.address;
    let slow = thread::spawn(move || besiege(address));
    thread::sleep(Duration::from_millis(200));
    stage.tell("four slow clients are there; an honest one comes and asks");
    let mut honest = connect(address)?;
    let since = Instant::now();
    honest.set_read_timeout(Some(SIEGE / 2))?;
    honest.write_all(b"hello\n")?;
    let is_answered = honest.read_exact(&mut [0; 6]).is_ok();
    let waited = format!("{} ms", since.elapsed().as_millis());
    drop((honest, server, slow.join()));
    let words = if is_answered {
        "The slow clients are cut at their deadline, and the honest one has its turn."
    } else {
        "The honest client gives up. Four bytes every 100 ms have stopped the server."
    };
    Ok(Outcome::new(!is_answered, words)
        .figure("the honest client is answered", if is_answered { "yes" } else { "no" })
        .figure("it waited", waited))
}
