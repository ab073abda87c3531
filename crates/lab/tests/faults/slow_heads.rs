//! Slowloris: many clients that begin a request and never end it. Whom that starves is
//! up to the model, and known; when they leave, everybody is served.

use crate::{
    amount,
    http_client::{HttpClient, get},
    model::{CONNECTION_PER_EVENT_BASE, Model, Serves, for_every_model},
    server::Server,
    wait::{SETTLE, eventually, throughout},
};

for_every_model!(
    slow_heads_starve_only_whom_the_design_lets_them,
    slow_heads_are_sent_away_when_their_time_is_up,
);

fn begin_requests(server: &Server, count: usize) -> Vec<HttpClient> {
    let begin = |_| {
        let client = server.connect_http();
        client.send("GET / HTTP/1.1\r\nHost: te");
        client
    };
    (0..count).map(begin).collect()
}

fn slow_heads_starve_only_whom_the_design_lets_them(model: Model) {
    let server = Server::start(model, "http", &["--workers", "4"]);
    // Whoever serves few has these: they are there first, and stay.
    let mut slow: Vec<_> = (0..model.at_once(4, 4)).map(|_| server.connect_http()).collect();
    for client in &mut slow {
        client.get("/").assert_text("hello, world\n");
        client.send("GET / HTTP/1.1\r\nHost: te");
    }
    slow.extend(begin_requests(&server, amount(40, 2000)));
    let mut quick = server.connect_http();
    quick.send(get("/"));
    for round in 0..3 {
        for client in &slow {
            client.send("s");
        }
        if model.serves == Serves::All {
            quick.answer().assert_text("hello, world\n");
            quick.send(get("/"));
        } else {
            // Each worker has its client, and keeps it.
            throughout(SETTLE, "the quick one starves", || !quick.client.has_answer());
        }
        assert!(slow.iter().all(|client| !client.client.has_answer()), "in round {round}");
    }
    drop(slow);
    quick.answer().assert_text("hello, world\n");
    drop(quick);
    server.connect_http().get("/").assert_text("hello, world\n");
    server.stop_well();
}

/// Where few are served at a time, the time runs for as few.
fn slow_heads_are_sent_away_when_their_time_is_up(model: Model) {
    let server = Server::start(model, "http", &["--workers", "4", "--idle-timeout", "300ms"]);
    let all_at_once = model.serves == Serves::All;
    let slow = begin_requests(&server, if all_at_once { amount(40, 2000) } else { 8 });
    if all_at_once {
        server.connect_http().get("/").assert_text("hello, world\n");
    }
    for mut client in slow {
        if model.name == CONNECTION_PER_EVENT_BASE.name {
            // Flaw 3 of this design: whose time runs out in the queue is told nothing.
            eventually("it is told or closed", || client.client.peek().is_some());
        } else {
            assert_eq!(client.answer().status, 408);
            client.assert_end();
        }
    }
    server.connect_http().get("/").assert_text("hello, world\n");
    assert!(server.stop().status.success());
}
