//! Many clients at once, more than descriptors among them.

use std::{io::Write, process::Command, thread, time::Duration};

use crate::{
    client::Client,
    model::EVENT_LOOP,
    rig::{Rig, for_every_model, proxy},
    server::{LAB, Server},
    wait::eventually,
};

for_every_model!(two_hundred_clients_are_told_apart, without_descriptors_it_waits);

fn two_hundred_clients_are_told_apart(model: &str) {
    let echo = Server::start(EVENT_LOOP, "echo", &[]);
    let proxy = proxy(model, "127.0.0.1:0", echo.address, &["--workers", "4"]);
    let clients: Vec<Client> = (0..200).map(|_| proxy.connect()).collect();
    for round in 0..3 {
        let text = |number| format!("client {number} in round {round}");
        for (number, client) in clients.iter().enumerate() {
            client.send(text(number));
        }
        for (number, client) in clients.iter().enumerate() {
            let text = text(number);
            assert_eq!(client.receive(text.len()), text.as_bytes());
        }
    }
    drop(clients);
    proxy.await_open(0);
    let report = proxy.stop_well();
    assert_eq!((report.count("accepted"), report.count("connections_peak")), (200, 200));
    let threads = report.count("threads_peak");
    let expected = match model {
        "thread-per-connection" => 402,
        "event-loop" => 2,
        _ => 6,
    };
    assert_eq!(threads, expected, "with the one for signals");
}

/// 40 descriptors are enough for some 15 pairs; 60 clients come. One is held with
/// half of what it needs, the others wait in the backlog; all are served in turn.
fn without_descriptors_it_waits(model: &str) {
    const CLIENTS: usize = 60;
    let echo = Server::start(EVENT_LOOP, "echo", &[]);
    let mut command = Command::new("sh");
    command.arg("-c").arg("ulimit -n 40; exec \"$0\" \"$@\"").arg(LAB);
    command.args(["proxy", model, "--listen", "127.0.0.1:0", "--workers", "2"]);
    command.args(["--upstream", &echo.address.to_string()]);
    let proxy = Server::run(command);
    let mut clients: Vec<Client> = (0..CLIENTS).map(|_| proxy.connect()).collect();
    for client in &clients {
        (&client.stream).write_all(b"ping").expect("the backlog takes it");
    }
    eventually("some are served", || clients.iter().any(Client::has_answer));
    let mut last = None;
    eventually("the proxy rests", || {
        let now = (proxy.cpu_time(), proxy.open());
        thread::sleep(Duration::from_millis(100));
        last.replace(now) == Some(now)
    });
    let before = proxy.cpu_time();
    thread::sleep(Duration::from_millis(600));
    let spent = proxy.cpu_time().saturating_sub(before);
    assert!(spent < Duration::from_millis(180), "it spins: {spent:?} of CPU in 600 ms");
    let served = clients.iter().filter(|client| client.has_answer()).count();
    assert!((8..CLIENTS).contains(&served), "{served} fit");
    eventually("everybody was served", || {
        clients.retain(|client| {
            let seen = client.peek();
            assert_ne!(seen, Some(0), "nobody is turned away");
            seen.is_none()
        });
        clients.is_empty()
    });
    proxy.connect().ping("and it serves on");
    proxy.await_open(0);
    let report = proxy.stop_well();
    assert_eq!(report.count("accepted"), CLIENTS as u64 + 1, "{report:?}");
    assert_eq!((report.count("refused"), report.count("upstream_failed")), (0, 0), "{report:?}");
}

/// The rig is no part of this check; it is here so that one file tells what a
/// crowd costs an idle loop.
#[test]
fn an_idle_pair_keeps_no_buffer_in_a_loop() {
    let rig = Rig::start("event-loop", &[]);
    let warm = rig.pair();
    warm.0.send_pattern(200_000);
    warm.1.receive_pattern(200_000);
    let before = rig.proxy.memory_peak();
    let pairs: Vec<(Client, Client)> = (0..200).map(|_| rig.pair()).collect();
    for (client, upstream) in &pairs {
        client.send(vec![7; 30_000]);
        upstream.receive(30_000);
    }
    let each = (rig.proxy.memory_peak() - before) / pairs.len();
    assert!(each < 4096, "{each} bytes for an idle pair");
}
