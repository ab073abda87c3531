//! The verb `lab lesson`: what it lists, refuses, and shows.

use std::process::{Command, Output, Stdio};

fn lesson(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
    command.arg("lesson").args(arguments).stdin(Stdio::null());
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn run(arguments: &[&str]) -> Output {
    lesson(arguments).output().expect("lab runs")
}

#[test]
fn the_list_names_every_lesson_with_its_number() {
    let output = run(&[]);
    assert_eq!(output.status.code(), Some(0));
    let list = text(&output.stdout);
    for (number, lesson) in (1..).zip(gallery::ALL) {
        let line = list.lines().find(|line| line.contains(lesson.title)).unwrap_or_default();
        assert!(line.contains(lesson.name) && line.contains(&format!("{number}  ")), "{list}");
    }
}

#[test]
fn a_misspelt_name_is_told_the_nearest() {
    let output = run(&["half-clos"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("'half-close'"), "{}", text(&output.stderr));
    assert_eq!(run(&["half-close", "--all"]).status.code(), Some(2));
}

/// One within the process, and one that has a process of its own.
#[test]
fn a_lesson_asks_shows_both_servers_and_says_what_to_read() {
    for name in ["lifo-queue", "dead-stderr"] {
        let output = run(&[name]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let shown = text(&output.stdout);
        let parts = ["  b) ", "The flawed server:", "The mended server:", "The answer is "];
        let places = parts.map(|part| shown.find(part).unwrap_or_else(|| panic!("{shown}")));
        assert!(places.is_sorted(), "{shown}");
        assert!(shown.contains("Read next:") && shown.contains("  = "), "{shown}");
        assert!(shown.lines().all(|line| line.chars().count() <= 60), "{shown}");
        assert_eq!(text(&output.stderr), "");
    }
}

#[test]
fn nobody_who_reads_is_no_fault_and_a_full_disk_is_one() {
    let mut reader = lesson(&["lifo-queue"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("lab runs");
    drop(reader.stdout.take());
    let output = reader.wait_with_output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(0), ""));

    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = lesson(&["lifo-queue"]).stdout(full).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("standard output"), "{}", text(&output.stderr));
}

/// A part that hangs on purpose must not outlive whoever holds its standard input.
#[test]
fn the_other_process_of_a_lesson_ends_with_its_standard_input() {
    let mut hanging = lesson(&["exit-with-lock", "--act", "flawed"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("lab runs");
    drop(hanging.stdin.take());
    let ended = (0..500).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(10));
        hanging.try_wait().unwrap().is_some()
    });
    let _ = hanging.kill();
    assert!(ended, "it goes on without us");
}
