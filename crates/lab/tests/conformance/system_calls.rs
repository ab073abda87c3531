//! The report's system calls, held against a dialogue whose calls are known.

use crate::{
    model::{
        Model, PROCESS_PER_CONNECTION, SINGLE_THREADED, THREAD_PER_CONNECTION, THREAD_POOL,
        for_every_model,
    },
    server::{Report, Server},
};

for_every_model!(a_known_dialogue_has_known_system_calls);

const PINGS: u64 = 20;

/// Each ping is awaited, so it is one read and one write. One more read meets
/// the end, and one may have found nothing.
fn a_known_dialogue_has_known_system_calls(model: Model) {
    let server = Server::start(model, "echo", &["--workers", "1"]);
    let client = server.connect();
    for _ in 0..PINGS {
        client.ping("ping");
    }
    client.finish();
    assert!(client.receive_all().is_empty());
    drop(client);
    server.await_open(0);
    let report = server.stop_well();
    if !model.counts_system_calls() {
        assert!(report.0["system_calls"].is_null(), "rather none than some: {report:?}");
        return;
    }
    let calls = |name| report.system_calls(name);
    if model.name.starts_with("completion-rings") {
        return assert_all_is_told_to_the_ring(&report);
    }
    assert!((PINGS + 1..=PINGS + 2).contains(&calls("read")), "{report:?}");
    // Who gives a connection to another process closes its own copy, too.
    let closes = if model.name == PROCESS_PER_CONNECTION.name { 2 } else { 1 };
    assert_eq!((calls("write"), calls("close")), (PINGS, closes), "{report:?}");
    assert!((1..PINGS).contains(&calls("accept")), "{report:?}");
    // A loop waits for each ping apart; a thread that blocks waits in `read`.
    let blocks = [SINGLE_THREADED, THREAD_PER_CONNECTION, THREAD_POOL, PROCESS_PER_CONNECTION]
        .iter()
        .any(|blocking| blocking.name == model.name);
    assert_eq!(calls("wait") < PINGS, blocks, "{report:?}");
    // A socket that blocks is as it should be. A loop is told of the stop, of what
    // listens or wakes it, and of each connection, which was accepted nonblocking.
    let prepared = if blocks { 0..=0 } else { 2..=4 };
    assert!(prepared.contains(&calls("control")), "{report:?}");
}

/// A ring is told to accept, read and write by the one call that waits. A ping
/// is received by one wait and sent by another; the second may find the next.
fn assert_all_is_told_to_the_ring(report: &Report) {
    let calls = |name| report.system_calls(name);
    assert_eq!((calls("accept"), calls("read"), calls("write")), (0, 0, 0), "{report:?}");
    assert_eq!(calls("close"), 1, "{report:?}");
    // Beside the pings: the connection, its end, and the stop.
    assert!((PINGS..=2 * PINGS + 8).contains(&calls("wait")), "{report:?}");
    assert!((1..PINGS).contains(&calls("control")), "{report:?}");
}
