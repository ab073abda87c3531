//! What every server must do, tried from outside: over TCP, on the process
//! that `lab serve MODEL` starts. One idea a file; each check is instantiated
//! for every model, so that a failure names both.
//!
//! Nothing here knows how a model works, but for one thing: how many clients
//! it serves at once ([`model::Serves`]).
//!
//! No check can hang: every socket has a timeout, every wait a deadline, and a
//! server that lives too long is killed.

// What the checks are made with.
mod client;
mod http_client;
mod model;
mod pattern;
mod server;
mod tree;
mod wait;

// The checks.
mod backpressure;
mod bad_input;
mod cache;
mod command_line;
mod coverage;
mod crowd;
mod dead_loop;
mod descriptors;
mod echo;
mod farewell;
mod http;
mod isolation;
mod limits;
mod no_rings;
mod processes;
mod programs;
mod queue_limit;
mod queue_order;
mod restart;
mod rpc;
mod stderr;
mod stop;
mod system_calls;
mod threads;
mod yardsticks;

use std::time::Duration;

/// By when whatever is waited for has happened, however busy the machine.
const PATIENCE: Duration = Duration::from_secs(20);
/// No test takes longer: after that its server is killed, and so the test fails.
const LIFE_MAX: Duration = Duration::from_secs(60);
