//! Servers that answer with too much, with nothing, or with what is no answer.

mod common;

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use common::{http, plan, run, serve};
use load::{Kind, Method, Plan, Report, Request};

/// Bytes that a server may get rid of before the generator has hung up: what is kept,
/// and what sockets hold.
const LITTLE: u64 = 64 << 20;

fn rpc() -> Request {
    Request::new(Kind::Rpc { method: "sum".to_owned(), params: None, expect: None })
}

fn get() -> Request {
    http(Method::Get, "/", 0)
}

fn asking(target: SocketAddr, request: &Request) -> Report {
    run(&Plan { requests: vec![request.clone()], ..plan(target, 2) })
}

/// A server that answers `first`, and then `rest` until nobody listens.
fn endless(first: &'static str, rest: Vec<u8>) -> (SocketAddr, Arc<AtomicU64>) {
    let sent = Arc::<AtomicU64>::default();
    let counted = Arc::clone(&sent);
    let rest = Arc::new(rest);
    let address = serve(move |_, mut stream| {
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.write_all(first.as_bytes());
        while stream.write_all(&rest).is_ok() {
            counted.fetch_add(rest.len() as u64, Relaxed);
        }
    });
    (address, sent)
}

#[test]
fn an_answer_without_end_is_cut_off() {
    let head = "HTTP/1.1 200 OK\r\n";
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let long = "HTTP/1.1 200 OK\r\nContent-Length: 999999999999999\r\n\r\n";
    let noise = vec![b'x'; 65536];
    let chunk = [b"10000\r\n", &noise[..], b"\r\n"].concat();
    for (first, rest, request) in [
        ("", noise.clone(), rpc()),
        ("{\"jsonrpc\":\"2.0\",\"result\":\"", noise.clone(), rpc()),
        (head, noise.clone(), get()),
        (head, b"X: y\r\n".to_vec(), get()),
        (chunked, vec![b'0'; 65536], get()),
        (chunked, chunk, get()),
        (long, noise.clone(), get()),
    ] {
        let (address, sent) = endless(first, rest);
        let report = asking(address, &request);
        let said = &report.errors.first;
        assert_eq!(report.errors.protocol, 2, "{first:?}: {said:?}");
        assert_eq!((report.answered_total, report.errors.total()), (0, 2), "{said:?}");
        let sent = sent.load(Relaxed);
        assert!(sent < LITTLE && report.bytes_in < LITTLE, "{first:?}: {sent} bytes");
    }
}

/// Answers every read with the same.
fn saying(answer: &'static str) -> SocketAddr {
    serve(move |_, mut stream: TcpStream| {
        while stream.read(&mut [0; 4096]).is_ok_and(|bytes| bytes > 0) {
            let _ = stream.write_all(answer.as_bytes());
        }
    })
}

#[test]
fn what_is_no_answer_is_an_error() {
    for (answer, request, says) in [
        ("{}\n", rpc(), "no JSON-RPC answer"),
        ("{}", rpc(), "are no whole answer"),
        ("\n", rpc(), "no JSON-RPC answer"),
        ("null\n", rpc(), "no JSON-RPC answer"),
        ("HTTP/1.1 400 Bad Request\r\n\r\n", rpc(), "no JSON-RPC answer"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", get(), "differ"),
        ("HTTP/1.1 200 OK\r\n\r\n", get(), "neither Content-Length nor chunked"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", get(), "are no whole answer"),
        ("HTTP/1.1 200 OK", get(), "are no whole answer"),
        ("{}\n", get(), "the head of the answer"),
        ("", get(), "2 asked, and nothing came"),
        ("", rpc(), "2 asked, and nothing came"),
    ] {
        let report = asking(saying(answer), &request);
        let said = report.errors.first.join("; ");
        assert!(report.errors.total() > 0 && said.contains(says), "{answer:?}: {said}");
        assert_eq!(report.answered_total, 0, "{answer:?}");
    }
}

#[test]
fn who_closes_without_a_word_is_an_error() {
    let report = asking(serve(|_, mut stream| drop(stream.read(&mut [0; 4096]))), &get());
    assert_eq!((report.errors.closed_early, report.errors.unanswered), (2, 0));
}

/// That some are never answered is what some servers do, and is told otherwise.
#[test]
fn who_answers_some_is_no_error() {
    let address = serve(|number, mut stream| {
        let answer: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        while stream.read(&mut [0; 4096]).is_ok_and(|bytes| bytes > 0) {
            let _ = stream.write_all(if number == 0 { answer } else { b"" });
        }
    });
    let report = asking(address, &get());
    assert_eq!((report.errors.total(), report.served, report.starved), (0, 1, 1));
}
