//! A server that stands still for 1.4 s: an open loop sees it, from the instants
//! at which requests were due; a closed loop hardly does. That is coordinated
//! omission, and the reason for open loops.

use serde_json::{Value, json};

use crate::bed::{Loaded, Server, alone, load, table};

/// The stalled connections must be fewer than 1 % of the requests: then a p99
/// from the send does not see them either.
const CONNECTIONS: u32 = 16;
const RATE: f64 = 2000.0;

/// What is still "milliseconds", on a machine that others use too.
const MILLISECONDS_US: f64 = 200_000.0;

fn stalled(mode: &Value) -> Loaded {
    let server = Server::lab(&["event-loop"]);
    let loaded = load(&json!({
        "target": server.address,
        "connections": CONNECTIONS,
        "mode": mode,
        "warmup": "200ms",
        "duration": "4s",
        "watch": server.pid(),
        "stall": { "after": "1s", "lasts": "1400ms" },
    }));
    // 4: others had the generator's core for a while, by far less than the stall.
    assert!(matches!(loaded.code, Some(0 | 4)), "{}", loaded.said);
    loaded
}

#[test]
fn an_open_loop_sees_a_stall_and_a_closed_one_does_not() {
    let _alone = alone();
    let open = stalled(&json!({ "open": { "rate": RATE } }));
    let closed = stalled(&json!({ "closed": {} }));
    let due = open.number("/latency/p99_us");
    let sent = open.number("/latency_from_send/p99_us");
    let asked = closed.number("/latency/p99_us");
    let longest = closed.number("/latency/max_us");
    table(
        "a stall of 1.4 s in 4 s: p99",
        &["open, from when it was due", "open, from the send", "closed", "closed, longest"],
        &[[due, sent, asked, longest].iter().map(|us| format!("{:.1} ms", us / 1e3)).collect()],
    );
    assert!(due > 1e6, "from when it was due: {due} us");
    assert!(sent < MILLISECONDS_US, "from the send: {sent} us");
    assert!(asked < MILLISECONDS_US, "in a closed loop: {asked} us");
    assert!(longest > 1e6, "the stall itself is among what was measured: {longest} us");
}
