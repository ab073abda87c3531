//! The system calls of each model, counted by a tracer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The content of `results/traced/system-calls.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SystemCalls {
    /// What was asked of each server while its calls were counted.
    pub run: Traced,
    /// The calls of each model.
    pub models: BTreeMap<String, Calls>,
}

/// How the calls were counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Traced {
    /// The service of all servers.
    pub service: String,
    /// Workers of each.
    pub workers: u32,
    /// Connections that were made, one after the other.
    pub connections: u64,
    /// Requests on one connection, one after the other.
    pub requests: u64,
    /// Bytes of a request.
    pub request_bytes: u64,
    /// The system that was traced.
    pub system: String,
    /// The tracer's version.
    pub strace: String,
}

/// The calls of one model, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calls {
    /// Calls for 1,000 more requests on a connection.
    pub per_1000_requests: BTreeMap<String, u64>,
    /// Calls for 100 more connections, with one request each.
    pub per_100_connections: BTreeMap<String, u64>,
}
