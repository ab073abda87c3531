//! What a run should know of the machine before it starts.

use std::{thread, time::Duration};

use procfs::{CurrentSI as _, KernelStats};
use results::Environment;

use crate::{Limits, cores::Cores};

/// How long the cores are watched for somebody else's work.
const LOOK: Duration = Duration::from_millis(400);
/// Share of a core that others may use.
const BUSY: f64 = 0.1;
/// A backlog below this drops connections of a ramp.
const BACKLOG: u64 = 1024;

/// What speaks against figures of this machine, now: each says what to do.
pub(crate) fn preflight(environment: &Environment, limits: &Limits, cores: &Cores) -> Vec<String> {
    let mut said = Vec::new();
    if cores.server.is_empty() {
        said.push(
            "there is one core for server and generator: they take it from each other, and no \
             figure of time tells much; give at least two (taskset, cpuset)"
                .to_owned(),
        );
    }
    if !["performance", "unknown"].contains(&environment.governor.as_str()) {
        said.push(format!(
            "the frequency governor is `{}`: a core speeds up while it works, so short trials look \
             slow; set `performance` (cpupower frequency-set -g performance)",
            environment.governor
        ));
    }
    if limits.backlog < BACKLOG {
        said.push(format!(
            "net.core.somaxconn is {}: a ramp of connections may overflow it; raise it (sysctl -w \
             net.core.somaxconn=4096)",
            limits.backlog
        ));
    }
    said.extend(others(cores));
    said
}

/// Who else works on the cores of server and generator.
fn others(cores: &Cores) -> Option<String> {
    let before = busy()?;
    thread::sleep(LOOK);
    let after = busy()?;
    let pinned: Vec<usize> = if cores.server.is_empty() {
        (0..after.len()).collect()
    } else {
        [&cores.server[..], &cores.client[..]].concat()
    };
    let share = |core: usize| {
        let (before, after) = (before.get(core)?, after.get(core)?);
        let all = after.1.checked_sub(before.1).filter(|&all| all > 0)?;
        #[expect(clippy::cast_precision_loss, reason = "ticks of less than a second")]
        let share = after.0.saturating_sub(before.0) as f64 / all as f64;
        (share > BUSY).then(|| format!("core {core} to {:.0} %", share * 100.0))
    };
    let taken: Vec<String> = pinned.into_iter().filter_map(share).collect();
    (!taken.is_empty())
        .then(|| format!("others use {}: end them, or expect wide intervals", taken.join(", ")))
}

/// Ticks that each core worked, or was stolen, and all of its ticks.
fn busy() -> Option<Vec<(u64, u64)>> {
    let cores = KernelStats::current().ok()?.cpu_time;
    let ticks = |core: &procfs::CpuTime| {
        let idle = core.idle + core.iowait.unwrap_or(0);
        let work = core.user + core.nice + core.system + core.irq.unwrap_or(0);
        let work = work + core.softirq.unwrap_or(0) + core.steal.unwrap_or(0);
        (work, work + idle)
    };
    Some(cores.iter().map(ticks).collect())
}
