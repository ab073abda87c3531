//! A generator that could not do what it was told says so: exit code 4.

use std::{process::Child, thread, time::Duration};

use rustix::process::Signal;
use serde_json::json;

use crate::bed::{Load, Server, Side, alone, load, pinned, signal, table};

/// The exit code for "the generator was the bottleneck".
const VOID: Option<i32> = Some(4);

/// The highest that a plan may ask for.
const RATE: f64 = 1e6;

/// Who else uses the generator's core. With the whole of it the generator may
/// well take up a million arrivals a second: one at a connection that still owes
/// an answer is only counted.
const OTHERS: usize = 3;

#[test]
fn a_generator_that_stood_still_is_void() {
    let _alone = alone();
    let server = Server::lab(&["event-loop"]);
    let mut rows = Vec::new();
    for (name, mode) in
        [("closed", json!({ "closed": {} })), ("open", json!({ "open": { "rate": 1000 } }))]
    {
        let load = Load::start(&json!({
            "target": server.address,
            "mode": mode,
            "warmup": "200ms",
            "duration": "3s",
        }));
        // Within the window, however long the start takes.
        thread::sleep(Duration::from_millis(1200));
        signal(&load.0, Signal::STOP);
        thread::sleep(Duration::from_secs(1));
        signal(&load.0, Signal::CONT);
        let loaded = load.wait();
        assert_eq!(loaded.code, VOID, "{name}: {}", loaded.said);
        assert!(loaded.said.contains("void"), "{name}: {}", loaded.said);
        let stalled = loaded.number("/stalled_seconds");
        rows.push(vec![name.to_owned(), format!("{stalled:.2} s"), "4".to_owned()]);
    }
    table(
        "a generator that stood still for 1 s of 3 s is void",
        &["loop", "it stood still for", "exit code"],
        &rows,
    );
}

/// A process that uses the generator's core, until it is dropped.
struct Busy(Child);

impl Busy {
    fn start() -> Self {
        let mut command = pinned(Side::Client, "sh");
        Self(command.args(["-c", "while :; do :; done"]).spawn().unwrap())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_generator_beyond_its_limit_is_void() {
    let _alone = alone();
    let _others: Vec<Busy> = (0..OTHERS).map(|_| Busy::start()).collect();
    let server = Server::lab(&["event-loop"]);
    let loaded = load(&json!({
        "target": server.address,
        "mode": { "open": { "rate": RATE } },
        "warmup": "100ms",
        "duration": "500ms",
    }));
    let adherence = loaded.number("/adherence");
    table(
        "a generator beyond its limit is void: a quarter of a core",
        &["due a second", "adherence", "exit code"],
        &[vec![RATE.to_string(), format!("{adherence:.4}"), format!("{:?}", loaded.code)]],
    );
    assert_eq!(loaded.code, VOID, "{}", loaded.said);
    assert!(adherence < 0.95, "{adherence}");
}
