//! HTTP/1.1 over kept-alive connections.

mod common;

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    thread,
    time::Duration,
};

use common::{http, plan, run, serve};
use load::{Kind, Method};

/// `/chunked` and `/fixed` return a text, `/echo` the body, `/slow` a text late,
/// `/odd` another text each time; all else is not found.
fn serve_http(stream: TcpStream) {
    let mut writer = stream.try_clone().unwrap();
    let mut reader = BufReader::new(stream);
    let mut asked = 0;
    while let Some((path, body)) = read_request(&mut reader) {
        asked += 1;
        let fixed = |text: &[u8]| {
            let mut answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", text.len());
            answer.push_str(&String::from_utf8_lossy(text));
            answer.into_bytes()
        };
        let answer = match path.as_str() {
            "/fixed" => fixed(b"hello"),
            "/odd" => fixed(&vec![b'x'; asked]),
            "/slow" => {
                thread::sleep(Duration::from_millis(5));
                fixed(b"late")
            }
            "/echo" => {
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
                [head.into_bytes(), body].concat()
            }
            "/chunked" => {
                // In two writes, cut within a chunk.
                let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel";
                writer.write_all(head).unwrap();
                b"lo\r\n6\r\n world\r\n0\r\n\r\n".to_vec()
            }
            _ => b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec(),
        };
        if writer.write_all(&answer).is_err() {
            return;
        }
    }
}

fn read_request(reader: &mut BufReader<TcpStream>) -> Option<(String, Vec<u8>)> {
    let (mut line, mut length) = (String::new(), 0);
    reader.read_line(&mut line).ok().filter(|&bytes| bytes > 0)?;
    let path = line.split(' ').nth(1)?.to_owned();
    loop {
        line.clear();
        reader.read_line(&mut line).ok().filter(|&bytes| bytes > 0)?;
        if line == "\r\n" {
            break;
        }
        if let Some(value) = line.strip_prefix("Content-Length: ") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((path, body))
}

#[test]
fn bodies_of_every_framing_are_verified() {
    let mut plan = plan(serve(|_, stream| serve_http(stream)), 4);
    plan.requests = vec![
        http(Method::Get, "/fixed", 0),
        http(Method::Get, "/chunked", 0),
        http(Method::Post, "/echo", 100_000),
        http(Method::Post, "/echo", 0),
    ];
    let Kind::Http { expect_body, .. } = &mut plan.requests[1].kind else { panic!() };
    *expect_body = Some("hello world".into());
    plan.grace = Duration::from_secs(5);
    let report = run(&plan);
    assert_eq!(report.errors.total(), 0, "{:?}", report.errors);
    assert_eq!((report.served, report.censored), (4, 0));
    assert!(report.answered > 20 && report.latency_slow.is_none());
}

#[test]
fn the_slow_class_has_its_own_latencies() {
    let mut plan = plan(serve(|_, stream| serve_http(stream)), 4);
    plan.requests = vec![http(Method::Get, "/fixed", 0), http(Method::Get, "/slow", 0)];
    plan.requests[0].weight = 9;
    plan.requests[1].slow = true;
    plan.grace = Duration::from_secs(5);
    let report = run(&plan);
    assert_eq!(report.errors.total(), 0, "{:?}", report.errors);
    let slow = report.latency_slow.unwrap();
    assert!(report.latency.samples > slow.samples && slow.samples > 0);
    assert!(slow.mean_us > 5_000.0, "{slow:?}");
    assert_eq!(report.latency.samples + slow.samples, report.sent);
    assert!(report.histogram_slow.is_some());
}

#[test]
fn a_body_that_changes_is_a_mismatch() {
    let mut plan = plan(serve(|_, stream| serve_http(stream)), 2);
    plan.requests = vec![http(Method::Get, "/odd", 0)];
    let report = run(&plan);
    assert_eq!((report.errors.mismatch, report.errors.total()), (2, 2), "{:?}", report.errors);
}

#[test]
fn a_wrong_status_is_counted_as_such() {
    let mut plan = plan(serve(|_, stream| serve_http(stream)), 2);
    plan.requests = vec![http(Method::Get, "/nowhere", 0)];
    let report = run(&plan);
    assert_eq!((report.errors.bad_status, report.errors.total()), (2, 2));
    assert!(report.errors.first[0].contains("404"), "{:?}", report.errors.first);
}

#[test]
fn what_is_no_http_is_a_protocol_error() {
    let address = serve(|_, mut stream| {
        let _ = stream.read(&mut [0; 1024]);
        let _ = stream.write_all(b"220 mail.example ESMTP\r\n");
        thread::sleep(Duration::from_secs(5));
    });
    let mut plan = plan(address, 2);
    plan.requests = vec![http(Method::Get, "/", 0)];
    let report = run(&plan);
    assert_eq!((report.errors.protocol, report.errors.total()), (2, 2), "{:?}", report.errors);
}

#[test]
fn slow_readers_pipeline_and_are_verified() {
    let mut plan = plan(serve(|_, stream| serve_http(stream)), 2);
    plan.requests = vec![http(Method::Get, "/chunked", 0)];
    plan.slow_readers = 2;
    let report = run(&plan);
    let slow = report.slow_readers.unwrap();
    assert_eq!((slow.established, slow.errors.total()), (2, 0), "{:?}", slow.errors);
    assert!(slow.bytes_in > 0 && slow.bytes_out > slow.bytes_in, "{slow:?}");
    assert_eq!((report.served, report.errors.total()), (2, 0));
}

#[test]
fn threads_compare_what_they_learned() {
    // Each connection gets the same body always, and each another.
    let address = serve(|number, mut stream| {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        while read_request(&mut reader).is_some() {
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{number}");
            if stream.write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    });
    let mut plan = plan(address, 2);
    plan.requests = vec![http(Method::Get, "/", 0)];
    plan.threads = 2;
    let report = run(&plan);
    assert_eq!((report.served, report.errors.mismatch, report.errors.total()), (2, 1, 1));
}
