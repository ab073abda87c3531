//! Near its limit the generator still keeps its schedule.
//!
//! The limit is the rate of a closed loop against the bare loop on other cores:
//! faster than that the two cannot go. At 95 % of it, 99.9 % of the arrivals must
//! be taken up within 1 ms. Windows in which somebody else had the generator's
//! core say nothing about the generator, and do not count.

use serde_json::{Value, json};

use crate::{
    bed::{Loaded, Server, alone, load, table},
    sample::Median,
};

/// The share of arrivals that must be taken up in time.
const KEPT: f64 = 0.999;
/// The share of the limit at which it must be.
const NEAR: f64 = 0.95;
/// Others, to see where it ends.
const LADDER: [f64; 5] = [0.5, 0.8, NEAR, 1.1, 1.5];

const WINDOWS: usize = 7;
const TRIES: usize = 60;
const WINDOW_SECONDS: f64 = 0.25;
/// Share of a window that the generator may have waited for its core.
const WAIT_MAX: f64 = 0.004;

/// Windows in which the generator had its core; `None` if there are too few.
fn undisturbed(server: &Server, mode: &Value, figure: impl Fn(&Loaded) -> f64) -> Option<Median> {
    let one = || {
        let loaded = load(&json!({
            "target": server.address,
            "mode": mode,
            "warmup": "100ms",
            "duration": format!("{WINDOW_SECONDS}s"),
        }));
        let waited = loaded.number("/client_wait_seconds");
        (waited <= WAIT_MAX * WINDOW_SECONDS).then(|| figure(&loaded))
    };
    let windows: Vec<f64> = (0..TRIES).filter_map(|_| one()).take(WINDOWS).collect();
    (windows.len() == WINDOWS).then(|| Median::of(windows))
}

#[test]
fn near_its_limit_the_generator_keeps_its_schedule() {
    let _alone = alone();
    let server = Server::lab(&["bare-epoll"]);
    let closed = undisturbed(&server, &json!({ "closed": {} }), |one| one.number("/rate"));
    let Some(limit) = closed.map(|rate| rate.value) else {
        println!("\nSKIPPED: adherence near the generator's limit: others use its core");
        return;
    };
    let mut rows = vec![vec!["closed loop".to_owned(), format!("{limit:.0}"), String::new()]];
    let mut near = None;
    for share in LADDER {
        let rate = share * limit;
        let mode = json!({ "open": { "rate": rate, "arrivals": "poisson" } });
        let found = undisturbed(&server, &mode, |one| one.number("/adherence"));
        let told = found.map_or("others used the core".to_owned(), |found| found.to_string());
        rows.push(vec![format!("{share} of it"), format!("{rate:.0}"), told]);
        if (share - NEAR).abs() < f64::EPSILON {
            near = found;
        }
    }
    table("adherence near the generator's limit", &["", "requests/s", "adherence"], &rows);
    match near {
        Some(found) => assert!(found.value >= KEPT, "{found} at {NEAR} of {limit:.0} a second"),
        None => println!("\nSKIPPED: adherence at {NEAR} of the limit: others use its core"),
    }
}
