//! Every answer byte for byte, and every session split at every byte.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::Work;

/// Always the same second: RFC 9110's example.
const CLOCK: Clock = Clock(|| Duration::from_secs(784_111_777));

/// Feeds `pieces`, runs jobs as they come, ends; returns the output and the
/// phase before the end.
fn converse(pieces: &[&[u8]]) -> (String, Phase) {
    let (output, phase) = answers(pieces);
    (String::from_utf8(output).unwrap(), phase)
}

/// The same, whatever bytes come back.
fn answers(pieces: &[&[u8]]) -> (Vec<u8>, Phase) {
    let mut session = Http::new(&Limits { body_bytes: 1000 }, CLOCK);
    let mut output = Vec::new();
    for piece in pieces {
        session.receive(piece, &mut output);
        while let Some(job) = session.next_job() {
            let outcome = if job.work == Work::Panic { Err(Failed::Panicked) } else { Ok(()) };
            session.complete(Done { id: job.id, outcome }, &mut output);
        }
    }
    let phase = session.phase();
    session.end(End::Peer, &mut output);
    assert!(matches!(session.phase(), Phase::Finished | Phase::Refused));
    assert!(session.input.is_empty(), "a finished session keeps no memory");
    (output, phase)
}

fn status_of(request: &str) -> (u16, Phase) {
    let (output, phase) = converse(&[request.as_bytes()]);
    let answers = output.lines().filter(|line| line.starts_with("HTTP/1.1 ")).count();
    assert_eq!(answers, 1, "one answer: {output}");
    assert!(output.contains("\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"), "{output}");
    if phase != Phase::Reading {
        assert!(output.contains("\r\nConnection: close\r\n"), "{output}");
    }
    (output[9..12].parse().unwrap(), phase)
}

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const HELLO: &str = "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
                     Content-Type: text/plain; charset=utf-8\r\n\
                     Content-Length: 13\r\n\r\nhello, world\n";

#[test]
fn get_is_answered_and_the_connection_kept() {
    assert_eq!(converse(&[GET.as_bytes()]), (HELLO.to_owned(), Phase::Reading));
}

