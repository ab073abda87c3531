//! Bad input gets its status and a close, and harms nobody else.

use std::{io::Write, thread};

use crate::{
    http_client::HttpClient,
    model::{Model, for_every_model},
    pattern::pattern,
    server::Server,
};

for_every_model!(
    bad_requests_get_their_status_and_a_close,
    a_body_that_is_too_long_is_refused_readably,
    a_request_that_takes_too_long_gets_408,
    a_request_cut_short_gets_400,
);

/// Requests, and the status that each must get.
fn bad_requests() -> Vec<(u16, String)> {
    let host = "HTTP/1.1\r\nHost: test\r\n";
    let fields = "X-Field: 1\r\n".repeat(100);
    let long = "x".repeat(20_000);
    vec![
        (400, "\u{16}\u{3}\u{1}\u{2}\r\n\r\n".to_owned()),
        (400, "GET /\r\n\r\n".to_owned()),
        (400, "GET / HTTP/1.1\r\n\r\n".to_owned()),
        (400, format!("GET / {host}Bad Name: 1\r\n\r\n")),
        (400, format!("GET /sleep?ms=soon {host}\r\n")),
        (400, format!("POST /echo {host}Content-Length: two\r\n\r\nab")),
        (400, format!("POST /echo {host}Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc")),
        (
            400,
            format!(
                "POST /echo {host}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n\
                 0\r\n\r\n"
            ),
        ),
        (400, format!("POST /echo {host}Transfer-Encoding: chunked\r\n\r\nsize\r\n")),
        (404, format!("GET /nowhere {host}\r\n")),
        (405, format!("DELETE / {host}\r\n")),
        (405, format!("GET /echo {host}\r\n")),
        (411, format!("POST /echo {host}\r\n")),
        (413, format!("POST /echo {host}Content-Length: {}\r\n\r\n", 17 << 20)),
        (413, format!("POST /echo {host}Transfer-Encoding: chunked\r\n\r\n1100000\r\n")),
        (414, format!("GET /{long} {host}\r\n")),
        (431, format!("GET / {host}X-Field: {long}\r\n\r\n")),
        (431, format!("GET / {host}{fields}\r\n")),
        (501, format!("BREW / {host}\r\n")),
        (501, format!("POST /echo {host}Transfer-Encoding: gzip\r\n\r\n")),
        (505, "GET / HTTP/2.0\r\nHost: test\r\n\r\n".to_owned()),
    ]
}

#[track_caller]
fn assert_refused(client: &mut HttpClient, status: u16, request: &str) {
    let answer = client.answer();
    let shown: String = request.chars().take(80).collect();
    assert_eq!(answer.status, status, "{shown:?}");
    assert_eq!(answer.field("connection"), Some("close"), "{shown:?}");
    assert!(!answer.body.is_empty(), "it says why: {shown:?}");
    client.assert_end();
}

fn bad_requests_get_their_status_and_a_close(model: Model) {
    let server = Server::start(model, "http", &[]);
    let requests = bad_requests();
    for (status, request) in &requests {
        let mut client = server.connect_http();
        client.send(request);
        assert_refused(&mut client, *status, request);
    }
    server.connect_http().get("/").assert_text("hello, world\n");
    let report = server.stop_well();
    assert_eq!(report.count("requests"), requests.len() as u64 + 1);
    assert_eq!(report.count("failed"), 0, "a refusal is an answer: {report:?}");
}

/// The client sends all of its body before it looks for an answer, as many do.
fn a_body_that_is_too_long_is_refused_readably(model: Model) {
    let server = Server::start(model, "http", &[]);
    let mut client = server.connect_http();
    let length = 17 << 20;
    client.send(format!("POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: {length}\r\n\r\n"));
    let stream = client.client.stream.try_clone().expect("a descriptor is free");
    thread::scope(|scope| {
        scope.spawn(move || {
            for at in (0..length).step_by(64 << 10) {
                // It may learn from the server's close that nobody wants it.
                if (&stream).write_all(pattern(at, 64 << 10)).is_err() {
                    return;
                }
            }
        });
        assert_refused(&mut client, 413, "a long body");
    });
    drop(client);
    server.connect_http().get("/").assert_text("hello, world\n");
}

fn a_request_that_takes_too_long_gets_408(model: Model) {
    let server = Server::start(model, "http", &["--idle-timeout", "300ms"]);
    for part in ["GET / HT", "POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 9\r\n\r\nabc"] {
        let mut client = server.connect_http();
        client.send(part);
        assert_refused(&mut client, 408, part);
    }
}

fn a_request_cut_short_gets_400(model: Model) {
    let server = Server::start(model, "http", &[]);
    let mut client = server.connect_http();
    client.send("GET / HTTP/1.1\r\nHos");
    client.client.finish();
    assert_refused(&mut client, 400, "cut short");
}
