//! Connections of one request each, one hard upon the other: none is lost, and nothing
//! of them stays.

use std::thread;

use crate::{
    amount,
    footprint::Footprint,
    model::{Model, for_every_model},
    server::Server,
};

for_every_model!(short_connections_leave_nothing_behind);

/// It asks for the close: else the clients' ports would run out, each kept for a minute
/// after a close of theirs.
const REQUEST: &str = "GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n";
const CLIENTS: usize = 4;
const GROWTH_MAX: u64 = 16 << 20;

fn ask(server: &Server, times: usize) {
    for _ in 0..times {
        let client = server.connect();
        client.send(REQUEST);
        let answer = client.receive_all();
        let is_whole = answer.starts_with(b"HTTP/1.1 200 ") && answer.ends_with(b"hello, world\n");
        assert!(is_whole, "{:?}", String::from_utf8_lossy(&answer));
    }
}

fn short_connections_leave_nothing_behind(model: Model) {
    let (warmup, each) = (100, amount(500, 100_000) / CLIENTS);
    let server = Server::start(model, "http", &["--workers", "4"]);
    ask(&server, warmup);
    server.await_open(0);
    let before = Footprint::of(&server);
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| ask(&server, each));
        }
    });
    server.await_open(0);
    Footprint::assert_regained(before, GROWTH_MAX, &server);
    let report = server.stop_well();
    let all = (warmup + CLIENTS * each) as u64;
    assert_eq!((report.count("accepted"), report.count("served")), (all, all));
    assert_eq!((report.count("failed"), report.count("refused")), (0, 0));
}
