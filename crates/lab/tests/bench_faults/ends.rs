//! A bench that is killed, that has nothing to do, or comes second.

use std::{path::Path, process::Child};

use rustix::process::{Pid, Signal, kill_process};

use crate::rig::{TINY, lab, living, run, said, until, workspace};

/// A peer whose server is a grandchild of the bench, behind a shell that waits for it.
const BEHIND_A_SHELL: &str = r#"
[[peer]]
name = "behind-a-shell"
variants = []
command = ["sh", "-c", "{lab} serve event-loop --listen 127.0.0.1:{port} --report {scratch}/left & wait", "{scratch}"]
version = ["{lab}", "--version"]
"#;

/// What is in the command lines of all that a bench starts there.
fn mark(folder: &Path) -> String {
    folder.canonicalize().unwrap().join("results/scratch.tmp").display().to_string()
}

/// Long enough that it is killed in the middle.
fn long() -> String {
    TINY.replace("80ms", "1s") + BEHIND_A_SHELL
}

fn start(folder: &Path) -> Child {
    lab(folder, &["bench", "--quick", "--models", "event-loop,prefork-loops"]).spawn().unwrap()
}

fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

#[test]
fn nothing_outlives_a_bench_that_is_killed() {
    for signal in [Signal::KILL, Signal::QUIT] {
        for who in ["serve event-loop", "serve prefork-loops", "sh -c"] {
            let folder = workspace(&[("tiny.toml", &long())]);
            let mark = mark(folder.path());
            let mut child = start(folder.path());
            let is_there = || living(&mark).iter().any(|line| line.contains(who));
            until(&format!("there is {who}"), is_there);
            send(&child, signal);
            child.wait().unwrap();
            until(&format!("all are gone, with {who}"), || living(&mark).is_empty());
        }
    }
}

/// A second one would write over what the first has, and both would say that they are whole.
#[test]
fn a_folder_is_for_one_bench_at_a_time() {
    let folder = workspace(&[("tiny.toml", &long())]);
    let mark = mark(folder.path());
    let mut first = start(folder.path());
    until("the first has begun", || !living(&mark).is_empty());
    for words in [&["bench", "--quick"][..], &["bench", "--judge"]] {
        let second = run(folder.path(), words);
        let said = said(&second);
        assert_eq!(second.status.code(), Some(3), "{said}");
        assert!(said.contains(&format!("process {} measures into", first.id())), "{said}");
        assert!(said.contains("results") && said.contains("--out"), "{said}");
    }
    send(&first, Signal::KILL);
    first.wait().unwrap();
    let judged = run(folder.path(), &["bench", "--judge"]);
    assert_eq!(judged.status.code(), Some(0), "the dead one has it no more: {}", said(&judged));
}

#[test]
fn an_experiment_that_leaves_nothing_to_measure_is_said_and_no_success() {
    let far = TINY.replace("[1, 8]", "[1000000]").replace("[8]", "[1000000]");
    let far = far.replace("x = 8", "x = 1000000").replace("tiny", "far");
    let out = TINY.replace(
        "[full]",
        "[[left_out]]\nmodel = \"thread-pool\"\nwhy = \"it serves two\"\n[full]",
    );
    let folder = workspace(&[("far.toml", &far), ("tiny.toml", &out)]);
    for (words, says) in [
        (&["bench", "far"][..], "far: 1000000 connections left out: "),
        (&["bench", "tiny", "--models", "thread-pool"], "without thread-pool: it serves two"),
        (&["bench", "--models", "thread-pool"], "far: 1000000 connections"),
    ] {
        let output = run(folder.path(), words);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(2), "{words:?}: {said}");
        assert!(said.contains("nothing to measure") && said.contains(says), "{said}");
        assert!(!folder.path().join("results/environment.json").exists(), "nothing was begun");
    }
    // Beside another it is left out, and that is said.
    let output = run(folder.path(), &["bench", "--quick", "--models", "event-loop"]);
    let said = said(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("nothing of it is measured: 1000000 connections"), "{said}");
    assert!(!folder.path().join("results/far.json").exists());
    assert!(folder.path().join("results/tiny.json").exists());
}
