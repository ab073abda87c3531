//! A stop signal: what was sent before it is answered, then the server ends
//! with 0 and a report that adds up.

use std::{
    io::{Read, Write},
    thread,
    time::{Duration, Instant},
};

use rustix::process::Signal;

use crate::{
    client::Client,
    http_client::{HttpClient, get},
    model::{LOOPS_WITH_WORKERS, Model, Serves, THREAD_POOL, for_every_model},
    pattern::{assert_pattern, pattern},
    server::Server,
    wait::{PATIENCE, eventually},
};

for_every_model!(
    requests_in_flight_are_answered,
    who_waits_in_the_backlog_is_answered,
    newcomers_are_refused_during_the_drain,
    queued_requests_are_answered,
    idle_clients_do_not_delay_the_end,
    a_handler_longer_than_the_drain_is_cut,
    a_client_that_never_reads_is_cut,
    a_second_signal_ends_it_at_once,
    an_echo_under_way_comes_back,
    a_stream_that_goes_on_loses_nothing_sent_before,
    a_request_half_sent_is_told_503,
);

const WORKERS: &str = "4";

/// Sends a request that takes a while, and waits until the server has it.
fn send_sleep(client: &HttpClient) -> usize {
    let request = get("/sleep?ms=150");
    client.send(&request);
    client.client.await_delivery();
    request.len()
}

/// Waits until the server has seen the signal: it refuses newcomers then.
fn await_stop(server: &Server) {
    eventually("newcomers are refused", || Client::try_connect(server.address).is_err());
}

fn requests_in_flight_are_answered(model: Model) {
    let server = Server::start(model, "http", &["--workers", WORKERS]);
    let count = model.at_once(6, 4);
    let (mut bytes_in, mut bytes_out) = (0, 0);
    let mut clients: Vec<HttpClient> = (0..count).map(|_| server.connect_http()).collect();
    for client in &mut clients {
        bytes_in += get("/").len();
        bytes_out += client.get("/").bytes;
    }
    for client in &clients {
        bytes_in += send_sleep(client);
    }
    server.signal(Signal::TERM);
    for client in &mut clients {
        let answer = client.answer();
        answer.assert_text("slept 150 ms\n");
        bytes_out += answer.bytes;
        client.assert_end();
    }
    let address = server.address;
    let end = server.wait();
    assert!(end.status.success(), "{}: {}", end.status, end.errors);
    Client::try_connect(address).expect_err("nobody listens there any more");

    let report = end.report.expect("there is a report");
    let count = count as u64;
    assert_eq!((report.count("accepted"), report.count("served")), (count, count));
    assert_eq!(report.count("requests"), 2 * count);
    assert_eq!(report.count("bytes_in"), bytes_in as u64);
    assert_eq!(report.count("bytes_out"), bytes_out as u64);
    assert_eq!((report.count("failed"), report.count("cut")), (0, 0));
    report.assert_adds_up();
}

/// The kernel had taken them in and has their requests: to close the listening socket
/// would reset them.
fn who_waits_in_the_backlog_is_answered(model: Model) {
    let server = Server::start(model, "http", &["--workers", WORKERS]);
    let mut first = server.connect_http();
    first.get("/").assert_text("hello, world\n");
    drop(first);
    server.await_open(0);
    server.freeze();
    let mut clients: Vec<HttpClient> = (0..8).map(|_| server.connect_http()).collect();
    for client in &clients {
        client.send(get("/"));
    }
    server.signal(Signal::TERM);
    server.thaw();
    for client in &mut clients {
        client.answer().assert_text("hello, world\n");
        client.assert_end();
    }
    let end = server.wait();
    assert!(end.status.success(), "{}: {}", end.status, end.errors);
    assert!(end.took < Duration::from_secs(2), "it took {:?}", end.took);
    let report = end.report.expect("there is a report");
    assert_eq!((report.count("accepted"), report.count("requests")), (9, 9), "{report:?}");
    assert_eq!((report.count("failed"), report.count("cut")), (0, 0), "{report:?}");
    report.assert_adds_up();
}

