//! Who sends faster than the other side reads has to wait, and the proxy holds
//! little of it.

use std::time::Duration;

use crate::{
    client::Client,
    pattern::pattern,
    rig::{Rig, for_every_model},
};

for_every_model!(a_client_waits_for_the_upstream, the_upstream_waits_for_a_client);

const FLOOD: usize = 300_000_000;
/// What the buffers of four sockets in the kernel may hold, with room to spare.
const KERNEL: usize = 60_000_000;
/// What the proxy may grow by, for one direction that is stuck.
const GROWTH: usize = 2_000_000;
const STUCK: Duration = Duration::from_millis(700);

fn flood(rig: &Rig, fast: &Client, slow: &Client) {
    let before = rig.proxy.memory_peak();
    let sent = fast.send_until_stuck(FLOOD, STUCK, |at| pattern(at, 100_000));
    assert!(sent < KERNEL, "the sender is not held back: {sent} bytes went out");
    let grown = rig.proxy.memory_peak() - before;
    assert!(grown < GROWTH, "the proxy grew by {grown} bytes");
    // The other direction does not care.
    slow.send("still here");
    assert_eq!(fast.receive(10), b"still here");
    // Nothing of it is lost.
    slow.receive_pattern(sent);
    fast.finish();
    assert!(slow.receive_all().is_empty());
}

fn a_client_waits_for_the_upstream(model: &str) {
    let rig = Rig::start(model, &[]);
    let (client, upstream) = rig.pair();
    flood(&rig, &client, &upstream);
}

fn the_upstream_waits_for_a_client(model: &str) {
    let rig = Rig::start(model, &[]);
    let (client, upstream) = rig.pair();
    flood(&rig, &upstream, &client);
}
