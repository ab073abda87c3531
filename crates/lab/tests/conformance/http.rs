//! HTTP/1.1: requests however they are cut, answered in order.

use std::{thread, time::Duration};

use crate::{
    http_client::{get, post},
    model::{Model, for_every_model},
    pattern::{assert_pattern, pattern},
    server::Server,
    wait::eventually,
};

for_every_model!(
    a_request_may_come_in_pieces,
    pipelined_requests_are_answered_in_order,
    pipelined_requests_before_a_half_close_are_all_answered,
    connection_is_kept_or_closed_as_asked,
    head_gets_no_body,
    chunked_bodies_are_read,
    a_client_may_wait_for_100_continue,
    ten_megabytes_are_posted_and_come_back,
    close_loses_nothing_of_a_long_answer,
);

fn a_request_may_come_in_pieces(model: Model) {
    let server = Server::start(model, "http", &[]);
    let mut client = server.connect_http();
    let request = [get("/"), String::from_utf8(post("body")).expect("text")].concat();
    for at in [1, 3, 5, 14, 16, request.find("\r\n\r\n").expect("a head") + 2, request.len() - 2] {
        client.send(&request[..at]);
        thread::sleep(Duration::from_millis(2));
        client.send(&request[at..]);
        client.answer().assert_text("hello, world\n");
        client.answer().assert_text("body");
    }
    for byte in request.as_bytes() {
        client.send([*byte]);
    }
    client.answer().assert_text("hello, world\n");
    client.answer().assert_text("body");
}

/// A hundred requests of several kinds, and what must come back.
fn mixed_requests() -> (Vec<u8>, Vec<String>) {
    let (mut requests, mut answers) = (Vec::new(), Vec::new());
    for number in 0..100 {
        match number % 3 {
            0 => {
                requests.extend_from_slice(get("/").as_bytes());
                answers.push("hello, world\n".to_owned());
            }
            1 => {
                let body = format!("request {number}\r\n\r\n");
                requests.extend(post(&body));
                answers.push(body);
            }
            _ => {
                requests.extend_from_slice(get("/cpu?us=10").as_bytes());
                answers.push("computed 10 units\n".to_owned());
            }
        }
    }
    (requests, answers)
}

fn pipelined_requests_are_answered_in_order(model: Model) {
    let server = Server::start(model, "http", &[]);
    let mut client = server.connect_http();
    let (requests, answers) = mixed_requests();
    client.send(requests);
    for answer in &answers {
        client.answer().assert_text(answer);
    }
    client.get("/").assert_text("hello, world\n");
    drop(client);
    assert_eq!(server.stop_well().count("requests"), 101);
}

fn pipelined_requests_before_a_half_close_are_all_answered(model: Model) {
    let server = Server::start(model, "http", &[]);
    let mut client = server.connect_http();
    let (requests, answers) = mixed_requests();
    client.send(requests);
    client.client.finish();
    for answer in &answers {
        client.answer().assert_text(answer);
    }
    client.assert_end();
}

fn connection_is_kept_or_closed_as_asked(model: Model) {
    let server = Server::start(model, "http", &[]);
    let mut client = server.connect_http();
    for _ in 0..3 {
        client.get("/").assert_text("hello, world\n");
    }
    client.send("GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    let last = client.answer();
    last.assert_text("hello, world\n");
    assert_eq!(last.field("connection"), Some("close"));
    client.assert_end();

    let mut client = server.connect_http();
    client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_eq!(client.answer().field("connection"), Some("keep-alive"));
    client.send("GET / HTTP/1.0\r\n\r\n");
    client.answer().assert_text("hello, world\n");
    client.assert_end();
}

fn head_gets_no_body(model: Model) {
    let server = Server::start(model, "http", &[]);
    let mut client = server.connect_http();
    client.send("HEAD / HTTP/1.1\r\nHost: test\r\n\r\n");
    let head = client.head();
    assert_eq!((head.status, head.field("content-length")), (200, Some("13")));
    client.get("/").assert_text("hello, world\n");
    drop(client);
    // Nor does one that cannot be honoured, or read.
    for (status, rest) in [(404, "/nowhere HTTP/1.1\r\nHost: test\r\n\r\n"), (400, "/\r\n\r\n")] {
        let mut client = server.connect_http();
        client.send(format!("HEAD {rest}"));
        assert_eq!(client.head().status, status, "{rest:?}");
        client.assert_end();
    }
}

fn chunked_bodies_are_read(model: Model) {
    let server = Server::start(model, "http", &[]);
    let mut client = server.connect_http();
    client.send("POST /echo HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n");
    client.send("5\r\nfirst\r\n");
    client.send("8;name=value\r\n, secon");
    client.send("d\r\n0\r\nX-Trailer: 1\r\n\r\n");
    client.answer().assert_text("first, second");
    client.get("/").assert_text("hello, world\n");
}

fn a_client_may_wait_for_100_continue(model: Model) {
    let server = Server::start(model, "http", &[]);
    let mut client = server.connect_http();
    for _ in 0..2 {
        client.send(
            "POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\
             Expect: 100-continue\r\n\r\n",
        );
        assert_eq!(client.head().status, 100);
        client.send("body");
        client.answer().assert_text("body");
    }
}

const LONG: usize = 10_000_000;

/// A POST of the pattern to `/echo`, without the body.
fn long_post(field: &str) -> String {
    format!("POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: {LONG}\r\n{field}\r\n")
}

fn ten_megabytes_are_posted_and_come_back(model: Model) {
    let server = Server::start(model, "http", &[]);
    let mut client = server.connect_http();
    client.send(long_post(""));
    client.client.send_pattern(LONG);
    let answer = client.answer();
    assert_eq!((answer.status, answer.body.len()), (200, LONG));
    assert_pattern(0, &answer.body);
    client.get("/").assert_text("hello, world\n");
}

/// What a client sends behind its last request is nobody's, but must not cost
/// it the answer: closing a socket with bytes unread resets the connection,
/// and a reset throws away what is still to be sent.
fn close_loses_nothing_of_a_long_answer(model: Model) {
    let server = Server::start(model, "http", &[]);
    let mut client = server.connect_http();
    client.send(long_post("Connection: close\r\n"));
    client.client.send_pattern(LONG);
    client.send("\r\n");
    // The answer is on its way, and more than the sockets hold.
    eventually("an answer comes", || client.client.has_answer());
    client.send(pattern(0, 100_000));
    let answer = client.answer();
    assert_eq!((answer.status, answer.body.len()), (200, LONG));
    assert_pattern(0, &answer.body);
}
