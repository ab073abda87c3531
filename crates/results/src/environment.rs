//! The machine that a run was measured on.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The content of `results/environment.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// How steadily the pinned cores worked in the second before the run (before it
    /// was last gone on with, if it was interrupted). Absent where nothing was
    /// pinned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub speed: Vec<CoreSpeed>,
    /// Start of the run, RFC 3339, UTC; names the run.
    pub started: String,
    /// False while the run is going on, or if it was interrupted: then the next
    /// one goes on where it stopped.
    pub finished: bool,
}

/// How steadily a core worked at pieces of equal work, of about 1 ms each, while
/// all cores of the run did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CoreSpeed {
    /// The kernel's number of the core.
    pub core: u32,
    /// Its median speed, as a share of that of the fastest core of the run.
    pub median: f64,
    /// Share of the time in which it worked at less than 0.8 of its median speed.
    pub slow: f64,
    /// Time of its slowest piece, over that of its median piece.
    pub slowest: f64,
    /// Its median speed in the last quarter of the time, over that in the first.
    pub drift: f64,
}

/// Cores as `taskset` has them, `0-3,8`; `cores` must be in order.
#[must_use]
pub fn core_list<N: Copy + TryInto<usize>>(cores: &[N]) -> String {
    let cores: Vec<usize> = cores.iter().filter_map(|&core| core.try_into().ok()).collect();
    let ranges = cores.chunk_by(|core, next| core + 1 == *next);
    let words = ranges.map(|range| match range {
        [first, .., last] => format!("{first}-{last}"),
        range => range.iter().map(usize::to_string).collect(),
    });
    words.collect::<Vec<_>>().join(",")
}

/// The same in words: `any core`, `core 1`, `cores 0-3,8`.
#[must_use]
pub fn core_names(cores: &[u32]) -> String {
    match cores {
        [] => "any core".to_owned(),
        [one] => format!("core {one}"),
        _ => format!("cores {}", core_list(cores)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_are_listed_in_ranges() {
        assert_eq!(core_list::<u32>(&[]), "");
        assert_eq!(core_list(&[7_usize]), "7");
        assert_eq!(core_list(&[0_u32, 1, 4, 6, 7, 8]), "0-1,4,6-8");
        assert_eq!([&[][..], &[3], &[0, 1]].map(core_names), ["any core", "core 3", "cores 0-1"]);
    }
}
