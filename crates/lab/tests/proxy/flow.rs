//! Every byte arrives, in order, in both directions at once.

use std::thread;

use crate::rig::{Rig, for_every_model};

for_every_model!(ten_megabytes_each_way_at_once, a_pair_carries_many_small_messages);

const BYTES: usize = 10_000_000;

fn ten_megabytes_each_way_at_once(model: &str) {
    let rig = Rig::start(model, &["--workers", "2"]);
    let (client, upstream) = rig.pair();
    thread::scope(|scope| {
        for end in [&client, &upstream] {
            scope.spawn(|| {
                end.send_pattern(BYTES);
                end.finish();
            });
            scope.spawn(|| {
                end.receive_pattern(BYTES);
                assert!(end.receive_all().is_empty(), "more came than was sent");
            });
        }
    });
    rig.await_pairs(0);
    let report = rig.stop_well();
    assert_eq!(report.count("bytes_up"), BYTES as u64);
    assert_eq!(report.count("bytes_down"), BYTES as u64);
    assert_eq!((report.count("failed"), report.count("cut")), (0, 0), "{report:?}");
}

fn a_pair_carries_many_small_messages(model: &str) {
    let rig = Rig::start(model, &[]);
    let (client, upstream) = rig.pair();
    for number in 0..300 {
        let question = format!("question {number}");
        client.send(&question);
        assert_eq!(upstream.receive(question.len()), question.as_bytes());
        upstream.send("answer");
        assert_eq!(client.receive(6), b"answer");
    }
}
