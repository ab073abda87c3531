//! The report's system calls, held against a dialogue whose calls are known.

use crate::rig::{Rig, for_every_model};

for_every_model!(a_round_trip_costs_a_read_and_a_write_each_way);

const PINGS: u64 = 50;

fn a_round_trip_costs_a_read_and_a_write_each_way(model: &str) {
    let rig = Rig::start(model, &["--workers", "1"]);
    let (client, upstream) = rig.pair();
    for _ in 0..PINGS {
        client.send("ping");
        assert_eq!(upstream.receive(4), b"ping");
        upstream.send("pong");
        assert_eq!(client.receive(4), b"pong");
    }
    client.finish();
    assert!(upstream.receive_all().is_empty());
    upstream.finish();
    assert!(client.receive_all().is_empty());
    rig.await_pairs(0);
    let report = rig.stop_well();
    let calls = |name| report.system_calls(name);
    // One more for each end.
    assert_eq!(calls("read"), 2 * PINGS + 2, "{report:?}");
    assert_eq!((calls("write"), calls("close")), (2 * PINGS, 2), "{report:?}");
    // A loop waits once for each message; a thread that blocks waits in `read`.
    let waits = if model == "thread-per-connection" { 10 } else { 2 * PINGS + 10 };
    assert!(calls("wait") <= waits, "{report:?}");
    assert!(calls("control") < 25, "{report:?}");
}
