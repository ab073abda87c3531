//! `lab compare` and `lab claims` on results that are invented.

use std::{
    path::Path,
    process::{Command, Output},
};

use results::{Experiment, SCHEMA, Store, Trial};
use serde_json::{Value, json};

const FIGURE: &str = "requests_per_server_cpu_second";

/// A run of nine blocks on a machine of some speed, on which `thread-pool`
/// reaches some share of what `event-loop` does.
fn write(folder: &Path, commit: &str, speed: f64, share: f64) -> Experiment {
    let environment = json!({
        "schema": SCHEMA, "cpu": "Example", "cores": 2, "server_cores": [0],
        "client_cores": [1], "memory_bytes": 1024, "kernel": "Linux 6.1", "governor": "unknown",
        "clock_source": "tsc", "limits": { "backlog": "4096" }, "rustc": "rustc 1.88.0",
        "commit": commit, "program": "0", "started": commit, "finished": true,
    });
    let trial = |block: u32, model: &str, value: f64| -> Trial {
        let drift = 1.0 + f64::from(block % 3) / 200.0;
        serde_json::from_value(json!({
            "block": block, "turn": 0, "model": model, "x": 64.0,
            "figures": { FIGURE: speed * drift * value, "served": 64.0 },
        }))
        .unwrap()
    };
    let cell = json!({ "model": "event-loop", "x": 64.0 });
    let mut experiment: Experiment = serde_json::from_value(json!({
        "schema": SCHEMA, "name": "throughput", "title": "t", "question": "q", "plan": {},
        "run": commit, "quick": false, "complete": true, "x": { "label": "connections" },
        "models": ["event-loop", "thread-pool"],
        "compare": { "baseline": "event-loop", "figures": [FIGURE] },
        "charts": [],
        "claims": [{
            "id": "fast", "source": "An Example", "says": "A loop is fast.",
            "expects": { "figure": FIGURE, "of": cell, "at_least": 100_000.0, "tolerance": 0.05 },
        }],
        "verdicts": [{
            "claim": "fast", "outcome": "holds", "measured": 100_000.0, "low": 99_000.0,
            "high": 101_000.0, "why": "9 blocks, the whole interval within the bounds",
        }],
        "controls": [{
            "figure": FIGURE, "of": cell, "over": cell, "ratio": 1.01, "low": 0.98,
            "high": 1.03, "blocks": 9, "standing": "equivalent",
        }],
        "comparisons": [], "spent_seconds": 9.0, "statistics": [], "trials": [],
    }))
    .unwrap();
    experiment.trials = (0..9)
        .flat_map(|n| [trial(n, "event-loop", 1e5), trial(n, "thread-pool", 1e5 * share)])
        .collect();
    let store = Store::new(folder);
    store.write_environment(&serde_json::from_value(environment).unwrap()).unwrap();
    store.write_experiment(&experiment).unwrap();
    experiment
}

fn lab(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lab")).args(arguments).output().unwrap()
}

/// Compares two runs; the second is of that speed and share.
fn compared(speed: f64, share: f64, options: &[&str]) -> (Option<i32>, String) {
    let (before, after) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(before.path(), "abc", 1.0, 0.5);
    write(after.path(), "def", speed, share);
    let folders = [before.path().to_str().unwrap(), after.path().to_str().unwrap()];
    let output = lab(&[&["compare"], &folders[..], options].concat());
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn what_is_worse_over_the_baseline_exits_1() {
    let (code, text) = compared(1.5, 0.4, &[]);
    assert_eq!(code, Some(1), "{text}");
    for part in [
        "  commit\n    before  abc\n    after   def\n",
        "throughput\n  requests per server-CPU-second; within 5 % is equivalent\n",
        "event-loop (64 connections)",
        "faster; not interleaved: the machine's mood is in it",
        "slower\n",
    ] {
        assert!(text.contains(part), "{part}\nis not in\n{text}");
    }
    assert!(text.lines().all(|line| line == line.trim_end()), "{text}");
}

#[test]
fn the_same_again_exits_0_and_a_faster_machine_alone_5() {
    let (code, text) = compared(1.0, 0.5, &[]);
    assert_eq!(code, Some(0), "{text}");
    let (code, text) = compared(1.5, 0.5, &[]);
    assert_eq!(code, Some(5), "{text}");
}

#[test]
fn one_json_object_holds_all_of_it() {
    let (_, text) = compared(1.5, 0.4, &["--json"]);
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["environment"][0]["field"], "commit");
    let cells = &value["experiments"][0]["cells"];
    assert_eq!(
        (&cells[1]["standing"], &cells[1]["baseline"]),
        (&json!("worse"), &json!("event-loop"))
    );
    assert!((cells[1]["relative"]["ratio"].as_f64().unwrap() - 0.8).abs() < 0.01);
}

#[test]
fn other_plans_and_missing_experiments_are_said() {
    let (before, after) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut experiment = write(before.path(), "abc", 1.0, 0.5);
    write(after.path(), "abc", 1.0, 0.5);
    let folders = [before.path().to_str().unwrap(), after.path().to_str().unwrap()];
    let compare = || lab(&[&["compare"], &folders[..]].concat());
    let text = |output: &Output| String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text(&compare()).contains("the same machine and build"));

    experiment.plan = json!({ "blocks": 9 });
    experiment.trials.retain(|trial| trial.model == "event-loop");
    Store::new(before.path()).write_experiment(&experiment).unwrap();
    "other".clone_into(&mut experiment.name);
    Store::new(before.path()).write_experiment(&experiment).unwrap();
    let output = compare();
    assert!(text(&output).contains("only before: other"), "{}", text(&output));
    assert!(text(&output).contains("the plans differ"), "{}", text(&output));
    assert!(!text(&output).contains("thread-pool"), "{}", text(&output));

    std::fs::remove_file(before.path().join("throughput.json")).unwrap();
    assert_eq!(compare().status.code(), Some(3));
    assert_eq!(lab(&["compare", folders[0]]).status.code(), Some(2));
    assert_eq!(lab(&["compare", folders[0], "/no/such/folder"]).status.code(), Some(2));
    let empty = tempfile::tempdir().unwrap();
    let output = lab(&["compare", folders[0], empty.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("lab bench --out"));
}

#[test]
fn claims_tell_intervals_and_the_controls() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "abc", 1.0, 0.5);
    let output = lab(&["claims", folder.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    for part in [
        "holds: A loop is fast.\n    by \"An Example\"\n",
        "    expected requests per server-CPU-second, event-loop (64 connections): \
         at least 100 k (± 5 %)\n    measured 100 k [99 k, 101 k], 95 % interval\n",
        "    throughput: 9 blocks, the whole interval within the bounds\n",
        "throughput: 9 blocks\n    event-loop (64 connections)  \
         requests per server-CPU-second  1.01  [0.98, 1.03]  equivalent\n",
    ] {
        assert!(text.contains(part), "{part}\nis not in\n{text}");
    }
}