/// A client that comes too late must learn so at once, to try elsewhere.
fn newcomers_are_refused_during_the_drain(model: Model) {
    let server = Server::start(model, "http", &["--workers", WORKERS]);
    let mut client = server.connect_http();
    client.get("/").assert_text("hello, world\n");
    // Longer than a busy machine takes to begin the stop, shorter than the drain.
    client.send(get("/sleep?ms=4000"));
    client.client.await_delivery();
    server.signal(Signal::TERM);
    await_stop(&server);
    assert!(!client.client.has_answer(), "the drain has not ended");
    client.answer().assert_text("slept 4000 ms\n");
    assert!(server.wait().status.success());
}

/// Who was accepted and then waited in a queue of the server is not dropped.
fn queued_requests_are_answered(model: Model) {
    queued_requests(model, &["--workers", WORKERS]);
}

#[test]
fn requests_queued_behind_a_mutex_are_answered() {
    queued_requests(THREAD_POOL, &["--workers", WORKERS, "--queue", "mutex"]);
}

fn queued_requests(model: Model, options: &[&str]) {
    let server = Server::start(model, "http", options);
    let mut clients: Vec<HttpClient> = (0..8).map(|_| server.connect_http()).collect();
    if model.serves == Serves::One {
        clients.truncate(1);
    }
    server.await_open(clients.len().max(server.open().min(1)));
    for client in &clients {
        send_sleep(client);
    }
    server.signal(Signal::TERM);
    for client in &mut clients {
        client.answer().assert_text("slept 150 ms\n");
        client.assert_end();
    }
    let end = server.wait();
    assert!(end.status.success(), "{}: {}", end.status, end.errors);
    let report = end.report.expect("there is a report");
    assert_eq!(report.count("requests"), clients.len() as u64);
    report.assert_adds_up();
}

fn idle_clients_do_not_delay_the_end(model: Model) {
    idle_clients(model, &["--workers", WORKERS]);
}

/// Workers that wait for a job are woken by the end of jobs.
#[test]
fn idle_workers_behind_a_mutex_do_not_delay_the_end() {
    idle_clients(THREAD_POOL, &["--workers", "16", "--queue", "mutex"]);
}

fn idle_clients(model: Model, options: &[&str]) {
    for signal in [Signal::TERM, Signal::INT, Signal::QUIT] {
        let server = Server::start(model, "http", options);
        let count = model.at_once(10, 4);
        let mut clients: Vec<HttpClient> = (0..count).map(|_| server.connect_http()).collect();
        for client in &mut clients {
            client.get("/").assert_text("hello, world\n");
        }
        // One that has not said a word, too.
        let silent = server.connect();
        if model.accepts_ahead() {
            server.await_open(count + 1);
        }
        server.signal(signal);
        let end = server.wait();
        assert!(end.status.success(), "{signal:?}: {}: {}", end.status, end.errors);
        assert!(end.took < Duration::from_secs(2), "{signal:?}: it took {:?}", end.took);
        for client in &mut clients {
            client.assert_end();
        }
        silent.assert_closed();
        let report = end.report.expect("there is a report");
        assert_eq!((report.count("failed"), report.count("cut")), (0, 0), "{report:?}");
    }
}

fn a_handler_longer_than_the_drain_is_cut(model: Model) {
    let server = Server::start(model, "http", &["--workers", WORKERS, "--drain", "200ms"]);
    let mut client = server.connect_http();
    client.get("/").assert_text("hello, world\n");
    client.send(get("/sleep?ms=20000"));
    client.client.await_delivery();
    server.signal(Signal::TERM);
    let end = server.wait();
    assert!(end.status.success(), "{}: {}", end.status, end.errors);
    assert!(end.took < Duration::from_millis(2500), "it took {:?}", end.took);
    assert!(end.errors.contains("drain"), "it says so: {:?}", end.errors);
    client.client.assert_closed();
    let report = end.report.expect("there is a report");
    assert_eq!(report.count("cut"), 1, "{report:?}");
}

fn a_client_that_never_reads_is_cut(model: Model) {
    let server = Server::start(model, "echo", &["--workers", WORKERS, "--drain", "300ms"]);
    let client = server.connect();
    let stuck = Duration::from_millis(600);
    client.send_until_stuck(usize::MAX, stuck, |at| pattern(at, 64 << 10));
    server.signal(Signal::TERM);
    let end = server.wait();
    assert!(end.status.success(), "{}: {}", end.status, end.errors);
    assert!(end.took < Duration::from_millis(2600), "it took {:?}", end.took);
    let report = end.report.expect("there is a report");
    assert_eq!(report.count("cut"), 1, "{report:?}");
}

