//! In which order waiting clients are served.

use crate::{
    client::Client,
    model::{CONNECTION_PER_EVENT_BASE, Model, THREAD_POOL},
    server::Server,
    wait::eventually,
};

/// One worker, held by a first client, and six that queue up behind it.
/// Returns the order in which those are served.
fn order(model: Model, options: &[&str]) -> Vec<usize> {
    let server = Server::start(model, "echo", &[&["--workers", "1"], options].concat());
    let holder = server.connect();
    holder.ping("the worker is mine");
    let mut waiting: Vec<(usize, Client)> = Vec::new();
    for number in 0..6 {
        let client = server.connect();
        client.send("ping");
        waiting.push((number, client));
        server.await_open(waiting.len() + 1);
    }
    drop(holder);
    let mut order = Vec::new();
    while !waiting.is_empty() {
        let mut next = None;
        eventually("somebody is served", || {
            next = waiting.iter().position(|(_, client)| client.has_answer());
            next.is_some()
        });
        let (number, client) = waiting.remove(next.expect("somebody was served"));
        order.push(number);
        drop(client);
    }
    order
}

/// Flaw 2 of this design: the oldest waits longest.
#[test]
fn event_bases_are_served_last_in_first_out() {
    assert_eq!(order(CONNECTION_PER_EVENT_BASE, &[]), [5, 4, 3, 2, 1, 0]);
    assert_eq!(order(CONNECTION_PER_EVENT_BASE, &["--queue", "lifo"]), [5, 4, 3, 2, 1, 0]);
}

#[test]
fn event_bases_are_served_first_in_first_out_if_asked() {
    assert_eq!(order(CONNECTION_PER_EVENT_BASE, &["--queue", "fifo"]), [0, 1, 2, 3, 4, 5]);
}

#[test]
fn a_thread_pool_serves_first_in_first_out() {
    assert_eq!(order(THREAD_POOL, &[]), [0, 1, 2, 3, 4, 5]);
    for queue in ["channel", "mutex"] {
        assert_eq!(order(THREAD_POOL, &["--queue", queue]), [0, 1, 2, 3, 4, 5], "{queue}");
    }
}
