//! `lab batch` while its sources die, or stand still: it ends, and says of how many it
//! has nothing.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Output, Stdio},
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::{amount, server::LAB};

const MODELS: [&str; 5] =
    ["sequential", "thread-per-source", "thread-pool", "event-loop", "loop-per-process"];
const SOURCES: u64 = 40;

/// `lab sources`. Killed when it is dropped.
struct Sources {
    child: Child,
    address: String,
}

impl Sources {
    fn start() -> Self {
        let mut child = Command::new(LAB)
            .args(["sources", "--listen", "127.0.0.1:0", "--delay", "20ms", "--records", "50"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the sources start");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("stdout is piped");
        BufReader::new(stdout).read_line(&mut line).expect("it says where");
        let address = line.trim_end().strip_prefix("listening on ").expect(&line).to_owned();
        Self { child, address }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it runs");
    }
}

impl Drop for Sources {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks the sources, to whom `fault` happens after so long.
fn batch(model: &str, after: Duration, fault: Signal) -> Output {
    let sources = Sources::start();
    let job = Command::new(LAB)
        .args(["batch", model, "--sources", &SOURCES.to_string(), "--workers", "4"])
        .args(["--server", &sources.address, "--timeout", "300ms", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the job starts");
    thread::sleep(after);
    sources.signal(fault);
    job.wait_with_output().expect("it ends")
}

fn all_or_nothing_of_each_source(fault: Signal, models: &[&str]) {
    for model in models {
        for round in 1..=amount(1, 10) {
            let output = batch(model, Duration::from_millis(10 * round), fault);
            let said = String::from_utf8_lossy(&output.stderr);
            let report: Value = serde_json::from_slice(&output.stdout)
                .unwrap_or_else(|error| panic!("{model}: {error}: {said}"));
            let failed = report["failures"]["count"].as_u64().expect("a count");
            let records = report["aggregate"]["records"].as_u64().expect("a count");
            assert_eq!(records, 50 * (SOURCES - failed), "{model}: {said}");
            let code = i32::from(failed != 0);
            assert_eq!(output.status.code(), Some(code), "{model}: {said}");
            assert!(failed == 0 || said.contains("sources failed"), "{model}: {said}");
        }
    }
}

#[test]
fn sources_that_are_killed_are_counted_and_the_job_ends() {
    all_or_nothing_of_each_source(Signal::KILL, &MODELS);
}

/// Whoever asks one after the other waits for each, so long as its patience lasts.
#[test]
fn sources_that_stand_still_are_given_up() {
    all_or_nothing_of_each_source(Signal::STOP, &MODELS[1..]);
}
