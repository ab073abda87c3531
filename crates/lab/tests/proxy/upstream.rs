//! An upstream server that is not there, not quick, or not polite.

use std::{
    io::ErrorKind,
    net::{TcpListener, TcpStream},
    time::{Duration, Instant},
};

use rustix::net::listen;

use crate::{
    client::Client,
    rig::{BEAT, Rig, accept, for_every_model},
};

for_every_model!(
    refused_it_closes_the_client_and_lives,
    one_that_never_takes_a_connection_is_given_up,
    one_that_closes_at_once_is_passed_on,
    a_name_is_looked_up,
);

fn refused_it_closes_the_client_and_lives(model: &str) {
    let Rig { proxy, upstream } = Rig::start(model, &[]);
    let address = upstream.local_addr().unwrap();
    drop(upstream);
    for _ in 0..3 {
        match Client::try_connect(proxy.address) {
            Ok(client) => client.assert_closed(),
            // So soon that it was not done with connecting.
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
        }
    }
    // It comes back, and so does the service.
    let upstream = TcpListener::bind(address).expect("its port is free");
    upstream.set_nonblocking(true).unwrap();
    let client = proxy.connect();
    client.send("hello");
    let end = accept(&upstream);
    assert_eq!(end.receive(5), b"hello");
    drop((client, end));
    proxy.await_open(0);
    let report = proxy.stop_well();
    assert_eq!(report.count("upstream_failed"), 3, "{report:?}");
    assert_eq!((report.count("accepted"), report.count("failed")), (4, 0), "{report:?}");
}

/// Fills the backlog of a listener, so that it takes nobody else.
fn fill(upstream: &TcpListener) -> Vec<TcpStream> {
    listen(upstream, 0).expect("it listens");
    let address = upstream.local_addr().expect("it is bound");
    let mut held = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
        held.push(stream);
    }
    held
}

fn one_that_never_takes_a_connection_is_given_up(model: &str) {
    let rig = Rig::start(model, &["--connect-timeout", "1s", "--workers", "1"]);
    let (client, upstream) = rig.pair();
    let held = fill(&rig.upstream);
    let begun = Instant::now();
    let waiting: Vec<Client> = (0..5).map(|_| rig.proxy.connect()).collect();
    rig.await_pairs(6);
    // Meanwhile the others are served.
    for _ in 0..20 {
        client.send("ping");
        assert_eq!(upstream.receive(4), b"ping");
        upstream.send("pong");
        assert_eq!(client.receive(4), b"pong");
    }
    assert!(begun.elapsed() < Duration::from_secs(1), "the others had to wait");
    waiting.iter().for_each(Client::assert_closed);
    let waited = begun.elapsed();
    assert!(waited >= Duration::from_millis(900), "given up after {waited:?}");
    drop((client, upstream, held));
    rig.await_pairs(0);
    assert_eq!(rig.stop_well().count("upstream_failed"), 5);
}

fn one_that_closes_at_once_is_passed_on(model: &str) {
    let rig = Rig::start(model, &[]);
    for _ in 0..20 {
        let (client, upstream) = rig.pair();
        upstream.send("no");
        drop(upstream);
        assert_eq!(client.receive_all(), b"no");
        drop(client);
    }
    rig.await_pairs(0);
    assert_eq!(rig.stop_well().count("accepted"), 20);
}

/// `localhost` may stand for two addresses, of which one has nobody.
fn a_name_is_looked_up(model: &str) {
    let upstream = TcpListener::bind("127.0.0.1:0").unwrap();
    upstream.set_nonblocking(true).unwrap();
    let name = format!("localhost:{}", upstream.local_addr().unwrap().port());
    let mut command = std::process::Command::new(crate::server::LAB);
    command.args(["proxy", model, "--listen", "127.0.0.1:0", "--upstream", &name]);
    let proxy = crate::server::Server::run(command);
    let client = proxy.connect();
    let end = accept(&upstream);
    client.send("by name");
    assert_eq!(end.receive(7), b"by name");
    std::thread::sleep(BEAT);
    assert!(proxy.is_running());
}
