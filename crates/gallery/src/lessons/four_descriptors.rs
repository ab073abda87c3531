//! Four descriptors a connection, where a shared loop needs one.

use std::{
    io::{self, PipeReader, PipeWriter, Read as _, Write as _},
    net::TcpStream,
    os::fd::OwnedFd,
    process::Stdio,
    thread,
    time::Duration,
};

use rustix::{
    event::epoll,
    process::{Resource, getrlimit, setrlimit},
};

use crate::{
    Lesson, Outcome, Stage, Version,
    net::{connect, listen},
};

pub(crate) const LESSON: Lesson = Lesson {
    name: "four-descriptors",
    title: "Four descriptors for one connection",
    question: "A process may have 40 descriptors. Each connection gets an event loop of its own: \
               a poller, and a pipe to wake it. Forty clients connect and stay. About how many \
               are let in?",
    answers: &["about 35", "about 17", "about 8"],
    right: 2,
    because: "The socket is one descriptor, the poller another, the pipe has two ends: four for \
              each client. One loop for all needs one poller and one pipe, and each client costs \
              its socket alone.",
    run,
    act: Some(act),
    read: &[
        "book/src/models/connection-per-event-base.md",
        "crates/models/connection-per-event-base/src/lib.rs",
        "crates/models/event-loop/src/lib.rs",
    ],
    source: include_str!("four_descriptors.rs"),
};

const DESCRIPTORS: u64 = 40;
const CLIENTS: usize = 40;

// ANCHOR: code
/// A loop's poller, and the two ends of the pipe that wakes it.
type Base = (OwnedFd, PipeReader, PipeWriter);

fn base() -> io::Result<Base> {
    let (reader, writer) = io::pipe()?;
    Ok((epoll::create(epoll::CreateFlags::CLOEXEC)?, reader, writer))
}

/// Lets a client in. The server's own loop is made when it starts.
fn let_in(mut client: TcpStream, version: Version) -> io::Result<(TcpStream, Option<Base>)> {
    let own_loop = match version {
        Version::Flawed => Some(base()?), // FLAW: three more descriptors for each client.
        Version::Mended => None,          // MEND: the server's one loop watches this one, too.
    };
    client.write_all(b"hello")?;
    Ok((client, own_loop))
}
// ANCHOR_END: code

/// The server. It has a process of its own, since the limit is a process's.
fn act(version: Version) -> io::Result<()> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = Some(DESCRIPTORS);
    setrlimit(Resource::Nofile, limit)?;
    let listener = listen()?;
    let _shared_loop = base()?;
    writeln!(io::stdout(), "{}", listener.local_addr()?)?;
    let mut held = Vec::new();
    loop {
        match listener.accept() {
            Ok((client, _)) => held.extend(let_in(client, version)), // Or it is closed.
            Err(_) => thread::sleep(Duration::from_millis(50)), // At the limit: nobody comes in.
        }
    }
}

fn run(stage: &Stage) -> io::Result<Outcome> {
    let server = stage.actor(Stdio::inherit())?;
    let address = server.address()?;
    stage.tell(format!("{CLIENTS} clients connect to a server with {DESCRIPTORS} descriptors"));
    let clients = (0..CLIENTS).map(|_| connect(address)).collect::<io::Result<Vec<_>>>()?;
    thread::sleep(Duration::from_millis(300));
    let is_in = |mut client: &TcpStream| {
        client.set_read_timeout(Some(Duration::from_millis(100))).is_ok()
            && client.read_exact(&mut [0; 5]).is_ok()
    };
    let let_in = clients.iter().filter(|client| is_in(client)).count();
    let words = if let_in > CLIENTS / 2 {
        "A client costs one descriptor."
    } else {
        "A client costs four descriptors, and the limit is reached four times as soon."
    };
    let outcome = Outcome::new(let_in <= CLIENTS / 2, words);
    Ok(outcome.figure("clients let in", format!("{let_in} of {CLIENTS}")))
}
