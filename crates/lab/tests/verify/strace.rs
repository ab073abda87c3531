//! A server under strace, which counts its system calls.

use std::{
    collections::BTreeMap,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use crate::bed::{LAB, Server, Side, pinned};

/// System calls by name.
pub(crate) type Calls = BTreeMap<String, u64>;

/// A server under strace.
pub(crate) struct Traced {
    server: Server,
    summary: PathBuf,
}

impl Traced {
    /// Starts `lab serve` with `options`, the model first; the summary goes into the
    /// folder.
    pub(crate) fn start(options: &[&str], folder: &Path) -> Self {
        let summary = folder.join("strace");
        let _ = fs::remove_file(&summary); // That of another server.
        let mut command = pinned(Side::Server, "strace");
        // As a grandchild (-D): our child is the server, which gets our signal.
        command.args(["-D", "-f", "-c", "-o"]).arg(&summary).args([LAB, "serve"]);
        command.args(options).args(["--listen", "127.0.0.1:0"]);
        Self { server: Server::that_says_where(command), summary }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// Asks it to end, and returns what was counted.
    pub(crate) fn stop(self) -> Calls {
        assert!(self.server.stop().success());
        read_when_written(&self.summary).lines().filter_map(read_line).collect()
    }
}

/// A line of the summary: share, seconds, each, calls, perhaps errors, name.
fn read_line(line: &str) -> Option<(String, u64)> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let name = words.last().filter(|&&name| name != "total")?;
    Some(((*name).to_owned(), words.get(3)?.parse().ok()?))
}

/// Strace writes its summary after the server has ended.
fn read_when_written(path: &Path) -> String {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let text = fs::read_to_string(path).unwrap_or_default();
        if text.trim_end().ends_with("total") {
            return text;
        }
        assert!(Instant::now() < deadline, "strace left no summary: {text:?}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Every model, in the order in which the book tells of them.
pub(crate) fn model_names() -> Vec<String> {
    let names = Command::new(LAB).args(["models", "--names"]).output().unwrap();
    String::from_utf8(names.stdout).unwrap().lines().map(str::to_owned).collect()
}
