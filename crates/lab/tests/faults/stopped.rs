//! Processes that are stopped for a while, as by Ctrl-Z or a debugger: nothing is lost,
//! and nobody is stuck.
//!
//! A signal stops all threads of a process. One thread alone cannot be stopped so.

use std::{
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::{
    amount,
    client::Client,
    model::{
        ASYNC_TASKS, COMPLETION_RINGS, COMPLETION_RINGS_PLAIN, EVENT_LOOP, Model, PREFORK_LOOPS,
        PROCESS_PER_CONNECTION, for_every_model,
    },
    server::{LAB, Server},
    tree,
    wait::eventually,
};

for_every_model!(a_server_that_stood_still_has_lost_nothing);

fn signal(pids: &[i32], signal: Signal) {
    for &pid in pids {
        kill_process(Pid::from_raw(pid).expect("a number"), signal).expect("it is there");
    }
}

/// Longer than its clients may be silent, and they are not: what they said has waited.
fn a_server_that_stood_still_has_lost_nothing(model: Model) {
    let options = ["--workers", "4", "--idle-timeout", "500ms"];
    // A runtime and a ring look at their clocks first, and call them silent.
    let asks_clocks_first =
        [ASYNC_TASKS, COMPLETION_RINGS, COMPLETION_RINGS_PLAIN].map(|model| model.name);
    let given = if asks_clocks_first.contains(&model.name) { &options[..2] } else { &options[..] };
    let server = Server::start(model, "echo", given);
    let clients: Vec<Client> = (0..model.at_once(8, 4)).map(|_| server.connect()).collect();
    for _ in 0..amount(1, 10) {
        for client in &clients {
            client.ping("before");
        }
        let all = server.processes();
        signal(&all, Signal::STOP);
        let newcomer = (model.at_once(9, 4) == 9).then(|| server.connect());
        for client in clients.iter().chain(&newcomer) {
            client.send("meanwhile");
            client.await_delivery();
        }
        thread::sleep(Duration::from_millis(800));
        signal(&all, Signal::CONT);
        for client in clients.iter().chain(&newcomer) {
            assert_eq!(client.receive(9), b"meanwhile");
        }
    }
    drop(clients);
    server.stop_well();
}

/// Its clients wait for it, and the others do not.
#[test]
fn a_loop_that_stands_still_holds_up_its_own_clients_alone() {
    let server = Server::start(PREFORK_LOOPS, "echo", &["--workers", "2"]);
    let clients: Vec<Client> = (0..32).map(|_| server.connect()).collect();
    for client in &clients {
        client.ping("before");
    }
    let children = tree::children(server.number());
    signal(&children[..1], Signal::STOP);
    for client in &clients {
        client.send("meanwhile");
    }
    let answered = || clients.iter().filter(|client| client.has_answer()).count();
    eventually("the other's are served", || answered() > 0);
    assert!(answered() < clients.len(), "some are the stopped one's");
    signal(&children[..1], Signal::CONT);
    for client in &clients {
        assert_eq!(client.receive(9), b"meanwhile");
    }
    drop(clients);
    server.stop_well();
}

/// A child that does not hear of the stop is ended with the drain.
fn a_child_that_stands_still_does_not_hold_up_the_stop(model: Model) {
    let server = Server::start(model, "echo", &["--workers", "2", "--drain", "300ms"]);
    let client = server.connect();
    client.ping("before");
    signal(&tree::children(server.number()), Signal::STOP);
    let end = server.stop();
    assert!(end.status.code().is_some(), "it ends by itself: {} {}", end.status, end.errors);
    client.assert_closed();
}

#[test]
fn a_loop_that_stands_still_does_not_hold_up_the_stop() {
    a_child_that_stands_still_does_not_hold_up_the_stop(PREFORK_LOOPS);
}

#[test]
fn a_connections_process_that_stands_still_does_not_hold_up_the_stop() {
    a_child_that_stands_still_does_not_hold_up_the_stop(PROCESS_PER_CONNECTION);
}

/// It comes to the end, and each answer is right. (That it was late, it says itself: 4.)
#[test]
fn a_generator_that_stood_still_has_lost_nothing() {
    let server = Server::start(EVENT_LOOP, "http", &[]);
    let address = server.address.to_string();
    let load = Command::new(LAB)
        .args(["load", &address, "--protocol", "http", "--connections", "8", "--json"])
        .args(["--warmup", "50ms", "--duration", "1s"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the generator starts");
    let pid = [Pid::from_child(&load).as_raw_pid()];
    thread::sleep(Duration::from_millis(400));
    signal(&pid, Signal::STOP);
    thread::sleep(Duration::from_millis(400));
    signal(&pid, Signal::CONT);
    let output = load.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(output.status.code(), Some(0 | 4)), "{}: {said}", output.status);
    let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
    let errors = report["errors"].as_object().expect("counts of errors");
    assert_eq!(errors.values().filter_map(Value::as_u64).sum::<u64>(), 0, "{report}");
    server.connect_http().get("/").assert_text("hello, world\n");
    server.stop_well();
}
