//! The latencies in `histograms/*.hlog`, read by `HdrHistogram`'s own reader for
//! Python, are those of the JSON.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use crate::{
    bed::{LAB, alone},
    is_there,
};

const EXPERIMENT: &str = r#"
title = "Logged"
question = "Do others read our latencies as we do?"
models = ["event-loop", "thread-per-connection"]
[x]
label = "connections"
varies = "connections"
[server]
service = "http"
workers = 1
[[variant]]
name = "short"
load = { requests = [{ kind = { http = { path = "/" } } }] }
[[variant]]
name = "computing"
load = { requests = [{ kind = { http = { path = "/cpu?us=100" } } }] }
[compare]
baseline = "event-loop"
figures = ["requests_per_server_cpu_second"]
[full]
blocks = 2
warmup = "100ms"
duration = "500ms"
values = [1, 16]
[quick]
blocks = 1
warmup = "100ms"
duration = "500ms"
values = [16]
"#;

fn run(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).trim_end().to_owned()
}

#[test]
fn others_read_our_latencies_as_we_do() {
    let _alone = alone();
    if !is_there("python3", "the reading of .hlog files") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let python = folder.path().join("venv/bin/python");
    for step in [
        Command::new("python3").args(["-m", "venv"]).arg(folder.path().join("venv")),
        Command::new(&python).args(["-m", "pip", "install", "--quiet", "hdrhistogram~=0.10"]),
    ] {
        let output = run(step);
        if !output.status.success() {
            println!("\nSKIPPED: the reading of .hlog files: {step:?}: {}", text(&output));
            return;
        }
    }
    let (file, out) = (folder.path().join("logged.toml"), folder.path().join("out"));
    fs::write(&file, EXPERIMENT).unwrap();
    let measured = run(Command::new(LAB).current_dir(env!("CARGO_MANIFEST_DIR")).args([
        "bench".as_ref(),
        file.as_os_str(),
        "--out".as_ref(),
        out.as_os_str(),
    ]));
    // 4: some trial was void, which does not matter here.
    assert!(matches!(measured.status.code(), Some(0 | 4)), "{}", text(&measured));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/verify/hlog.py");
    let read = run(Command::new(&python).arg(script).arg(&out));
    println!("\n.hlog files, read by HdrHistogram for Python\n  {}", text(&read));
    assert!(read.status.success(), "{}", text(&read));
}
