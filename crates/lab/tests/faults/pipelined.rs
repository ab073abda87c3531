//! Requests sent all at once, and answers read slowly: each comes, in order, and the
//! server does not keep in memory what nobody reads.

use std::{io::Write, mem, thread, time::Duration};

use crate::{
    amount,
    http_client::post,
    model::{Model, for_every_model},
    server::Server,
    wait::eventually,
};

for_every_model!(pipelined_requests_read_slowly_are_all_answered);

const GROWTH_MAX: usize = 16 << 20;

fn pipelined_requests_read_slowly_are_all_answered(model: Model) {
    let count = amount(1000, 100_000);
    let server = Server::start(model, "http", &["--workers", "4"]);
    let mut client = server.connect_http();
    client.get("/").assert_text("hello, world\n");
    let before = settled(|| server.memory_peak());
    let stream = client.client.stream.try_clone().expect("a descriptor is free");
    thread::scope(|scope| {
        scope.spawn(move || {
            let requests: Vec<u8> = (0..count).flat_map(|n| post(format!("request {n}"))).collect();
            (&stream).write_all(&requests).expect("the server takes them in the end");
        });
        // Until neither side takes any more.
        thread::sleep(Duration::from_millis(300));
        for number in 0..count {
            client.answer().assert_text(&format!("request {number}"));
            if number % 100 == 0 {
                thread::sleep(Duration::from_millis(1));
            }
        }
    });
    let growth = server.memory_peak() - before;
    assert!(growth < GROWTH_MAX, "{growth} bytes more for what was not read");
    drop(client);
    assert_eq!(server.stop_well().count("requests"), count + 1);
}

/// What stays as it is for a while: processes and threads that begin have then begun.
fn settled(figure: impl Fn() -> usize) -> usize {
    let mut last = figure();
    eventually("it is settled", || {
        thread::sleep(Duration::from_millis(300));
        mem::replace(&mut last, figure()) == last
    });
    last
}
