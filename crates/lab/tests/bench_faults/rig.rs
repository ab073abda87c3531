//! A small experiment, and the command.

use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

pub(crate) const TINY: &str = r#"title = "Tiny"
question = "Does it work?"
[x]
label = "connections"
varies = "connections"
[server]
service = "echo"
workers = 2
[load]
requests = [{ kind = { echo = { bytes = 64 } } }]
[compare]
baseline = "event-loop"
figures = ["requests_per_second"]
at = [8]
[full]
blocks = 2
warmup = "20ms"
duration = "80ms"
values = [1, 8]
[quick]
blocks = 1
warmup = "20ms"
duration = "80ms"
values = [8]
[[chart]]
file = "tiny-served"
title = "Served"
look_for = "All"
figure = "served"
[[claim]]
id = "tiny"
source = "this test"
says = "A pool of two serves two of eight."
expects = { figure = "served", of = { model = "thread-pool", x = 8 }, at_least = 2, at_most = 2 }
"#;

/// How long a process may take for what takes it milliseconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// A folder as a workspace is, with these files in `benches/`.
pub(crate) fn workspace(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("benches")).unwrap();
    for (name, text) in files {
        fs::write(folder.path().join("benches").join(name), text).unwrap();
    }
    folder
}

pub(crate) fn lab(folder: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
    command.args(words).current_dir(folder).stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

pub(crate) fn run(folder: &Path, words: &[&str]) -> Output {
    lab(folder, words).output().unwrap()
}

pub(crate) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Waits until it is so.
pub(crate) fn until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "it never came to be: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// The processes that live and have `mark` in their command line: our servers and
/// their peers are told where in the folder to leave things.
pub(crate) fn living(mark: &str) -> Vec<String> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let line = |process: fs::DirEntry| {
        let line = fs::read(process.path().join("cmdline")).ok()?;
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        line.contains(mark).then_some(line)
    };
    processes.filter_map(line).collect()
}
