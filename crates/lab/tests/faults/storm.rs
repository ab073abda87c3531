//! Everybody at once: more connects than a backlog holds, before the first is served.

use std::{
    io,
    net::{SocketAddr, TcpStream},
};

use rustix::{
    io::Errno,
    net::{AddressFamily, SocketFlags, SocketType, connect, socket_with},
};

use crate::{
    amount,
    client::Client,
    model::{Model, for_every_model},
    server::Server,
    wait::PATIENCE,
};

for_every_model!(a_storm_of_connects_is_served_to_the_last);

/// Asks for a connection, and does not wait for it: whoever writes to it does.
fn begin_connect(address: SocketAddr) -> io::Result<Client> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
    match connect(&socket, &address) {
        Ok(()) | Err(Errno::INPROGRESS) => {}
        Err(error) => return Err(error.into()),
    }
    let stream = TcpStream::from(socket);
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(Client { stream })
}

fn a_storm_of_connects_is_served_to_the_last(model: Model) {
    let count = amount(300, 5000);
    let server = Server::start(model, "echo", &["--workers", "4"]);
    let connect = |_| begin_connect(server.address).expect("a connection is asked for");
    let clients: Vec<Client> = (0..count).map(connect).collect();
    for (number, client) in clients.iter().enumerate() {
        client.send(format!("client {number}"));
        // So that whoever serves it goes on to the next, without us.
        client.finish();
    }
    for (number, client) in clients.iter().enumerate() {
        let answer = client.receive_all();
        assert_eq!(String::from_utf8_lossy(&answer), format!("client {number}"));
    }
    let report = server.stop_well();
    assert_eq!((report.count("accepted"), report.count("served")), (count, count));
    assert_eq!((report.count("failed"), report.count("refused")), (0, 0));
}
