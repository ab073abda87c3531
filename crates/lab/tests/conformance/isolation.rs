//! One client's trouble is its own.

use crate::{
    http_client::get,
    model::{DISPATCHING_REACTOR, Model, Serves, THREAD_POOL, for_every_model},
    server::Server,
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
    slow.send(get("/sleep?ms=1500"));
    slow.client.await_delivery();
    let mut quick = server.connect_http();
    for _ in 0..20 {
        quick.get("/").assert_text("hello, world\n");
    }
    assert!(!slow.client.has_answer(), "the quick ones came first");
    slow.answer().assert_text("slept 1500 ms\n");
}

#[test]
fn a_thread_pool_works_on_beside_a_sleeper() {
    a_worker_that_sleeps_stops_nobody_else(THREAD_POOL);
}

#[test]
fn a_dispatching_reactor_works_on_beside_a_sleeper() {
    a_worker_that_sleeps_stops_nobody_else(DISPATCHING_REACTOR);
}
