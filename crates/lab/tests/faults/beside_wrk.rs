//! `lab load` beside wrk, and beside itself: how many requests a second each has of one
//! and the same server. A measurement, and so only in full.

use std::{
    net::SocketAddr,
    process::{Command, Output},
};

use crate::{
    in_full,
    model::EVENT_LOOP,
    server::{LAB, Server},
};

/// Both make their load with one thread, beside the server on the cores that are there:
/// whoever needs less for a request leaves it more. A factor beyond this is a mistake.
const FACTOR_MAX: f64 = 2.0;
/// For the same generator, twice.
const FACTOR_MAX_OF_ITSELF: f64 = 1.3;
const ROUNDS: usize = 5;

fn by_lab(address: SocketAddr) -> f64 {
    let output = Command::new(LAB)
        .args(["load", &address.to_string(), "--protocol", "http", "--connections", "32"])
        .args(["--duration", "2s", "--json"])
        .output()
        .expect("lab runs");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a report");
    report["rate"].as_f64().unwrap_or_else(|| panic!("no rate in {report}"))
}

fn by_wrk(address: SocketAddr) -> Option<f64> {
    let url = format!("http://{address}/");
    let Output { stdout, .. } =
        Command::new("wrk").args(["-t1", "-c32", "-d2s", &url]).output().ok()?;
    let text = String::from_utf8_lossy(&stdout).into_owned();
    let rate = text.lines().find_map(|line| line.strip_prefix("Requests/sec:"));
    Some(rate.and_then(|rate| rate.trim().parse().ok()).unwrap_or_else(|| panic!("{text}")))
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

#[test]
fn the_generator_has_what_wrk_has() {
    if !in_full() {
        eprintln!("skipped: a measurement; `just faults` makes it");
        return;
    }
    let server = Server::start(EVENT_LOOP, "http", &[]);
    let (mut itself, mut others) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (one, other) = (by_lab(server.address), by_lab(server.address));
        itself.push(other / one);
        others.extend(by_wrk(server.address).map(|wrk| other / wrk));
    }
    println!("lab load / lab load: {itself:.2?}");
    println!("lab load / wrk: {others:.2?}");
    let factor = |ratio: f64| ratio.max(1.0 / ratio);
    assert!(factor(median(itself)) < FACTOR_MAX_OF_ITSELF);
    if others.is_empty() {
        eprintln!("skipped: wrk is not here; `just peers` installs it");
    } else {
        assert!(factor(median(others)) < FACTOR_MAX);
    }
}
