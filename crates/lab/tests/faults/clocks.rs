//! Clocks at their limits: a monotonic clock that has just begun, and one that has run
//! for a century. (A clock of a namespace can be set only before anybody is in it; one
//! that jumps under a running server is the machine's, and not ours to set. What such a
//! jump is to a server, time that passed without it, `stopped.rs` has.)

use std::{
    fs,
    process::{Command, Stdio},
};

use rustix::process::{Pid, Signal, geteuid, kill_process};

use crate::{
    model::{Model, for_every_model},
    server::{LAB, Server},
    tree,
};

for_every_model!(a_clock_at_its_limit_is_one_like_any);

/// Seconds: the kernel takes no offset beyond 146 years.
const CENTURY: i64 = 100 * 365 * 86_400;

/// Runs a command with the monotonic clocks so many seconds ahead.
fn ahead(seconds: i64) -> Command {
    let mut command = Command::new("unshare");
    if !geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command.args(["--time", "--fork", "--kill-child"]);
    command.args([format!("--monotonic={seconds}"), format!("--boottime={seconds}")]);
    command
}

fn uptime_seconds() -> i64 {
    let text = fs::read_to_string("/proc/uptime").expect("the kernel tells");
    text.split('.').next().and_then(|seconds| seconds.parse().ok()).expect("seconds")
}

fn a_clock_at_its_limit_is_one_like_any(model: Model) {
    for seconds in [1 - uptime_seconds(), CENTURY] {
        let mut can = ahead(seconds);
        can.arg("true").stderr(Stdio::null());
        if !can.status().is_ok_and(|status| status.success()) {
            eprintln!("skipped: no time namespaces are given here");
            return;
        }
        let mut command = ahead(seconds);
        command.args([LAB, "serve", model.name, "--listen", "127.0.0.1:0"]);
        command.args(["--service", "http", "--workers", "2", "--idle-timeout", "300ms"]);
        let server = Server::run(command);
        let mut client = server.connect_http();
        client.get("/sleep?ms=20").assert_text("slept 20 ms\n");
        client.assert_end(); // Its time is up.
        server.connect_http().get("/").assert_text("hello, world\n");
        let inner = tree::children(server.number())[0];
        kill_process(Pid::from_raw(inner).expect("a number"), Signal::TERM).expect("it runs");
        let end = server.wait();
        assert!(end.status.success(), "{seconds} s: {}: {}", end.status, end.errors);
        assert_eq!(end.report.expect("there is a report").count("requests"), 2);
    }
}
