//! Half-close loses data: a client that is done sending is taken for one that is gone.

use std::{
    io::{self, Read as _, Write as _},
    net::{Shutdown, TcpStream},
    thread,
    time::Duration,
};

use rustix::event::PollFlags;
use socket2::SockRef;

use crate::{
    Lesson, Outcome, Stage, Version,
    net::{Door, Server, connect, wait_ready},
};

pub(crate) const LESSON: Lesson = Lesson {
    name: "half-close",
    title: "A client that is done sending is taken for gone",
    question: "A client sends 4,000,000 bytes to an echo server, closes its sending half, and \
               reads. The server closes the connection once `read` says end-of-file. How much \
               of the echo comes back?",
    answers: &["all of it: TCP loses nothing", "a part", "nothing"],
    right: 1,
    because: "End-of-file says that the client will send no more. It may still read. What the \
              kernel took from the server still arrives, what the server kept is thrown away, \
              and nobody is told. Close when the other side is done and all is sent.",
    run,
    act: None,
    read: &["crates/server/src/nonblocking.rs", "crates/lab/tests/conformance/echo.rs"],
    source: include_str!("half_close.rs"),
};

const BYTES: usize = 4_000_000;
/// Small, so that what the kernel takes over does not hide what is thrown away.
const BUFFER: usize = 1 << 16;
/// What the server keeps of a client before it reads no more from it.
const KEPT_MAX: usize = 1 << 22;

// ANCHOR: code
fn echo(mut client: &TcpStream, door: &Door, version: Version) -> io::Result<()> {
    let (mut kept, mut piece) = (Vec::new(), vec![0; 1 << 16]);
    let mut at_end = false;
    while !door.is_stopped() {
        let takes_more = !at_end && kept.len() < KEPT_MAX;
        let mut wanted = PollFlags::empty();
        wanted.set(PollFlags::IN, takes_more);
        wanted.set(PollFlags::OUT, !kept.is_empty());
        let ready = wait_ready(client, wanted);
        if takes_more && ready.contains(PollFlags::IN) {
            let read = client.read(&mut piece)?;
            at_end = read == 0;
            kept.extend_from_slice(&piece[..read]);
        }
        if ready.contains(PollFlags::OUT) {
            let sent = client.write(&kept)?;
            kept.drain(..sent);
        }
        let is_done = match version {
            Version::Flawed => at_end, // FLAW: what is kept for the client is thrown away.
            Version::Mended => at_end && kept.is_empty(), // MEND: all that came was sent back.
        };
        if is_done {
            break;
        }
    }
    Ok(())
}
// ANCHOR_END: code

fn serve(door: &Door, version: Version) -> io::Result<()> {
    while let Some(client) = door.next() {
        client.set_nonblocking(true)?;
        SockRef::from(&client).set_send_buffer_size(BUFFER)?;
        echo(&client, door, version)?;
    }
    Ok(())
}

fn run(stage: &Stage) -> io::Result<Outcome> {
    let version = stage.version;
    let server = Server::start(move |door| serve(door, version))?;
    let mut client = connect(server.address)?;
    SockRef::from(&client).set_recv_buffer_size(BUFFER)?;
    client.write_all(&vec![b'x'; BYTES])?;
    client.shutdown(Shutdown::Write)?;
    stage.tell(format!("the client has sent {BYTES} bytes; a moment later it reads"));
    thread::sleep(Duration::from_millis(300));
    let mut back = 0;
    let mut piece = vec![0; 1 << 16];
    while let Ok(read @ 1..) = client.read(&mut piece) {
        back += read;
    }
    stage.tell("the server has closed the connection");
    let words = if back == BYTES {
        "All of it comes back, then the connection closes."
    } else {
        "The server throws away what it had not sent, and the client is not told."
    };
    Ok(Outcome::new(back != BYTES, words)
        .figure("bytes that came back", format!("{back} of {BYTES}")))
}
