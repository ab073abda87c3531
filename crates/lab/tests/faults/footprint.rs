//! What a server takes of the machine: memory, descriptors, threads.

use std::fs;

use crate::{server::Server, wait::eventually};

/// The sums over all processes of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Footprint {
    /// Resident, with each process's share of what several have.
    pub(crate) memory_bytes: u64,
    pub(crate) descriptors: u64,
    pub(crate) threads: u64,
}

impl Footprint {
    pub(crate) fn of(server: &Server) -> Self {
        let mut sum = Self { memory_bytes: 0, descriptors: 0, threads: 0 };
        for pid in server.processes() {
            // One that ends meanwhile has none.
            let memory = number(&format!("/proc/{pid}/smaps_rollup"), "Pss:");
            sum.memory_bytes += memory.unwrap_or(0) << 10;
            sum.threads += number(&format!("/proc/{pid}/status"), "Threads:").unwrap_or(0);
            let open = fs::read_dir(format!("/proc/{pid}/fd"));
            sum.descriptors += open.map_or(0, |open| open.count() as u64);
        }
        sum
    }

    /// Waits until the server has no more descriptors and threads than it had at
    /// `before`, and holds its memory against that of then.
    #[track_caller]
    pub(crate) fn assert_regained(before: Self, growth_max: u64, server: &Server) {
        let mut now = Self::of(server);
        eventually("all descriptors and threads are given back", || {
            now = Self::of(server);
            now.descriptors <= before.descriptors && now.threads <= before.threads
        });
        let growth = now.memory_bytes.saturating_sub(before.memory_bytes);
        assert!(growth <= growth_max, "{growth} bytes more: {before:?}, then {now:?}");
    }
}

/// A number in a file of lines, behind the name of its line.
fn number(path: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}
