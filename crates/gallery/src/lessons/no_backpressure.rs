//! No backpressure: a client that sends and never reads fills the server's memory.

use std::{
    io::{self, Read as _, Write as _},
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use rustix::event::PollFlags;

use crate::{
    Lesson, Outcome, Stage, Version,
    net::{Door, Server, connect, wait_ready},
};

pub(crate) const LESSON: Lesson = Lesson {
    name: "no-backpressure",
    title: "A client that never reads fills the memory",
    question: "A client sends 64 MiB to an echo server and never reads the echo. The server \
               reads what comes, and keeps what it cannot send yet. Who has to hold the bytes?",
    answers: &["the network", "the server's memory, nearly all of them", "the client"],
    right: 1,
    because: "The kernel's buffers hold a few MiB for each side. All else is the server's, for \
              every such client, until memory ends. A server that stops reading lets the buffers \
              fill; then the client's own `write` waits. That is backpressure, and costs nothing.",
    run,
    act: None,
    read: &[
        "book/src/measured/slow-readers.md",
        "crates/server/src/nonblocking.rs",
        "crates/lab/tests/conformance/backpressure.rs",
    ],
    source: include_str!("no_backpressure.rs"),
};

const MIB: usize = 1 << 20;
const BYTES: usize = 64 * MIB;
const KEPT_MAX: usize = MIB / 4;

// ANCHOR: code
fn echo(
    mut client: &TcpStream,
    door: &Door,
    most: &AtomicUsize,
    version: Version,
) -> io::Result<()> {
    let (mut kept, mut piece) = (Vec::new(), vec![0; 1 << 16]);
    while !door.is_stopped() {
        let takes_more = match version {
            Version::Flawed => true, // FLAW: takes in more, whatever is kept already.
            Version::Mended => kept.len() < KEPT_MAX, // MEND: reads again once it could send.
        };
        let mut wanted = PollFlags::empty();
        wanted.set(PollFlags::IN, takes_more);
        wanted.set(PollFlags::OUT, !kept.is_empty());
        let ready = wait_ready(client, wanted);
        if ready.contains(PollFlags::IN) {
            match client.read(&mut piece)? {
                0 => break,
                read => kept.extend_from_slice(&piece[..read]),
            }
        }
        if ready.contains(PollFlags::OUT) {
            let sent = client.write(&kept)?;
            kept.drain(..sent);
        }
        most.fetch_max(kept.len(), Ordering::Relaxed);
    }
    Ok(())
}
// ANCHOR_END: code

fn run(stage: &Stage) -> io::Result<Outcome> {
    let version = stage.version;
    let most = Arc::new(AtomicUsize::new(0));
    let kept = most.clone();
    let server = Server::start(move |door| {
        let Some(client) = door.next() else { return Ok(()) };
        client.set_nonblocking(true)?;
        echo(&client, door, &kept, version)
    })?;
    let mut client = connect(server.address)?;
    stage.tell("a client sends 64 MiB, and reads nothing");
    let (mut sent, piece) = (0, vec![b'x'; MIB]);
    while sent < BYTES {
        // Once the server reads no more, the client can send no more, and gives up.
        let Ok(written) = client.write(&piece) else { break };
        let told = sent / (16 * MIB);
        sent += written;
        if sent / (16 * MIB) > told {
            let kept = most.load(Ordering::Relaxed) / MIB;
            stage.tell(format!("sent {} MiB, the server keeps {kept} MiB", sent / MIB));
        }
    }
    let kept = most.load(Ordering::Relaxed);
    let is_filled = kept > BYTES / 4;
    let words = if is_filled {
        "The server keeps what nobody reads: one client decides how much memory it uses."
    } else {
        "The server reads no more, so the client cannot send: it has to wait, nobody else."
    };
    Ok(Outcome::new(is_filled, words)
        .figure("the client could send", format!("{} MiB", sent / MIB))
        .figure("the server kept at most", format!("{} KiB", kept / 1024)))
}