fn a_second_signal_ends_it_at_once(model: Model) {
    for (signal, code) in [(Signal::TERM, 128 + 15), (Signal::INT, 128 + 2)] {
        let server = Server::start(model, "http", &["--drain", "30s"]);
        let mut client = server.connect_http();
        client.get("/").assert_text("hello, world\n");
        client.send(get("/sleep?ms=20000"));
        client.client.await_delivery();
        server.signal(Signal::TERM);
        // Two signals of a kind that arrive together are one.
        await_stop(&server);
        assert!(server.is_running());
        server.signal(signal);
        let end = server.wait();
        assert_eq!(end.status.code(), Some(code), "{}", end.errors);
        assert!(end.took < Duration::from_secs(5), "it took {:?}", end.took);
    }
}

fn an_echo_under_way_comes_back(model: Model) {
    let server = Server::start(model, "echo", &["--workers", WORKERS]);
    let client = server.connect();
    client.ping("it is served");
    let bytes = 900_000;
    client.send_pattern(bytes);
    client.await_delivery();
    server.signal(Signal::TERM);
    client.receive_pattern(bytes);
    assert!(client.receive_all().is_empty(), "then comes the end");
    let report = server.wait().report.expect("there is a report");
    assert_eq!((report.count("failed"), report.count("cut")), (0, 0), "{report:?}");
}

/// The client does not know of the stop, and goes on sending. What it sends
/// then may be lost; what it sent before may not.
fn a_stream_that_goes_on_loses_nothing_sent_before(model: Model) {
    let server = Server::start(model, "echo", &["--workers", WORKERS]);
    let client = server.connect();
    client.ping("it is served");
    let before = 1_000_000;
    thread::scope(|scope| {
        scope.spawn(|| client.send_pattern(before));
        eventually("the echo has begun", || client.has_answer());
    });
    client.await_delivery();
    server.signal(Signal::TERM);
    thread::scope(|scope| {
        let end = Instant::now() + PATIENCE;
        let stream = &client.stream;
        scope.spawn(move || {
            let mut at = before;
            while let Ok(length) = (&*stream).write(pattern(at, 1000)) {
                at += length;
                assert!(Instant::now() < end);
                thread::sleep(Duration::from_micros(100));
            }
        });
        thread::sleep(Duration::from_millis(100));
        client.receive_pattern(before);
        let mut rest = Vec::new();
        let _ = (&client.stream).read_to_end(&mut rest);
        assert_pattern(before, &rest);
    });
    server.wait();
}

fn a_request_half_sent_is_told_503(model: Model) {
    let server = Server::start(model, "http", &["--workers", WORKERS]);
    let mut client = server.connect_http();
    client.get("/").assert_text("hello, world\n");
    client.send("POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 9\r\n\r\nabc");
    client.client.await_delivery();
    server.signal(Signal::TERM);
    let answer = client.answer();
    assert_eq!((answer.status, answer.field("connection")), (503, Some("close")));
    client.assert_end();
    drop(client);
    assert!(server.wait().status.success());
}

/// One worker, and jobs that wait for it when the signal comes: all are run.
#[test]
fn jobs_in_the_queue_are_answered() {
    let server = Server::start(LOOPS_WITH_WORKERS, "http", &["--workers", "1"]);
    let mut clients = [(); 5].map(|()| server.connect_http());
    for client in &clients {
        send_sleep(client);
    }
    server.signal(Signal::TERM);
    for client in &mut clients {
        client.answer().assert_text("slept 150 ms\n");
        client.assert_end();
    }
    let report = server.wait().report.expect("there is a report");
    assert_eq!((report.count("requests"), report.count("cut")), (5, 0), "{report:?}");
}

/// One runs and two wait when the drain is over: none of them is forgotten.
#[test]
fn jobs_in_the_queue_are_cut_after_the_drain() {
    let options = ["--workers", "1", "--drain", "200ms"];
    let server = Server::start(LOOPS_WITH_WORKERS, "http", &options);
    let clients = [(); 3].map(|()| server.connect_http());
    for client in &clients {
        client.send(get("/sleep?ms=60000"));
        client.client.await_delivery();
    }
    let report = server.stop_well();
    assert_eq!((report.count("accepted"), report.count("cut")), (3, 3), "{report:?}");
}
