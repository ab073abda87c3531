//! Clients that break off while the kernel sends to them, many at once: nobody
//! ever gets a byte that was another's.

use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    thread,
    time::Duration,
};

use server::{Context, Listener, Model};

const CLIENTS: u8 = 8;
const ROUNDS: usize = 25;
/// More than a server keeps for one client, and more than its pool of buffers.
const BYTES: usize = 2 << 20;

#[test]
fn a_buffer_in_flight_is_nobody_elses() {
    churn(&completion_rings::MODEL);
}

#[test]
fn a_buffer_in_flight_is_nobody_elses_on_an_older_kernel() {
    churn(&completion_rings::PLAIN);
}

fn churn(model: &Model) {
    let context = Context::new(Duration::from_secs(5)).unwrap();
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.address().unwrap();
    thread::scope(|scope| {
        let server = scope.spawn(|| (model.serve)(&listener, &context));
        let clients: Vec<_> = (1..=CLIENTS)
            .map(|value| {
                scope.spawn(move || (0..ROUNDS).for_each(|round| break_off(address, value, round)))
            })
            .collect();
        let results: Vec<_> = clients.into_iter().map(thread::ScopedJoinHandle::join).collect();
        assert!(listener.close(&context));
        context.stop.request();
        server.join().unwrap().unwrap();
        assert!(results.iter().all(Result::is_ok));
    });
    assert_eq!(context.stats.open(), 0, "no connection is left to the kernel");
}

/// Sends until the server reads no more, reads some of the echo, and leaves the
/// rest: closing with input unread is a reset.
fn break_off(address: SocketAddr, value: u8, round: usize) {
    let mut client = TcpStream::connect(address).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    client.set_nonblocking(true).unwrap();
    let bytes = vec![value; BYTES];
    let mut sent = 0;
    while sent < BYTES {
        match client.write(&bytes[sent..]) {
            Ok(length) => sent += length,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => panic!("{error}"),
        }
    }
    client.set_nonblocking(false).unwrap();
    let mut echo = vec![0; sent / 4 * (round % 4)];
    client.read_exact(&mut echo).unwrap();
    assert!(echo.iter().all(|&byte| byte == value), "client {value} has another's bytes");
}
