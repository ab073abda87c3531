//! Faults that servers have to survive, tried from outside on every model. One fault a
//! file.
//!
//! Each has two forms. The short one, seconds long, is part of `cargo test`; the full
//! one is `just faults`, which sets `FAULTS=full`. No check can hang: what is waited
//! for has a deadline.

// What the conformance suite is made with. It has more uses for it.
#[allow(dead_code)]
#[path = "../conformance/client.rs"]
mod client;
#[allow(dead_code)]
#[path = "../conformance/http_client.rs"]
mod http_client;
#[allow(dead_code, unused_imports, unused_macros)]
#[path = "../conformance/model.rs"]
mod model;
#[allow(dead_code)]
#[path = "../conformance/pattern.rs"]
mod pattern;
#[allow(dead_code)]
#[path = "../conformance/server.rs"]
mod server;
#[allow(dead_code)]
#[path = "../conformance/tree.rs"]
mod tree;
#[allow(dead_code)]
#[path = "../conformance/wait.rs"]
mod wait;

// What is added for faults.
mod footprint;
mod peer;
mod traffic;

// The faults.
mod beside_memcached;
mod beside_nginx;
mod beside_wrk;
mod big_batch;
mod clocks;
mod dying_sources;
mod pipelined;
mod short_connections;
mod slow_heads;
mod soak;
mod stop_storm;
mod stopped;
mod storm;
mod ulimits;

use std::{env, time::Duration};

/// By when whatever is waited for has happened: thousands of processes may have to
/// start before.
const PATIENCE: Duration = Duration::from_secs(60);
/// A server of a test that is stuck is killed after that.
const LIFE_MAX: Duration = Duration::from_secs(3600);

/// Whether faults come in full, as `just faults` asks.
fn in_full() -> bool {
    env::var_os("FAULTS").is_some_and(|form| form == "full")
}

/// How much there is of a fault: in `cargo test`, and in `just faults`.
fn amount<T>(short: T, full: T) -> T {
    if in_full() { full } else { short }
}
