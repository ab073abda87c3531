//! A client that asks for the end, with more behind it, gets its answer and then the end:
//! no reset, which would overtake what it has not read.

use crate::{
    model::{Model, for_every_model},
    server::Server,
    wait::eventually,
};

const CLOSE: &str = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
const CLIENTS: usize = 40;

for_every_model!(more_behind_a_close_is_no_reset, more_after_the_answer_is_no_reset);

/// Sends `last`, much behind it in pieces, and wants `answer` and the end in order.
pub(crate) fn all_end_in_order(server: &Server, last: &str, answer: impl Fn(&str) -> bool) {
    for _ in 0..CLIENTS {
        let client = server.connect();
        client.send([last.as_bytes(), &[b'x'; 100]].concat());
        for _ in 0..20 {
            client.send([b'x'; 4000]);
        }
        client.finish();
        let all = String::from_utf8(client.receive_all()).expect("it is text");
        assert!(answer(&all), "{all}");
    }
}

fn more_behind_a_close_is_no_reset(model: Model) {
    let server = Server::start(model, "http", &["--workers", "2"]);
    let is_one =
        |all: &str| all.ends_with("hello, world\n") && all.matches("HTTP/1.1").count() == 1;
    all_end_in_order(&server, CLOSE, is_one);
    server.await_open(0);
    let report = server.stop_well();
    assert_eq!((report.count("requests"), report.count("failed")), (CLIENTS as u64, 0));
}

/// What comes when the answer is there is too late, and is no reason for a reset either.
fn more_after_the_answer_is_no_reset(model: Model) {
    let server = Server::start(model, "http", &["--workers", "2"]);
    let client = server.connect();
    client.send(CLOSE);
    eventually("the answer is there", || client.has_answer());
    for _ in 0..20 {
        client.send("more");
    }
    client.await_delivery();
    client.finish();
    assert!(client.receive_all().ends_with(b"hello, world\n"));
}
