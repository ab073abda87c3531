//! What a proxy must do, tried from outside: over TCP, with both ends of each
//! connection in the test's hands, on the process that `lab proxy MODEL` starts.
//!
//! No check can hang: every socket has a timeout, every wait a deadline, and a
//! proxy that lives too long is killed.

// What the checks are made with: that of the servers' suite, and the other end.
#[path = "../conformance/client.rs"]
#[allow(dead_code, reason = "the servers' suite uses the rest")]
mod client;
#[path = "../conformance/http_client.rs"]
#[allow(dead_code, reason = "the servers' suite uses the rest")]
mod http_client;
#[path = "../conformance/model.rs"]
#[allow(dead_code, unused_imports, unused_macros, reason = "the servers' suite uses the rest")]
mod model;
#[path = "../conformance/pattern.rs"]
mod pattern;
mod rig;
#[path = "../conformance/server.rs"]
#[allow(dead_code, reason = "the servers' suite uses the rest")]
mod server;
#[path = "../conformance/tree.rs"]
mod tree;
#[path = "../conformance/wait.rs"]
#[allow(dead_code, reason = "the servers' suite uses the rest")]
mod wait;

// The checks.
mod backpressure;
mod circle;
mod command_line;
mod crowd;
mod flow;
mod half_close;
mod limits;
mod reset;
mod stop;
mod system_calls;
mod upstream;

use std::time::Duration;

/// By when whatever is waited for has happened, however busy the machine.
const PATIENCE: Duration = Duration::from_secs(20);
/// No test takes longer: after that its server is killed, and so the test fails.
const LIFE_MAX: Duration = Duration::from_secs(60);
