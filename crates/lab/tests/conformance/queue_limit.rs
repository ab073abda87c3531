//! `--queue-limit`: what a full queue does to those who come next.

use std::time::Duration;

use crate::{
    client::Client,
    http_client::{HttpClient, get},
    model::{DISPATCHING_REACTOR, LOOPS_WITH_WORKERS, THREAD_POOL},
    server::Server,
    wait::{SETTLE, eventually, throughout},
};

/// Longer than any test.
const FOR_EVER: &str = "/sleep?ms=60000";

fn answered<'a>(clients: impl IntoIterator<Item = &'a Client>) -> usize {
    clients.into_iter().filter(|client| client.has_answer()).count()
}

/// One is with the worker, one in the queue, and one in the acceptor's hand.
#[test]
fn a_thread_pool_leaves_newcomers_in_the_backlog() {
    let server = Server::start(THREAD_POOL, "echo", &["--workers", "1", "--queue-limit", "1"]);
    let mut clients: Vec<Client> = (0..6).map(|_| server.connect()).collect();
    server.await_open(3);
    throughout(SETTLE, "no more are accepted", || server.open() == 3);
    while !clients.is_empty() {
        clients.remove(0).ping("my turn has come");
    }
    assert_eq!(server.stop_well().count("served"), 6);
}

#[test]
fn a_dispatching_reactor_reads_nobody_new() {
    let options = ["--workers", "2", "--queue-limit", "1"];
    let server = Server::start(DISPATCHING_REACTOR, "http", &options);
    let slow = server.connect_http();
    slow.send(get(FOR_EVER));
    slow.client.await_delivery();
    let quick = server.connect_http();
    quick.send(get("/"));
    throughout(SETTLE, "the quick one waits", || !quick.client.has_answer());
}

/// One job is with the worker, and one in the queue. The others are told while
/// those two sleep.
#[test]
fn loops_with_workers_refuse_jobs_at_once() {
    let options = ["--workers", "1", "--queue-limit", "1"];
    let server = Server::start(LOOPS_WITH_WORKERS, "http", &options);
    let mut clients: Vec<HttpClient> = (0..10).map(|_| server.connect_http()).collect();
    for client in &clients {
        client.send(get(FOR_EVER));
    }
    let told = |clients: &[HttpClient]| answered(clients.iter().map(|client| &client.client));
    eventually("all but those two are told", || told(&clients) >= 8);
    clients.retain(|client| client.client.has_answer());
    assert!(clients.len() < 10, "there is room for one at least");
    for client in &mut clients {
        assert_eq!(client.answer().status, 503);
        // It was one request too many: nothing is wrong with the connection.
        client.get("/").assert_text("hello, world\n");
    }
}

/// Every request is answered, and nobody waits for ever.
#[test]
fn under_overload_loops_with_workers_answer_everybody() {
    let options = ["--workers", "1", "--queue-limit", "2"];
    let server = Server::start(LOOPS_WITH_WORKERS, "http", &options);
    let mut clients: Vec<HttpClient> = (0..20).map(|_| server.connect_http()).collect();
    for client in &clients {
        client.send(get("/sleep?ms=500"));
    }
    let (mut slept, mut refused) = (0, 0);
    for client in &mut clients {
        match client.answer().status {
            200 => slept += 1,
            503 => refused += 1,
            status => panic!("{status}"),
        }
    }
    assert!(slept >= 2 && refused >= 1, "{slept} slept, {refused} were refused");
    for client in &mut clients {
        client.get("/sleep?ms=1").assert_text("slept 1 ms\n");
    }
    let end = server.stop();
    let report = end.report.expect("there is a report");
    assert_eq!((report.count("requests"), report.count("failed")), (40, 0));
    assert_eq!(report.count("overloaded"), refused, "{report:?}");
    assert!(end.errors.contains(&format!("{refused} requests were refused")), "{}", end.errors);
}

/// A client that sends much and reads nothing is told no more than it reads,
/// and holds up nobody.
#[test]
fn a_flood_of_jobs_is_refused_beside_others() {
    let options = ["--workers", "1", "--queue-limit", "1"];
    let server = Server::start(LOOPS_WITH_WORKERS, "http", &options);
    let holder = server.connect_http();
    holder.send(get(FOR_EVER));
    holder.client.await_delivery();
    let flood = server.connect();
    let requests = get(FOR_EVER).repeat(2000);
    let stuck = Duration::from_millis(300);
    flood.send_until_stuck(100_000_000, stuck, |at| {
        &requests.as_bytes()[at % get(FOR_EVER).len()..]
    });
    let mut quick = server.connect_http();
    for _ in 0..20 {
        quick.get("/").assert_text("hello, world\n");
    }
}
