//! The threads of the server's processes, as the scheduler accounts for them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

/// More threads than this are only summed up: nobody reads so many lines.
const TOLD: usize = 64;

/// A thread at one instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskSample {
    /// Its number.
    pub tid: u32,
    /// Its name; the kernel keeps 15 bytes.
    pub name: String,
    /// CPU time used so far. Of a running thread as of the scheduler's last look,
    /// a few milliseconds ago at most.
    pub cpu_ns: u64,
    /// Time so far in which it was ready to run and waited for a core.
    pub run_queue_ns: u64,
}

/// All threads of some processes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tasks {
    pub(crate) run_queue_ns: u64,
    /// Each of them, if they are few enough to be told.
    pub(crate) told: Vec<TaskSample>,
}

impl Tasks {
    /// Reads the files of each thread, some microseconds each. One that ends
    /// meanwhile is left out; so are all, where the kernel keeps no such account.
    pub(crate) fn of(processes: &[u32]) -> Self {
        let folders: Vec<PathBuf> = processes.iter().flat_map(|&pid| folders(pid)).collect();
        let mut tasks = Self::default();
        for folder in &folders {
            let Some((cpu_ns, run_queue_ns)) = schedstat(folder) else { continue };
            tasks.run_queue_ns += run_queue_ns;
            let tid = folder.file_name().and_then(|name| name.to_str()?.parse().ok());
            if let Some(tid) = tid.filter(|_| folders.len() <= TOLD) {
                let name = fs::read_to_string(folder.join("comm")).unwrap_or_default();
                let name = name.trim_end().to_owned();
                tasks.told.push(TaskSample { tid, name, cpu_ns, run_queue_ns });
            }
        }
        tasks
    }
}

/// A folder for each thread of a process.
fn folders(pid: u32) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    entries.map(|entry| entry.path())
}

/// CPU time and run-queue delay of the thread whose folder this is.
fn schedstat(folder: &Path) -> Option<(u64, u64)> {
    let text = fs::read_to_string(folder.join("schedstat")).ok()?;
    let mut fields = text.split_ascii_whitespace().map(|field| field.parse().ok());
    Some((fields.next()??, fields.next()??))
}

#[cfg(test)]
mod tests {
    use std::{process, thread};

    use super::*;

    #[test]
    fn a_thread_is_told_by_its_name() {
        let told = thread::Builder::new()
            .name("tasks-test".to_owned())
            .spawn(|| {
                // Until the scheduler has taken note of it.
                loop {
                    let tasks = Tasks::of(&[process::id()]);
                    let own = tasks.told.iter().find(|task| task.name == "tasks-test");
                    let own = own.expect("a test program has few threads").clone();
                    if own.cpu_ns > 0 {
                        return (own, tasks.run_queue_ns);
                    }
                }
            })
            .unwrap();
        let (own, run_queue_ns) = told.join().unwrap();
        assert!(own.tid > 0 && own.run_queue_ns <= run_queue_ns, "{own:?}");
    }

    #[test]
    fn a_process_that_is_gone_has_none() {
        assert!(Tasks::of(&[0]).told.is_empty());
    }
}
