//! `--max-connections` and `--idle-timeout`.

use std::{
    thread,
    time::{Duration, Instant},
};

use crate::rig::{BEAT, Rig, for_every_model};

for_every_model!(
    one_too_many_is_closed,
    silence_ends_a_pair,
    one_direction_is_enough_to_be_heard,
    who_does_not_read_is_silent,
);

const TIMEOUT: Duration = Duration::from_millis(600);

fn one_too_many_is_closed(model: &str) {
    let rig = Rig::start(model, &["--max-connections", "2"]);
    let pairs = [rig.pair(), rig.pair()];
    rig.proxy.connect().assert_closed();
    drop(pairs);
    rig.await_pairs(0);
    let (client, upstream) = rig.pair();
    client.send("room again");
    assert_eq!(upstream.receive(10), b"room again");
    drop((client, upstream));
    rig.await_pairs(0);
    let report = rig.stop_well();
    assert_eq!((report.count("refused"), report.count("accepted")), (1, 3), "{report:?}");
}

fn silence_ends_a_pair(model: &str) {
    let rig = Rig::start(model, &["--idle-timeout", "600ms"]);
    // Both directions of a pair find the silence, at much the same instant: with
    // many pairs, in either order.
    let pairs: Vec<_> = (0..50).map(|_| rig.pair()).collect();
    let begun = Instant::now();
    let (client, upstream) = &pairs[49];
    client.assert_closed();
    upstream.assert_closed();
    let silent = begun.elapsed();
    assert!(silent + BEAT >= TIMEOUT, "closed after {silent:?}");
    for (client, upstream) in &pairs[..49] {
        client.assert_closed();
        upstream.assert_closed();
    }
    rig.await_pairs(0);
    assert_eq!(rig.stop_well().count("failed"), 0, "it is no failure");
}

/// A download is not silent because its client is.
fn one_direction_is_enough_to_be_heard(model: &str) {
    let rig = Rig::start(model, &["--idle-timeout", "600ms"]);
    let (client, upstream) = rig.pair();
    for _ in 0..18 {
        upstream.send("tick");
        assert_eq!(client.receive(4), b"tick");
        thread::sleep(BEAT);
    }
    client.send("tock");
    assert_eq!(upstream.receive(4), b"tock");
    client.assert_closed();
}

/// Bytes that wait for a peer that does not read are not heard either.
fn who_does_not_read_is_silent(model: &str) {
    let rig = Rig::start(model, &["--idle-timeout", "600ms"]);
    let (client, _upstream) = rig.pair();
    let chunk = vec![0; 1 << 20];
    client.stream.set_write_timeout(Some(BEAT)).unwrap();
    while std::io::Write::write(&mut &client.stream, &chunk).is_ok() {}
    rig.await_pairs(0);
}
