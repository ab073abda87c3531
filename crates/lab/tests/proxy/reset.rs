//! A reset is passed on as one: who has got half of something must not take it
//! for all.

use std::{
    io::{ErrorKind, Read, Write},
    time::Duration,
};

use crate::{
    client::Client,
    pattern::pattern,
    rig::{Rig, for_every_model},
    wait::eventually,
};

for_every_model!(
    a_reset_of_the_client_is_passed_on,
    a_reset_of_the_upstream_is_passed_on,
    a_reset_is_seen_behind_a_direction_that_is_stuck,
    a_write_that_meets_the_reset_is_no_end,
);

/// Reads what there is; it must end with a reset.
#[track_caller]
fn assert_reset(end: &Client, before: &[u8]) {
    let mut bytes = Vec::new();
    let error = (&end.stream).read_to_end(&mut bytes).expect_err("a reset is not an end");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
    assert_eq!(bytes, before);
}

fn assert_counted(rig: Rig) {
    rig.await_pairs(0);
    let (client, upstream) = rig.pair();
    client.send("and the next one is served");
    assert_eq!(upstream.receive(26), b"and the next one is served");
    drop((client, upstream));
    rig.await_pairs(0);
    let report = rig.stop_well();
    assert_eq!((report.count("failed"), report.count("accepted")), (1, 2), "{report:?}");
}

fn a_reset_of_the_client_is_passed_on(model: &str) {
    let rig = Rig::start(model, &[]);
    let (client, upstream) = rig.pair();
    client.send("half of");
    assert_eq!(upstream.receive(7), b"half of");
    client.reset();
    assert_reset(&upstream, b"");
    assert_counted(rig);
}

fn a_reset_of_the_upstream_is_passed_on(model: &str) {
    let rig = Rig::start(model, &[]);
    let (client, upstream) = rig.pair();
    upstream.send("half of");
    assert_eq!(client.receive(7), b"half of");
    upstream.reset();
    assert_reset(&client, b"");
    assert_counted(rig);
}

/// The client sends what nobody reads, and is reset. The upstream learns of it,
/// although what the client sent cannot be passed on.
fn a_reset_is_seen_behind_a_direction_that_is_stuck(model: &str) {
    let rig = Rig::start(model, &[]);
    let (client, upstream) = rig.pair();
    client.send_until_stuck(100_000_000, Duration::from_millis(400), |at| pattern(at, 100_000));
    client.reset();
    rig.await_pairs(0);
    drop(upstream);
    assert_counted(rig);
}

/// The client goes on writing to an upstream that is gone: the proxy learns of
/// the reset by whatever it does next, and never says "end".
fn a_write_that_meets_the_reset_is_no_end(model: &str) {
    let rig = Rig::start(model, &[]);
    for _ in 0..30 {
        let (client, upstream) = rig.pair();
        client.send("x");
        assert_eq!(upstream.receive(1), b"x");
        upstream.reset();
        let mut seen = None;
        eventually("the client is told", || {
            seen = (&client.stream).write(&[0; 4096]).err();
            seen.is_some()
        });
        let mut rest = Vec::new();
        match (&client.stream).read_to_end(&mut rest) {
            // The write above has taken the error of the client's own socket.
            Ok(_) | Err(_) => assert!(rest.is_empty()),
        }
    }
    rig.await_pairs(0);
    assert_eq!(rig.stop_well().count("failed"), 30);
}
