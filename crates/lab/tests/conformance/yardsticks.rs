//! Yardsticks are no models, and are held to less: they echo, stop and report.

use crate::{
    model::{Model, Serves},
    server::Server,
};

fn it_echoes_stops_and_reports(name: &'static str) {
    let server = Server::start(Model { name, serves: Serves::All }, "echo", &[]);
    let clients = [server.connect(), server.connect()];
    for client in &clients {
        client.ping("one");
        client.ping("two");
    }
    let report = server.stop_well();
    assert_eq!((report.count("accepted"), report.count("served")), (2, 2));
    assert_eq!((report.count("requests"), report.count("bytes_out")), (4, 12));
    report.assert_adds_up();
}

#[test]
fn bare_epoll() {
    it_echoes_stops_and_reports("bare-epoll");
}

#[test]
fn bare_tokio() {
    it_echoes_stops_and_reports("bare-tokio");
}

#[test]
fn planted_plain() {
    it_echoes_stops_and_reports("planted-plain");
}

#[test]
fn planted_slight() {
    it_echoes_stops_and_reports("planted-slight");
}

#[test]
fn planted_costly() {
    it_echoes_stops_and_reports("planted-costly");
}
