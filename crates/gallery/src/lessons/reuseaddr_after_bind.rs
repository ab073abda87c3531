//! `SO_REUSEADDR` after `bind` has no effect, and a backlog of 8 is a small one.

use std::{
    io::{self, Read as _},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    thread,
    time::Duration,
};

use socket2::{Domain, Socket, Type};

use crate::{
    Lesson, Outcome, Stage, Version,
    net::{PATIENCE, connect, wait_until},
};

pub(crate) const LESSON: Lesson = Lesson {
    name: "reuseaddr-after-bind",
    title: "An option set after `bind`, and a backlog of 8",
    question: "A server sets SO_REUSEADDR right after `bind`, listens, serves a client, closes \
               that connection, and ends. It is started again at once. What does `bind` say?",
    answers: &["it works: the option is set", "address in use, for a minute"],
    right: 1,
    because: "The side that closes first keeps the connection for a minute in TIME_WAIT. `bind` \
              refuses a port that is so held, unless the option is set at that moment. Set \
              later it has no effect and gives no error. A backlog of 8 is the other line: \
              whoever comes while 9 wait is not even heard.",
    run,
    act: None,
    read: &["crates/server/src/accept.rs", "crates/lab/tests/conformance/restart.rs"],
    source: include_str!("reuseaddr_after_bind.rs"),
};

const CLIENTS: usize = 40;

// ANCHOR: code
fn listen(port: u16, version: Version) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    if version == Version::Mended {
        socket.set_reuse_address(true)?; // MEND: `bind` looks at it.
    }
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into())?;
    if version == Version::Flawed {
        socket.set_reuse_address(true)?; // FLAW: too late, and no error says so.
    }
    socket.listen(match version {
        Version::Flawed => 8,    // FLAW: a short burst is too much.
        Version::Mended => 4096, // MEND: the kernel cuts it to its own limit.
    })?;
    Ok(socket)
}
// ANCHOR_END: code

/// How many of a burst of clients are connected after a short while.
fn burst(address: SocketAddr) -> io::Result<usize> {
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let client = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        client.set_nonblocking(true)?;
        let _ = client.connect(&address.into()); // It says that it is under way.
        clients.push(client);
    }
    thread::sleep(Duration::from_millis(300));
    Ok(clients.iter().filter(|client| client.peer_addr().is_ok()).count())
}

/// Lets one client in, and closes its connection before it does.
fn serve_one(listener: &Socket, address: SocketAddr) -> io::Result<()> {
    let mut client: TcpStream = connect(address)?;
    drop(listener.accept()?);
    while !matches!(client.read(&mut [0; 64]), Ok(0) | Err(_)) {}
    Ok(())
}

fn run(stage: &Stage) -> io::Result<Outcome> {
    let listener = listen(0, stage.version)?;
    let address = listener.local_addr()?.as_socket().ok_or(io::ErrorKind::AddrNotAvailable)?;
    serve_one(&listener, address)?;
    stage.tell("a client was served; now 40 come in a burst, while the server is busy");
    let connected = burst(address)?;
    drop(listener);
    stage.tell("the server has ended, and is started again");
    // The sockets of the burst take a moment to go; only TIME_WAIT is to be left.
    let mut again = listen(address.port(), stage.version);
    let restarts = wait_until(PATIENCE / 5, || {
        if again.is_err() {
            again = listen(address.port(), stage.version);
        }
        again.is_ok()
    });
    let said = again.as_ref().map_or_else(ToString::to_string, |_| "it listens".to_owned());
    let words = if restarts {
        "The second server listens at once, and the burst is heard."
    } else {
        "The second server cannot start; of the burst, most were not heard."
    };
    Ok(Outcome::new(!restarts && connected < CLIENTS, words)
        .figure("connected of the burst", format!("{connected} of {CLIENTS}"))
        .figure("started again", said))
}
