//! Servers that are given little of the system. Each says why it cannot begin, or go on,
//! and ends with 1; or it serves whom it can, closes or keeps waiting whom it cannot, and
//! goes on.

use std::{
    io::{Read, Write},
    os::unix::process::ExitStatusExt as _,
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    thread,
    time::Duration,
};

use rustix::process::geteuid;

use crate::{
    client::Client,
    model::{Model, for_every_model},
    server::{LAB, Server},
    wait::eventually,
};

for_every_model!(
    few_descriptors_are_survived_or_refused,
    few_processes_are_survived_or_refused,
    little_memory_is_survived_or_refused,
);

const CLIENTS: usize = 60;

fn few_descriptors_are_survived_or_refused(model: Model) {
    // With a base for each connection, one connection takes four.
    let fewest = if model.name == "connection-per-event-base" { 16 } else { 8 };
    for descriptors in [fewest, 16, 32] {
        survives_or_refuses(model, &["prlimit", &format!("--nofile={descriptors}")]);
    }
}

/// Threads are counted as processes. Root's are not limited, so that this has to be
/// somebody else: one for each server, since they would share the limit.
fn few_processes_are_survived_or_refused(model: Model) {
    static NEXT: AtomicU32 = AtomicU32::new(54_000);
    if model.name == "prefork-loops" {
        // A known fault: clients that the kernel deals to a process that cannot be started
        // wait for it, as its socket stays open.
        return;
    }
    for processes in [2, 6, 12] {
        let limit = format!("--nproc={processes}");
        let user = format!("--reuid={}", NEXT.fetch_add(1, Relaxed));
        let capabilities = ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"];
        let words = if geteuid().is_root() {
            let who = ["setpriv", &user, "--clear-groups", capabilities[0], capabilities[1]];
            [&who[..], &["prlimit", &limit]].concat()
        } else {
            vec!["unshare", "--user", "prlimit", &limit]
        };
        if !runs(&words) {
            eprintln!("skipped: nobody else can be made here to limit");
            return;
        }
        survives_or_refuses(model, &words);
    }
}

/// Of the address space: what threads reserve for their stacks is counted.
fn little_memory_is_survived_or_refused(model: Model) {
    for mebibytes in [32, 128, 256] {
        survives_or_refuses(model, &["prlimit", &format!("--as={}", mebibytes << 20)]);
    }
}

fn command(words: &[&str]) -> Command {
    let mut command = Command::new(words[0]);
    command.args(&words[1..]);
    command
}

/// Whether the command can be run so at all.
fn runs(words: &[&str]) -> bool {
    let mut command = command(words);
    command.args([LAB, "--version"]).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// What a client gets: its echo, or nothing.
fn is_served(client: &Client) -> bool {
    let mut answer = [0; 4];
    (&client.stream).write_all(b"ping").is_ok()
        && (&client.stream).read_exact(&mut answer).is_ok()
        && answer == *b"ping"
}

fn survives_or_refuses(model: Model, words: &[&str]) {
    let shown = format!("{} {words:?}", model.name);
    let mut serve = command(words);
    serve.args([LAB, "serve", model.name, "--listen", "127.0.0.1:0", "--workers", "4"]);
    let server = match Server::try_run(serve) {
        Ok(server) => server,
        Err((status, errors)) => {
            println!("{shown}: {status}: {errors}");
            assert_eq!(status.code(), Some(1), "{shown}: {errors}");
            let reasons = errors.lines().filter(|line| !line.ends_with("no effect on this model"));
            assert_eq!(reasons.count(), 1, "{shown}: {errors}");
            assert!(!errors.contains("panicked"), "{shown}: {errors}");
            return;
        }
    };
    let connect = || Client::try_connect(server.address).ok();
    let clients: Vec<Client> = (0..CLIENTS).filter_map(|_| connect()).collect();
    for client in &clients {
        // One that is refused may be so before it has sent.
        let _ = (&client.stream).write_all(b"ping");
    }
    thread::sleep(Duration::from_millis(300));
    let answered = clients.iter().filter(|client| client.has_answer()).count();
    println!("{shown}: {answered} of {CLIENTS} at once");
    drop(clients);
    let mut has_ended = false;
    eventually(&format!("{shown} serves again, or has ended"), || {
        has_ended = !server.is_running();
        has_ended || connect().is_some_and(|client| is_served(&client))
    });
    let end = if has_ended { server.wait() } else { server.stop() };
    if has_ended && end.status.signal().is_some() {
        // Rust, and the C library, abort a process that gets no memory.
        assert!(end.errors.contains("memory"), "{shown}: {}: {}", end.status, end.errors);
        return;
    }
    let code = i32::from(has_ended);
    assert_eq!(end.status.code(), Some(code), "{shown}: {}", end.errors);
    assert!(!has_ended || end.errors.contains("cannot go on: "), "{shown}: {}", end.errors);
    assert!(!end.errors.contains("panicked"), "{shown}: {}", end.errors);
}
