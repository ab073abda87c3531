//! `--max-connections` and `--idle-timeout`.

use std::{
    thread,
    time::{Duration, Instant},
};

use crate::{
    http_client::get,
    model::{
        CONNECTION_PER_EVENT_BASE, EVENT_LOOP, Model, POOLED_EVENT_LOOPS, PREFORK_LOOPS,
        THREAD_POOL, for_every_model,
    },
    server::Server,
    wait::eventually,
};

for_every_model!(one_connection_too_many_is_closed_at_once, a_silent_client_is_closed);

fn one_connection_too_many_is_closed_at_once(model: Model) {
    // Processes that accept for themselves have a share of the limit each, since they
    // share no count; whom the kernel deals to one is not the others'. One has it all.
    let workers = if model.name == PREFORK_LOOPS.name { "1" } else { "4" };
    let server = Server::start(model, "echo", &["--workers", workers, "--max-connections", "2"]);
    let refused = if model.accepts_ahead() {
        let (first, second) = (server.connect(), server.connect());
        first.ping("one");
        second.ping("two");
        server.connect().assert_closed();
        first.ping("three");
        second.ping("four");
        drop(first);
        server.await_open(1);
        1
    } else {
        // It takes nobody in while it serves, so it has nobody to refuse.
        let (first, second) = (server.connect(), server.connect());
        first.ping("one");
        drop(first);
        second.ping("two");
        0
    };
    server.connect().ping("there is room again");
    let report = server.stop_well();
    assert_eq!(report.count("refused"), refused);
    assert_eq!(report.count("accepted"), 3);
    assert!(report.count("connections_peak") <= 2);
}

fn a_silent_client_is_closed(model: Model) {
    for service in ["echo", "http", "rpc"] {
        let server = Server::start(model, service, &["--idle-timeout", "300ms"]);
        let since = Instant::now();
        let client = server.connect();
        assert!(client.receive_all().is_empty());
        assert!(since.elapsed() >= Duration::from_millis(250), "{:?}", since.elapsed());
        assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());
        server.stop_well();
    }
}

/// One worker, kept busy for longer than the idle timeout, and a client that
/// waits for it with its request sent. Returns whether it is served then.
fn is_served_after_a_long_wait(model: Model) -> bool {
    let options = ["--workers", "1", "--idle-timeout", "700ms"];
    let server = Server::start(model, "echo", &options);
    let busy = server.connect();
    busy.ping("it is mine");
    let waiting = server.connect();
    waiting.send("ping");
    server.await_open(2);
    let since = Instant::now();
    while since.elapsed() < Duration::from_secs(1) {
        busy.ping("still busy");
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(waiting.peek(), None, "nobody has it yet");
    drop(busy);
    eventually("it is served or closed", || waiting.peek().is_some());
    waiting.has_answer()
}

/// Flaw 3 of this design: the timeout is armed at accept.
#[test]
fn the_timeout_runs_in_the_queue_of_event_bases() {
    assert!(!is_served_after_a_long_wait(CONNECTION_PER_EVENT_BASE));
}

#[test]
fn the_timeout_does_not_run_in_the_queue_of_a_thread_pool() {
    assert!(is_served_after_a_long_wait(THREAD_POOL));
}

/// A loop that works does not listen. What came meanwhile was said in time.
fn who_spoke_while_the_loop_worked_is_answered(model: Model) {
    let server = Server::start(model, "http", &["--workers", "1", "--idle-timeout", "600ms"]);
    let (mut slow, mut quick) = (server.connect_http(), server.connect_http());
    server.await_open(2);
    slow.send(get("/sleep?ms=1500"));
    slow.client.await_delivery();
    quick.send(get("/"));
    slow.answer().assert_text("slept 1500 ms\n");
    quick.answer().assert_text("hello, world\n");
    slow.get("/").assert_text("hello, world\n");
    server.stop_well();
}

#[test]
fn an_event_loop_calls_nobody_silent_while_it_works() {
    who_spoke_while_the_loop_worked_is_answered(EVENT_LOOP);
}

#[test]
fn pooled_event_loops_call_nobody_silent_while_they_work() {
    who_spoke_while_the_loop_worked_is_answered(POOLED_EVENT_LOOPS);
}
