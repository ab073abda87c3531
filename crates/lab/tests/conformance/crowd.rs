//! Many clients at once: everybody's turn comes, and how many are served at a
//! time is the model's.

use std::thread;

use crate::{
    client::Client,
    http_client::post,
    model::{Model, THREAD_POOL, for_every_model},
    server::Server,
    wait::{SETTLE, eventually, throughout},
};

for_every_model!(
    two_hundred_clients_are_served,
    two_hundred_http_clients_are_served,
    clients_that_stay_are_served_as_many_as_the_model_can,
);

const CROWD: usize = 200;

fn two_hundred_clients_are_served(model: Model) {
    let server = Server::start(model, "echo", &["--workers", "4"]);
    thread::scope(|scope| {
        for number in 0..CROWD {
            let server = &server;
            scope.spawn(move || {
                let client = server.connect();
                for round in 0..5 {
                    client.ping(&format!("client {number}, round {round}"));
                }
            });
        }
    });
    let report = server.stop_well();
    assert_eq!((report.count("accepted"), report.count("served")), (200, 200));
    assert_eq!((report.count("failed"), report.count("refused")), (0, 0));
    report.assert_adds_up();
}

fn two_hundred_http_clients_are_served(model: Model) {
    two_hundred_http_clients(model, &["--workers", "4"]);
}

fn two_hundred_http_clients(model: Model, options: &[&str]) {
    let server = Server::start(model, "http", options);
    thread::scope(|scope| {
        for number in 0..CROWD {
            let server = &server;
            scope.spawn(move || {
                let mut client = server.connect_http();
                client.get("/").assert_text("hello, world\n");
                let body = format!("client {number}");
                client.send(post(&body));
                client.answer().assert_text(&body);
            });
        }
    });
    let report = server.stop_well();
    assert_eq!((report.count("accepted"), report.count("requests")), (200, 400));
    assert_eq!((report.count("failed"), report.count("refused")), (0, 0));
    report.assert_adds_up();
}

/// Four workers, 64 clients that stay: exactly four are served by models in
/// which a worker keeps its client. When those leave, it is the turn of others.
fn clients_that_stay_are_served_as_many_as_the_model_can(model: Model) {
    clients_that_stay(model, &["--workers", "4"]);
}

fn clients_that_stay(model: Model, options: &[&str]) {
    let server = Server::start(model, "echo", options);
    let mut clients: Vec<Client> = (0..64).map(|_| server.connect()).collect();
    for client in &clients {
        client.send("ping");
    }
    let answered = |clients: &[Client]| clients.iter().filter(|client| client.has_answer()).count();
    let mut first = true;
    while !clients.is_empty() {
        let expected = model.at_once(clients.len(), 4);
        eventually("clients are served", || answered(&clients) >= expected);
        if first {
            throughout(SETTLE, "no more are served", || answered(&clients) == expected);
            first = false;
        }
        assert_eq!(answered(&clients), expected);
        clients.retain(|client| !client.has_answer());
    }
    let report = server.stop_well();
    assert_eq!((report.count("served"), report.count("bytes_out")), (64, 256));
}

/// The other queue of the pool.
const MUTEX: [&str; 4] = ["--workers", "4", "--queue", "mutex"];

#[test]
fn two_hundred_clients_are_served_from_behind_a_mutex() {
    two_hundred_http_clients(THREAD_POOL, &MUTEX);
}

#[test]
fn clients_that_stay_are_served_from_behind_a_mutex() {
    clients_that_stay(THREAD_POOL, &MUTEX);
}
