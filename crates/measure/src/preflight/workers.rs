//! Which processes work.

use std::{collections::BTreeMap, process, time::Instant};

use procfs::process::{Process, all_processes};

/// Share of a core from which a process is named.
const WORTH_NAMING: f64 = 0.05;
/// At most so many are named.
const MOST: usize = 3;

/// What each process has used so far.
#[derive(Debug)]
pub(super) struct Look {
    at: Instant,
    /// By number and start, since a number may be given to another: the name, and the
    /// ticks of all threads.
    ticks: BTreeMap<(i32, u64), (String, u64)>,
}

/// Looks at all processes but this one. Whose figures the kernel keeps from us is not
/// among them.
pub(super) fn look() -> Look {
    let own = process::id().try_into().unwrap_or(0);
    let used = |process: Process| {
        let stat = process.stat().ok()?;
        Some(((stat.pid, stat.starttime), (stat.comm, stat.utime + stat.stime)))
    };
    let all = all_processes().into_iter().flatten().flatten();
    let others = all.filter(|process| process.pid() != own);
    Look { at: Instant::now(), ticks: others.filter_map(used).collect() }
}

/// The processes that worked most from one look to the next, each with its share of a core.
pub(super) fn busiest(before: &Look, after: &Look) -> Vec<String> {
    let second = procfs::ticks_per_second();
    #[expect(clippy::cast_precision_loss, reason = "ticks of less than a second")]
    let span = after.at.duration_since(before.at).as_secs_f64() * second as f64;
    let share = |(of, (name, ticks)): (&(i32, u64), &(String, u64))| {
        let since = before.ticks.get(of).map_or(0, |(_, ticks)| *ticks);
        #[expect(clippy::cast_precision_loss, reason = "ticks of less than a second")]
        let share = ticks.saturating_sub(since) as f64 / span;
        (share > WORTH_NAMING).then(|| (share, format!("{name}, process {}", of.0)))
    };
    let mut all: Vec<(f64, String)> = after.ticks.iter().filter_map(share).collect();
    all.sort_by(|one, other| other.0.total_cmp(&one.0));
    let told = |(share, name): (f64, String)| format!("{name}: {:.0} % of a core", share * 100.0);
    all.into_iter().take(MOST).map(told).collect()
}

#[cfg(test)]
mod tests {
    use std::{
        process::{Command, Stdio},
        thread,
        time::Duration,
    };

    use super::*;

    #[test]
    fn who_works_is_named() {
        let busy = ["-c", "while :; do :; done"];
        let mut child = Command::new("sh").args(busy).stdin(Stdio::null()).spawn().unwrap();
        let name = format!("process {}", child.id());
        let before = look();
        let deadline = Instant::now() + Duration::from_secs(20);
        let mut named = Vec::new();
        while Instant::now() < deadline && !named.iter().any(|one: &String| one.contains(&name)) {
            thread::sleep(Duration::from_millis(100));
            named = busiest(&before, &look());
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(named.iter().any(|one| one.contains(&name)), "{named:?}");
    }
}