#[test]
fn head_has_the_fields_of_get_and_no_body() {
    let (output, phase) = converse(&[b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"]);
    assert_eq!(output, HELLO.strip_suffix("hello, world\n").unwrap());
    assert_eq!(phase, Phase::Reading);
}

/// The same request as GET and as HEAD: the head of the answer is the same,
/// whatever is wrong with the request, and HEAD gets nothing behind it.
#[test]
fn head_gets_the_head_of_gets_answer_whatever_it_is() {
    let host = "HTTP/1.1\r\nHost: a\r\n";
    let long = "x".repeat(20_000);
    let fields = "X: 1\r\n".repeat(70);
    for (status, rest) in [
        ("200", format!("/ {host}\r\n")),
        ("200", format!("/sleep?ms=1 {host}\r\n")),
        ("400", format!("/sleep?ms=x {host}\r\n")),
        ("400", format!("/ {host}Bad Name: 1\r\n\r\n")),
        ("400", "/ HTTP/1.1\r\n\r\n".to_owned()),
        ("400", "/ HTTP/1.1\r\nHos".to_owned()),
        ("400", "\u{1}".to_owned()),
        ("400", format!("/ {host}Content-Length: 2\r\n\r\na")),
        ("400", format!("/ {host}Transfer-Encoding: chunked\r\n\r\nx\r\n")),
        ("404", format!("/no {host}\r\n")),
        ("405", format!("/echo {host}\r\n")),
        ("413", format!("/ {host}Content-Length: 1001\r\n\r\n")),
        ("414", format!("/{long}")),
        ("417", format!("/ {host}Expect: tea\r\n\r\n")),
        ("431", format!("/ {host}X: {long}")),
        ("431", format!("/ {host}{fields}\r\n")),
        ("500", format!("/panic {host}\r\n")),
        ("501", format!("/ {host}Transfer-Encoding: gzip\r\n\r\n")),
        ("505", "/ HTTP/2.0\r\nHost: a\r\n\r\n".to_owned()),
    ] {
        let shown = &rest[..rest.len().min(60)];
        let (get, get_phase) = converse(&[b"\r\nGET ", rest.as_bytes()]);
        let (head, head_phase) = converse(&[b"\r\nHEAD ", rest.as_bytes()]);
        assert_eq!((&get[9..12], get_phase), (status, head_phase), "{shown:?}");
        let end = get.find("\r\n\r\n").unwrap() + 4;
        assert_eq!((&get[..end], get.len() > end), (head.as_str(), true), "{shown:?}");
    }
}

#[test]
fn line_feeds_alone_will_do_for_a_person_at_a_terminal() {
    assert_eq!(converse(&[b"\r\n\nGET / HTTP/1.1\nHost: a\n\n"]).0, HELLO);
}

#[test]
fn a_whole_uri_is_as_good_as_a_path() {
    let uris = ["http://a/", "HTTP://a", "http://a?x=1", "http://a/?x=1"];
    for uri in uris {
        let request = format!("GET {uri} HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(converse(&[request.as_bytes()]).0, HELLO, "{uri}");
    }
}

#[test]
fn persistence_follows_version_and_connection_field() {
    let phase = |request: &str| converse(&[request.as_bytes()]).1;
    assert_eq!(phase("GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n"), Phase::Finished);
    assert_eq!(phase("GET / HTTP/1.0\r\n\r\n"), Phase::Finished);
    let kept = "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n";
    let (output, phase) = converse(&[kept.as_bytes()]);
    assert_eq!(phase, Phase::Reading);
    assert!(output.contains("\r\nConnection: keep-alive\r\n"), "{output}");
}

#[test]
fn bodies_come_back_by_length_and_by_chunks() {
    let length = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab\r\nc";
    let (output, phase) = converse(&[length.as_bytes()]);
    assert!(output.ends_with("\r\nContent-Length: 5\r\n\r\nab\r\nc"), "{output}");
    assert_eq!(phase, Phase::Reading);

    let chunks = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n\
                  3;x=y\r\nab\n\r\nA\r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\n";
    let (output, phase) = converse(&[chunks.as_bytes()]);
    assert!(output.ends_with("\r\nContent-Length: 13\r\n\r\nab\n0123456789"), "{output}");
    assert_eq!(phase, Phase::Reading);
}

#[test]
fn a_peer_that_waits_is_told_to_continue_and_one_that_does_not_is_not() {
    let head =
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n";
    let (output, _) = converse(&[head.as_bytes(), b"hi"]);
    assert!(output.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"), "{output}");
    let (output, _) = converse(&[format!("{head}hi").as_bytes()]);
    assert!(output.starts_with("HTTP/1.1 200 OK\r\n"), "{output}");
}

/// Requests that are refused, with their status.
fn refused() -> Vec<(u16, String)> {
    let long = "x".repeat(20_000);
    let fields = "X: 1\r\n".repeat(70);
    let host = "HTTP/1.1\r\nHost: a\r\n";
    vec![
        (400, "\u{1}\u{2}\r\n\r\n".to_owned()),
        (400, "GET /\r\n\r\n".to_owned()),
        (400, "GET / HTTP/1.1\r\n\r\n".to_owned()),
        (400, format!("GET / {host}Host: b\r\n\r\n")),
        (400, format!("GET / {host}Bad Name: 1\r\n\r\n")),
        (400, format!("GET / {host}A: 1\r\n folded\r\n\r\n")),
        (400, format!("GET /sleep?ms=1e3 {host}\r\n")),
        (400, format!("GET /sleep?ms=60001 {host}\r\n")),
        (400, format!("GET /cpu {host}\r\n")),
        (400, format!("POST /echo {host}Content-Length: 2\r\nContent-Length: 2\r\n\r\nab")),
        (400, format!("POST /echo {host}Content-Length: 2, 2\r\n\r\nab")),
        (400, format!("POST /echo {host}Content-Length: +2\r\n\r\nab")),
        (400, format!("POST /echo {host}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n")),
        (400, "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_owned()),
        (400, format!("POST /echo {host}Transfer-Encoding: chunked\r\n\r\nzz\r\n")),
        (400, format!("POST /echo {host}Transfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n")),
        (400, format!("POST /echo {host}Transfer-Encoding: chunked\r\n\r\n\r\n\r\n")),
        (400, format!("POST /echo {host}Transfer-Encoding: chunked\r\n\r\n;x=y\r\n\r\n")),
        (400, format!("POST /echo {host}Transfer-Encoding: chunked\r\n\r\n0\r\n{GET}")),
        (404, format!("GET /no {host}\r\n")),
        (405, format!("DELETE / {host}\r\n")),
        (405, format!("GET /echo {host}\r\n")),
        (411, format!("POST /echo {host}\r\n")),
        (413, format!("POST /echo {host}Content-Length: 1001\r\n\r\n")),
        (413, format!("POST /echo {host}Content-Length: 99999999999999999999999\r\n\r\n")),
        (413, format!("POST /echo {host}Transfer-Encoding: chunked\r\n\r\n3e9\r\n")),
        (414, format!("GET /{long}")),
        (414, format!("GET /{} {host}\r\n", &long[..9000])),
        (417, format!("POST /echo {host}Content-Length: 1\r\nExpect: tea\r\n\r\n")),
        (431, format!("GET / {host}X: {long}")),
        (431, format!("GET / {host}{fields}\r\n")),
        (500, format!("GET /panic {host}\r\n")),
        (501, format!("BREW / {host}\r\n")),
        (501, format!("POST /echo {host}Transfer-Encoding: gzip, chunked\r\n\r\n")),
        (505, "GET / HTTP/2.0\r\nHost: a\r\n\r\n".to_owned()),
        // What is wrong comes late, or is too much in two ways.
        (400, "GET / FTP/1.1\r\nHost: a\r\n\r\n".to_owned()),
        (414, format!("GET /{} HTTP/1.1\r\nX: {}\r\n\r\n", &long[..9000], &long[..8000])),
        (414, format!("{long} / {host}\r\n")),
        (400, format!("GET / {long}\r\n\r\n")),
        (431, format!("GET / {host}X: {}\r\n\r\n", &long[..17_000])),
        (431, format!("GET / {host}X: {}\r\nBad Name: 1\r\n\r\n", &long[..17_000])),
    ]
}

#[test]
fn bad_input_gets_its_status_and_a_close() {
    for (status, request) in refused() {
        let shown = &request[..request.len().min(90)];
        assert_eq!(status_of(&request), (status, Phase::Refused), "{shown}");
    }
}

/// TCP cuts as it likes: what is wrong with a request does not depend on that.
#[test]
fn a_refusal_is_the_same_wherever_the_request_is_cut() {
    for (_, request) in refused() {
        let (whole, bytes) = (converse(&[request.as_bytes()]), request.as_bytes());
        for at in 0..=bytes.len() {
            let cut = converse(&[&bytes[..at], &bytes[at..]]);
            assert_eq!(cut, whole, "{} cut at {at}", &request[..request.len().min(90)]);
        }
        let pieces: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(converse(&pieces), whole, "{}", &request[..request.len().min(90)]);
    }
}

#[test]
fn a_request_cut_short_is_told_why() {
    for (end, status) in [(End::Peer, "400"), (End::Idle, "408"), (End::Stop, "503")] {
        let post = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc";
        for cut in ["GET / HT", "HEAD / HT", post] {
            let (mut session, mut output) = (Http::new(&Limits::default(), CLOCK), Vec::new());
            session.receive(cut.as_bytes(), &mut output);
            session.end(end, &mut output);
            assert_eq!(&output[9..12], status.as_bytes());
            assert_eq!(output.ends_with(b"\r\n\r\n"), cut.starts_with("HEAD "));
            assert_eq!(session.phase(), Phase::Refused);
        }
    }
}

#[test]
fn work_holds_back_what_was_pipelined_behind_it() {
    let (mut session, mut output) = (Http::new(&Limits::default(), CLOCK), Vec::new());
    let sleep = "GET /sleep?ms=5 HTTP/1.1\r\nHost: a\r\n\r\n";
    session.receive(format!("{sleep}{GET}").as_bytes(), &mut output);
    let job = session.next_job().unwrap();
    assert_eq!(job.work, Work::Block(Duration::from_millis(5)));
    assert_eq!((session.next_job(), session.phase(), output.len()), (None, Phase::Working, 0));

    session.end(End::Peer, &mut output);
    assert_eq!(session.phase(), Phase::Working, "the end does not cut what was asked before it");
    session.complete(Done { id: job.id, outcome: Ok(()) }, &mut output);
    let text = String::from_utf8(output).unwrap();
    assert!(text.contains("slept 5 ms\n") && text.ends_with(HELLO), "{text}");
    assert_eq!((session.phase(), session.answered()), (Phase::Finished, 2));
}

/// Requests that together use every part of the parser.
const SESSION: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n\
    POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n\r\n1\r\n2\r\n3\
    GET /cpu?us=1 HTTP/1.1\r\nHost: a\r\n\r\n\
    POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
    1\r\n\n\r\n4;e=\"x\"\r\nabcd\r\n0\r\nT: 1\r\n\r\n\
    HEAD /sleep?ms=1 HTTP/1.1\r\nHost: a\r\n\r\n\
    GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn a_session_split_in_two_at_every_byte_is_the_same_session() {
    let whole = converse(&[SESSION.as_bytes()]);
    for at in 0..=SESSION.len() {
        let (left, right) = SESSION.as_bytes().split_at(at);
        assert_eq!(converse(&[left, right]), whole, "split at {at}");
    }
    let bytes: Vec<&[u8]> = SESSION.as_bytes().chunks(1).collect();
    assert_eq!(converse(&bytes), whole, "byte by byte");
}

proptest! {
    #[test]
    fn a_session_split_anywhere_is_the_same_session(cuts in prop::collection::vec(0..SESSION.len(), 0..12)) {
        let mut cuts = cuts;
        cuts.extend([0, SESSION.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> =
            cuts.windows(2).map(|pair| &SESSION.as_bytes()[pair[0]..pair[1]]).collect();
        prop_assert_eq!(converse(&pieces), converse(&[SESSION.as_bytes()]));
    }

    #[test]
    fn no_bytes_panic_or_hang_a_session(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut session = Http::new(&Limits { body_bytes: 100 }, CLOCK);
        let mut output = Vec::new();
        session.receive(&bytes, &mut output);
        session.end(End::Peer, &mut output);
        prop_assert!(session.phase() != Phase::Reading);
    }

    #[test]
    fn damaged_requests_end_cleanly_wherever_they_are_cut(
        at in 0..SESSION.len(),
        byte in any::<u8>(),
        cut in 0..SESSION.len(),
    ) {
        let mut damaged = SESSION.as_bytes().to_vec();
        damaged[at] = byte;
        let (left, right) = damaged.split_at(cut);
        prop_assert_eq!(answers(&[left, right]), answers(&[&damaged]));
    }
}

#[test]
fn overload_is_said_and_the_connection_kept() {
    let answers = ["GET", "HEAD"].map(|method| {
        let mut session = Http::new(&Limits::default(), CLOCK);
        let mut output = Vec::new();
        let request = format!("{method} /sleep?ms=9 HTTP/1.1\r\nHost: a\r\n\r\n");
        session.receive(request.as_bytes(), &mut output);
        let job = session.next_job().unwrap();
        session.complete(Done { id: job.id, outcome: Err(Failed::Overloaded) }, &mut output);
        assert_eq!(session.phase(), Phase::Reading);
        String::from_utf8(output).unwrap()
    });
    let [get, head] = &answers;
    assert!(get.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{get}");
    assert!(!get.contains("Connection: close"), "{get}");
    assert_eq!(get.strip_suffix("too busy, try again later\n"), Some(head.as_str()));
}
