//! A server's processes: itself, and those that it has started.

use std::{collections::BTreeSet, fs, path::Path};

use rustix::process::{Pid, Signal, kill_process};

/// `root` and all its descendants, those that have ended and that nobody has
/// waited for included.
pub(crate) fn processes(root: i32) -> Vec<i32> {
    let mut all = vec![root];
    let mut next = 0;
    while let Some(&pid) = all.get(next) {
        all.extend(children(pid));
        next += 1;
    }
    all
}

/// Those that a process has started, by any of its threads.
pub(crate) fn children(pid: i32) -> Vec<i32> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let lists =
        threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    lists.flat_map(|list| numbers(&list)).collect()
}

/// Signals a process, which may have ended meanwhile.
pub(crate) fn signal(pid: i32, signal: Signal) {
    let _ = kill_process(Pid::from_raw(pid).expect("a number"), signal);
}

/// Whether no thread of a process runs, since it was stopped, or has ended.
pub(crate) fn stands_still(pid: i32) -> bool {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let mut stats =
        threads.filter_map(|thread| fs::read_to_string(thread.path().join("stat")).ok());
    stats.all(|stat| stat.rsplit_once(") ").is_none_or(|(_, state)| state.starts_with(['T', 'Z'])))
}

fn numbers(list: &str) -> Vec<i32> {
    list.split_whitespace().filter_map(|number| number.parse().ok()).collect()
}

/// Sockets that processes have open, but for those within the machine. One that
/// several have is one.
pub(crate) fn sockets(processes: &[i32]) -> usize {
    let mut open = BTreeSet::new();
    for pid in processes {
        // One that ends meanwhile has none.
        let entries = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        open.extend(entries.filter_map(|entry| inode(&entry.path())));
    }
    let table = fs::read_to_string("/proc/net/unix").expect("a table of sockets");
    let local = table.lines().filter_map(|row| row.split_whitespace().nth(6)?.parse().ok());
    for inode in local {
        open.remove(&inode);
    }
    open.len()
}

fn inode(entry: &Path) -> Option<u64> {
    let target = fs::read_link(entry).ok()?;
    target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}
