//! A server stops, and its port is free at once.

use std::process::{Command, Stdio};

use crate::{
    model::{EVENT_LOOP, Model, REUSEPORT_LOOPS, for_every_model},
    server::{LAB, Server},
};

for_every_model!(a_server_restarts_on_its_port_at_once, a_port_that_is_taken_is_said_in_one_line,);

/// The server closes first, so that the port is left with a connection in
/// `TIME_WAIT`.
fn a_server_restarts_on_its_port_at_once(model: Model) {
    let mut address = "127.0.0.1:0".to_owned();
    for _ in 0..3 {
        let server = Server::start_at(&address, model, "http", &[]);
        address = server.address.to_string();
        let mut client = server.connect_http();
        client.send("GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
        client.answer().assert_text("hello, world\n");
        client.assert_end();
        drop(client);
        let mut idle = server.connect_http();
        idle.get("/").assert_text("hello, world\n");
        server.stop_well();
        idle.assert_end();
    }
}

fn a_port_that_is_taken_is_said_in_one_line(model: Model) {
    let server = Server::start(model, "echo", &[]);
    let address = server.address.to_string();
    let second = Command::new(LAB)
        .args(["serve", model.name, "--listen", &address])
        .stdin(Stdio::null())
        .output()
        .expect("the command runs");
    let errors = String::from_utf8(second.stderr).expect("it prints text");
    assert_eq!((second.status.code(), second.stdout.len()), (Some(1), 0), "{errors}");
    assert_eq!(errors.lines().count(), 1, "{errors}");
    assert!(errors.contains(&address) && errors.contains("--listen"), "{errors}");
    server.connect().ping("the first serves on");
}

/// A server that shares its port among its own loops shares it with no other.
#[test]
fn a_port_is_not_shared_with_another_server() {
    for (first, second) in [(REUSEPORT_LOOPS, EVENT_LOOP), (EVENT_LOOP, REUSEPORT_LOOPS)] {
        let server = Server::start(first, "echo", &[]);
        let address = server.address.to_string();
        let second = Command::new(LAB)
            .args(["serve", second.name, "--listen", &address])
            .stdin(Stdio::null())
            .output()
            .expect("the command runs");
        assert_eq!((second.status.code(), second.stdout.len()), (Some(1), 0));
        server.connect().ping("the first serves on");
    }
}
