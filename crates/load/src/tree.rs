//! The processes of a server: the one that is watched, and its descendants.

use std::fs;

/// `root` and all that it has started, directly or not, the root first. Processes
/// that have ended and that nobody has waited for yet are among them; one whose
/// parent has ended without it is not.
pub(crate) fn processes(root: u32) -> Vec<u32> {
    let mut all = vec![root];
    let mut next = 0;
    while let Some(&pid) = all.get(next) {
        next += 1;
        for child in children(pid) {
            // A number may be given to another while this looks: no process twice.
            if !all.contains(&child) {
                all.push(child);
            }
        }
    }
    all
}

/// Those that a process has started, by any of its threads. A file for each
/// thread, some microseconds.
fn children(pid: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let lists =
        threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    lists.flat_map(|list| numbers(&list)).collect()
}

fn numbers(list: &str) -> Vec<u32> {
    list.split_ascii_whitespace().filter_map(|number| number.parse().ok()).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use std::{
        io::{BufRead, BufReader},
        process::{Child, Command, Stdio},
    };

    use super::*;

    /// A shell that has started a shell that has started a `sleep`; all are gone with it.
    pub(crate) struct Family(pub(crate) Child);

    impl Family {
        pub(crate) fn start() -> Self {
            let inner = "sleep 300 & echo ready; wait";
            let outer = "sh -c \"$0\" & wait";
            let mut command = Command::new("sh");
            command.arg("-c").arg(outer).arg(inner).stdout(Stdio::piped());
            let mut child = command.spawn().unwrap();
            let mut line = String::new();
            BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
            assert_eq!(line, "ready\n");
            Self(child)
        }
    }

    impl Drop for Family {
        fn drop(&mut self) {
            for pid in processes(self.0.id()) {
                let pid = nix::unistd::Pid::from_raw(i32::try_from(pid).unwrap());
                let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
            }
            let _ = self.0.wait();
        }
    }

    #[test]
    fn grandchildren_are_found() {
        let family = Family::start();
        let found = processes(family.0.id());
        assert_eq!((found.len(), found[0]), (3, family.0.id()), "{found:?}");
    }

    #[test]
    fn who_is_gone_has_no_children() {
        assert_eq!(processes(u32::MAX), [u32::MAX]);
    }
}
