//! One client's trouble is its own.

use std::process::Command;

use crate::{
    http_client::{HttpClient, get},
    model::{
        ASYNC_TASKS, DISPATCHING_REACTOR, LOOPS_WITH_WORKERS, Model, Serves, THREAD_POOL,
        for_every_model,
    },
    server::{LAB, Server},
};

for_every_model!(a_panic_ends_one_connection, a_reset_ends_one_connection);

fn a_panic_ends_one_connection(model: Model) {
    let server = Server::start(model, "http", &["--workers", "2"]);
    let mut bystander = (model.serves != Serves::One).then(|| {
        let mut client = server.connect_http();
        client.get("/").assert_text("hello, world\n");
        client
    });
    // More panics than workers.
    for _ in 0..5 {
        let mut client = server.connect_http();
        let answer = client.get("/panic");
        assert_eq!((answer.status, answer.field("connection")), (500, Some("close")));
        client.assert_end();
    }
    if let Some(client) = &mut bystander {
        client.get("/").assert_text("hello, world\n");
    }
    drop(bystander);
    server.connect_http().get("/").assert_text("hello, world\n");
    let end = server.stop();
    assert!(end.status.success(), "{}: {}", end.status, end.errors);
}

fn a_reset_ends_one_connection(model: Model) {
    let server = Server::start(model, "http", &["--workers", "2"]);
    let mut bystander = (model.serves != Serves::One).then(|| {
        let mut client = server.connect_http();
        client.get("/").assert_text("hello, world\n");
        client
    });
    for number in 0..40 {
        let client = server.connect();
        client.send(match number % 4 {
            0 => String::new(),
            1 => "GET / HT".to_owned(),
            2 => get("/").repeat(1000),
            _ => get("/sleep?ms=1"),
        });
        client.reset();
    }
    if let Some(client) = &mut bystander {
        client.get("/").assert_text("hello, world\n");
    }
    drop(bystander);
    server.connect_http().get("/").assert_text("hello, world\n");
    server.stop_well();
}

/// Two workers, one of them asleep in a request. Others are served meanwhile:
/// by a pool of connections and by a pool of requests.
fn a_worker_that_sleeps_stops_nobody_else(model: Model) {
    let server = Server::start(model, "http", &["--workers", "2"]);
    let mut slow = server.connect_http();
    slow.get("/").assert_text("hello, world\n");
    slow.send(get("/sleep?ms=5000"));
    slow.client.await_delivery();
    let mut quick = server.connect_http();
    for _ in 0..20 {
        quick.get("/").assert_text("hello, world\n");
    }
    assert!(!slow.client.has_answer(), "the quick ones came first");
    slow.answer().assert_text("slept 5000 ms\n");
}

#[test]
fn a_thread_pool_works_on_beside_a_sleeper() {
    a_worker_that_sleeps_stops_nobody_else(THREAD_POOL);
}

#[test]
fn async_tasks_work_on_beside_a_sleeper() {
    a_worker_that_sleeps_stops_nobody_else(ASYNC_TASKS);
}

#[test]
fn a_dispatching_reactor_works_on_beside_a_sleeper() {
    a_worker_that_sleeps_stops_nobody_else(DISPATCHING_REACTOR);
}

#[test]
fn loops_with_workers_work_on_beside_a_sleeper() {
    a_worker_that_sleeps_stops_nobody_else(LOOPS_WITH_WORKERS);
}

/// All workers have jobs, and more wait: what needs none is answered beside them,
/// on every loop.
fn requests_without_a_job_pass_those_with_one(slow: &str) {
    let server = Server::start(LOOPS_WITH_WORKERS, "http", &["--workers", "2"]);
    let slow: Vec<HttpClient> = (0..4)
        .map(|_| {
            let client = server.connect_http();
            client.send(get(slow));
            client.client.await_delivery();
            client
        })
        .collect();
    let mut quick = [server.connect_http(), server.connect_http()];
    for _ in 0..20 {
        for client in &mut quick {
            client.get("/").assert_text("hello, world\n");
        }
    }
    assert!(!slow.iter().any(|client| client.client.has_answer()), "the quick ones came first");
}

#[test]
fn requests_without_a_job_pass_sleepers() {
    requests_without_a_job_pass_those_with_one("/sleep?ms=60000");
}

#[test]
fn requests_without_a_job_pass_computations() {
    requests_without_a_job_pass_those_with_one("/cpu?us=10000000");
}

/// The third connection is on the loop of the first. Its jobs overtake.
#[test]
fn jobs_of_two_connections_of_a_loop_come_back_in_any_order() {
    let server = Server::start(LOOPS_WITH_WORKERS, "http", &["--workers", "2"]);
    let mut clients = [(); 3].map(|()| server.connect_http());
    server.await_open(3);
    let [first, _, third] = &mut clients;
    first.send(get("/sleep?ms=60000"));
    first.client.await_delivery();
    for _ in 0..3 {
        third.get("/sleep?ms=1").assert_text("slept 1 ms\n");
    }
    assert!(!first.client.has_answer(), "the job begun last is done first");
}

/// A client may cause as many as it likes. Each in a line, some in a second, and without a
/// backtrace: its symbols would stay in memory, more than all else that the server has.
#[test]
fn panics_cost_neither_a_flood_nor_a_backtrace() {
    let mut command = Command::new(LAB);
    command.args(["serve", "event-loop", "--listen", "127.0.0.1:0", "--service", "http"]);
    command.env("RUST_BACKTRACE", "1");
    let server = Server::run(command);
    assert_eq!(server.connect_http().get("/").status, 200);
    let before = server.memory_peak();
    for _ in 0..500 {
        assert_eq!(server.connect_http().get("/panic").status, 500);
    }
    let grown = server.memory_peak().saturating_sub(before);
    assert!(grown < 4 << 20, "it has grown by {grown} bytes");
    let end = server.stop();
    let panics = end.errors.lines().filter(|line| line.contains("panicked")).count();
    assert_eq!(panics, end.errors.lines().count(), "and nothing else: {}", end.errors);
    assert!((10..200).contains(&panics), "{panics} of 500 are told");
}

/// One worker: a panic that ended it would leave the next job to nobody.
#[test]
fn a_worker_outlives_a_job_that_panics() {
    let server = Server::start(LOOPS_WITH_WORKERS, "http", &["--workers", "1"]);
    for _ in 0..3 {
        assert_eq!(server.connect_http().get("/panic").status, 500);
    }
    server.connect_http().get("/sleep?ms=1").assert_text("slept 1 ms\n");
}
