//! What is counted is what the kernel counts: system calls, held against
//! strace; context switches, against a dialogue in which each is known.

use std::{fs, path::Path, process::Command};

use results::{Figure, Store};
use serde_json::{Value, json};

use crate::{
    bed::{LAB, alone, load, table},
    is_there,
    strace::{Calls, Traced, model_names},
};

/// How far our counts may be from the kernel's: a program makes some calls
/// before it serves, and after.
const TOLERANCE: f64 = 0.02;

/// Kinds in a server's report, and the calls that they are. Connections are read by
/// calls of sockets alone, and files, such as a program's libraries, by others. A
/// wakeup writes to an eventfd, which strace cannot tell from a socket.
const KINDS: [(&[&str], &[&str]); 4] = [
    (&["accept"], &["accept", "accept4"]),
    (&["read"], &["recvfrom", "recvmsg"]),
    (&["write", "wake"], &["write", "writev", "sendto", "sendmsg"]),
    (&["wait"], &["epoll_wait", "epoll_pwait", "epoll_pwait2", "poll", "ppoll", "io_uring_enter"]),
];

/// How often strace counted calls of these names.
fn traced(summary: &Calls, names: &[&str]) -> u64 {
    names.iter().filter_map(|&name| summary.get(name)).sum()
}

/// What a model's report and strace say of the same run; `None` if the report
/// counts no system calls.
fn both(model: &str, folder: &Path) -> Option<(Value, Calls)> {
    let report = folder.join("report.json");
    let options = [model, "--workers", "2", "--report", report.to_str().unwrap()];
    let server = Traced::start(&options, folder);
    load(&json!({ "target": server.address(), "warmup": "200ms", "duration": "1500ms" }));
    let summary = server.stop();
    let report: Value = serde_json::from_slice(&fs::read(&report).unwrap()).unwrap();
    let calls = report.get("system_calls").filter(|calls| !calls.is_null())?.clone();
    Some((calls, summary))
}

#[test]
#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
fn system_calls_are_those_that_strace_counts() {
    let _alone = alone();
    if !is_there("strace", "system calls against strace") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (mut rows, mut apart) = (Vec::new(), Vec::new());
    for model in model_names() {
        let Some((ours, summary)) = both(&model, folder.path()) else {
            println!("\nSKIPPED: system calls of {model}: its report counts none");
            continue;
        };
        for (kinds, names) in KINDS {
            let ours: u64 = kinds.iter().filter_map(|kind| ours[kind].as_u64()).sum();
            let kind = kinds.join(" + ");
            let mut theirs = traced(&summary, names);
            if kinds == ["wait"] {
                // A Rust program polls its standard streams once, before its `main`.
                theirs -= theirs.min(traced(&summary, &["execve"]));
            }
            let off = ours as f64 / theirs as f64 - 1.0;
            rows.push(vec![
                model.clone(),
                kind.clone(),
                ours.to_string(),
                theirs.to_string(),
                format!("{:+.2} %", off * 100.0),
            ]);
            // A few calls at the start and the end are no service to a client.
            if ours.abs_diff(theirs) > 64 && off.abs() > TOLERANCE {
                apart.push(format!("{model}, {kind}: {ours} counted, {theirs} traced"));
            }
        }
    }
    table("system calls", &["model", "kind", "counted", "strace", "off"], &rows);
    assert!(apart.is_empty(), "{apart:#?}");
}

/// One connection that thinks between its requests: the server's thread waits
/// for each, and switches once.
const DIALOGUE: &str = r#"
title = "Switches"
question = "Does a request that is waited for cost one context switch?"
models = ["single-threaded", "thread-per-connection", "event-loop", "pooled-event-loops"]
[x]
label = "connections"
varies = "connections"
[server]
service = "echo"
workers = 1
[load]
mode = { closed = { think = "1ms" } }
requests = [{ kind = { echo = { bytes = 64 } } }]
[compare]
baseline = "event-loop"
figures = ["context_switches_per_request"]
[full]
blocks = 3
warmup = "50ms"
duration = "2s"
values = [1]
[quick]
blocks = 1
warmup = "50ms"
duration = "2s"
values = [1]
"#;

#[test]
fn a_request_that_is_waited_for_costs_one_context_switch() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let (file, out) = (folder.path().join("switches.toml"), folder.path().join("out"));
    fs::write(&file, DIALOGUE).unwrap();
    let output = Command::new(LAB)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["bench".as_ref(), file.as_os_str(), "--out".as_ref(), out.as_os_str()])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(output.status.code(), Some(0 | 4)), "{said}");
    let experiment = Store::new(&out).experiment("switches").unwrap().unwrap();
    let found: Vec<(&str, f64)> = experiment
        .statistics
        .iter()
        .filter(|one| one.figure == Figure::ContextSwitchesPerRequest)
        .map(|one| (one.model.as_str(), one.value))
        .collect();
    let rows: Vec<_> =
        found.iter().map(|(model, per)| vec![(*model).to_owned(), format!("{per:.3}")]).collect();
    table("context switches for each request that is waited for", &["model", "median"], &rows);
    assert_eq!(found.len(), 4);
    for (model, switches) in found {
        // Above 1: start, stop, and who else wanted the core.
        assert!((0.98..1.1).contains(&switches), "{model}: {switches}");
    }
}
