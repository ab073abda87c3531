//! One side's end is passed on, behind all that came before it, and the other
//! direction goes on.

use crate::{
    client::Client,
    rig::{Rig, for_every_model},
};

for_every_model!(the_client_may_end_first, the_upstream_may_end_first, an_end_alone_is_passed_on);

const BYTES: usize = 1_500_000;

/// `first` sends and ends; `second` answers after that.
fn converse(rig: &Rig, first: &Client, second: &Client) {
    std::thread::scope(|scope| {
        scope.spawn(|| {
            first.send_pattern(BYTES);
            first.finish();
        });
        second.receive_pattern(BYTES);
        assert!(second.receive_all().is_empty(), "the end comes behind the bytes");
    });
    rig.await_pairs(1);
    second.send("I heard all of it.");
    assert_eq!(first.receive(18), b"I heard all of it.");
    second.finish();
    assert!(first.receive_all().is_empty());
    rig.await_pairs(0);
}

fn the_client_may_end_first(model: &str) {
    let rig = Rig::start(model, &[]);
    let (client, upstream) = rig.pair();
    converse(&rig, &client, &upstream);
    assert_eq!(rig.stop_well().count("failed"), 0);
}

fn the_upstream_may_end_first(model: &str) {
    let rig = Rig::start(model, &[]);
    let (client, upstream) = rig.pair();
    converse(&rig, &upstream, &client);
    assert_eq!(rig.stop_well().count("failed"), 0);
}

fn an_end_alone_is_passed_on(model: &str) {
    let rig = Rig::start(model, &[]);
    let (client, upstream) = rig.pair();
    client.finish();
    assert!(upstream.receive_all().is_empty());
    upstream.finish();
    assert!(client.receive_all().is_empty());
    rig.await_pairs(0);
}
