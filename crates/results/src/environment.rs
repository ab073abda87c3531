//! The machine that a run was measured on.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The content of `results/environment.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Environment {
    /// Version of the format, [`crate::SCHEMA`].
    #[schemars(extend("const" = crate::SCHEMA))]
    pub schema: u32,
    /// Model name of the CPU.
    pub cpu: String,
    /// Cores that the run could use.
    pub cores: u32,
    /// Cores that the server was pinned to; empty if it was not.
    pub server_cores: Vec<u32>,
    /// Cores that the load generator was pinned to; empty if it was not.
    pub client_cores: Vec<u32>,
    /// Memory of the machine.
    pub memory_bytes: u64,
    /// Name and release of the kernel.
    pub kernel: String,
    /// Frequency governor, `unknown` where the kernel does not say.
    pub governor: String,
    /// The kernel's clock source.
    pub clock_source: String,
    /// Limits and settings that bound a run, by name: descriptors, backlog, ports …
    pub limits: BTreeMap<String, String>,
    /// Version of the compiler that built the measured programs.
    pub rustc: String,
    /// Commit of the sources, with `-dirty` if they were changed; `unknown` outside a checkout.
    pub commit: String,
    /// Hash of the program that was measured.
    pub program: String,
    /// What spoke against figures of this machine before the run: other load, a
    /// governor, a small limit.
    #[serde(default)]
    pub remarks: Vec<String>,
    /// Start of the run, RFC 3339, UTC; names the run.
    pub started: String,
    /// False while the run is going on, or if it was interrupted: then the next
    /// one goes on where it stopped.
    pub finished: bool,
}
