//! What a run should know of the machine before it starts.

mod speed;
mod workers;

use std::{thread, time::Duration};

use procfs::{CurrentSI as _, KernelStats};
use results::{Environment, core_list};

use crate::{Limits, cores::Cores};

/// How long the cores are watched for somebody else's work.
const LOOK: Duration = Duration::from_millis(400);
/// Share of a core that others may use.
const BUSY: f64 = 0.1;
/// A backlog below this drops connections of a ramp.
const BACKLOG: u64 = 1024;

/// Puts into the record what speaks against figures of this machine, now: each
/// remark says what to do, or what not to believe. Takes a second and a half.
pub(crate) fn preflight(environment: &mut Environment, limits: &Limits, cores: &Cores) {
    let mut said = divided(cores);
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
    environment.speed = speed::look(&cores.all());
    said.extend(speed::remarks(&environment.speed));
    environment.remarks = said;
}

/// What is wrong with how the cores are divided.
fn divided(cores: &Cores) -> Vec<String> {
    if cores.server.is_empty() {
        return vec![
            "there is one core for server and generator: they take it from each other, and no \
             figure of time tells much; give at least two (taskset, cpuset)"
                .to_owned(),
        ];
    }
    let mut said = Vec::new();
    let shared = cores.shared();
    if !shared.is_empty() {
        said.push(format!(
            "server and generator share {}: they take it from each other, so times hold what both \
             do; CPU per request still tells. Where there are more cores, give each its own \
             (--server-cores, --client-cores)",
            named(&shared)
        ));
    }
    said.extend(cores.torn().iter().map(|torn| {
        format!(
            "{} are hyperthreads of one physical core, and server and generator divide them: \
             each is slower while the other works; give both to one (--server-cores, \
             --client-cores)",
            named(torn)
        )
    }));
    said
}

fn named(cores: &[usize]) -> String {
    let plural = if cores.len() == 1 { "" } else { "s" };
    format!("core{plural} {}", core_list(cores))
}

/// Who else works on the cores of server and generator, by process.
fn others(cores: &Cores) -> Option<String> {
    let (before, who) = (busy()?, workers::look());
    thread::sleep(LOOK);
    let (after, who) = (busy()?, workers::busiest(&who, &workers::look()));
    let pinned = match cores.all() {
        none if none.is_empty() => (0..after.len()).collect(),
        pinned => pinned,
    };
    let share = |core: usize| {
        let (before, after) = (before.get(core)?, after.get(core)?);
        let all = after.1.checked_sub(before.1).filter(|&all| all > 0)?;
        #[expect(clippy::cast_precision_loss, reason = "ticks of less than a second")]
        let share = after.0.saturating_sub(before.0) as f64 / all as f64;
        (share > BUSY).then(|| format!("core {core} to {:.0} %", share * 100.0))
    };
    let taken: Vec<String> = pinned.into_iter().filter_map(share).collect();
    let who = if who.is_empty() { String::new() } else { format!(" ({})", who.join(", ")) };
    (!taken.is_empty()).then(|| {
        format!("others use {}{who}: end them, or expect wide intervals", taken.join(", "))
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_that_both_have_are_named() {
        let said = divided(&Cores { server: vec![0, 1], client: vec![0, 1] });
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].contains("share cores 0-1:"), "{said:?}");
        assert!(divided(&Cores::default())[0].contains("there is one core"));
    }
}
