//! `lab batch` and `lab sources`, from outside.

use std::{
    io::{BufRead, BufReader, ErrorKind::WouldBlock, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

const LAB: &str = env!("CARGO_BIN_EXE_lab");
const MODELS: [&str; 5] =
    ["sequential", "thread-per-source", "thread-pool", "event-loop", "loop-per-process"];

fn lab(arguments: &[&str]) -> Output {
    Command::new(LAB).args(arguments).stdin(Stdio::null()).output().expect("lab runs")
}

fn json(output: &Output) -> Value {
    let said = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"))
}

/// A process, killed when it is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// `lab sources`, and where it listens.
fn sources(options: &[&str]) -> (Running, String) {
    let mut child = Command::new(LAB)
        .args(["sources", "--listen", "127.0.0.1:0"])
        .args(options)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the sources start");
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim_end().strip_prefix("listening on ").expect(&line).to_owned();
    (Running(child), address)
}

#[test]
fn every_model_finds_the_same() {
    let (_sources, address) = sources(&["--delay", "10ms", "--records", "50"]);
    let reports = MODELS.map(|model| {
        let output = lab(&[
            "batch",
            model,
            "--sources",
            "23",
            "--workers",
            "3",
            "--server",
            &address,
            "--json",
        ]);
        assert!(output.status.success(), "{model}");
        json(&output)
    });
    for (model, report) in MODELS.iter().zip(&reports) {
        assert_eq!(report["aggregate"], reports[0]["aggregate"], "{model}");
        assert_eq!(report["aggregate"]["records"], 23 * 50, "{model}");
        assert_eq!((&report["model"], &report["sources"]), (&Value::from(*model), &23.into()));
    }
    let processes = reports.each_ref().map(|report| report["processes"].as_u64().unwrap());
    assert_eq!(processes, [1, 1, 1, 1, 4]);
}

/// Sources that answer nobody before so many have been asked: who asks fewer at the
/// same time waits for ever, or, here, until its time is up.
#[test]
fn each_model_asks_as_many_at_once_as_it_can() {
    const WORKERS: usize = 3;
    const SOURCES: usize = 13 * WORKERS;
    let ask = |model: &str, at_once: usize, patience: &str| {
        let address = answers_together(at_once);
        let (sources, workers) = (SOURCES.to_string(), WORKERS.to_string());
        let ask = ["batch", model, "--sources", &sources, "--server", &address];
        lab(&[&ask[..], &["--timeout", patience, "--workers", &workers, "--json"]].concat())
    };
    for (model, at_once, threads) in [
        ("sequential", 1, 1),
        ("thread-pool", WORKERS, 1 + WORKERS),
        ("thread-per-source", SOURCES, 1 + SOURCES),
        ("event-loop", SOURCES, 1),
        ("loop-per-process", SOURCES, 1 + WORKERS),
    ] {
        let output = ask(model, at_once, "60s");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{model}: {said}");
        let report = json(&output);
        assert_eq!(report["aggregate"]["records"], SOURCES, "{model}");
        assert_eq!(report["threads_peak"], threads, "{model}");
    }
    for (model, too_many) in [("sequential", 2), ("thread-pool", WORKERS + 1)] {
        let output = ask(model, too_many, "20ms");
        assert_eq!(output.status.code(), Some(1), "{model}");
        assert_eq!(json(&output)["failures"]["count"], SOURCES, "{model}");
    }
}

/// Answers whenever so many connections are open at the same time.
fn answers_together(at_once: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        let mut open: Vec<TcpStream> = Vec::new();
        for mut stream in listener.incoming().flatten() {
            let mut question = [0; 64];
            if stream.read(&mut question).is_ok() && stream.set_nonblocking(true).is_ok() {
                open.push(stream);
            }
            // Nothing follows a question but, from who has lost patience, the end.
            open.retain(|stream| stream.peek(&mut [0]).is_err_and(|e| e.kind() == WouldBlock));
            if open.len() == at_once {
                for mut stream in open.drain(..) {
                    let _ = stream.write_all(b"north 5\nend 1 5\n");
                }
            }
        }
    });
    address
}

#[test]
fn sources_that_fail_are_said_and_the_others_counted() {
    // It cuts every answer in the middle.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream: TcpStream = stream;
            let mut question = [0; 64];
            let _ = stream.read(&mut question);
            let _ = stream.write_all(b"north 5\nend 2");
        }
    });
    for model in MODELS {
        let output = lab(&["batch", model, "--sources", "3", "--server", &address, "--json"]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{model}: {said}");
        assert!(said.contains("3 of 3 sources failed, such as source"), "{model}: {said}");
        assert!(said.contains("it closed after 1 records, in the middle"), "{model}: {said}");
        let report = json(&output);
        assert_eq!(report["failures"]["count"], 3, "{model}");
        assert_eq!(report["aggregate"]["records"], 0, "half an answer is none: {model}");
    }
}

#[test]
fn nobody_there_is_said() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    for model in MODELS {
        let output = lab(&["batch", model, "--sources", "2", "--server", &free]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{model}: {said}");
        assert!(said.contains("refused"), "{model}: {said}");
    }
}

#[test]
fn a_source_that_never_answers_is_given_up() {
    let (_sources, address) = sources(&["--delay", "1h"]);
    for model in MODELS {
        let output = lab(&[
            "batch",
            model,
            "--sources",
            "2",
            "--server",
            &address,
            "--timeout",
            "100ms",
            "--json",
        ]);
        assert_eq!(json(&output)["failures"]["count"], 2, "{model}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("longer than 100ms"), "{model}: {said}");
    }
}

#[test]
fn too_many_sources_are_refused_beforehand() {
    let limited = format!("ulimit -n 100; exec {LAB} batch event-loop --sources 80");
    let output = Command::new("sh").args(["-c", &limited]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("ask at most 68"), "{said}");
}

#[test]
fn wrong_words_are_told() {
    let output = lab(&["batch", "event-lop"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2));
    assert!(said.contains("event-loop"), "{said}");
    let output = lab(&["batch", "event-loop", "--server", "nowhere"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("no address"));
}

/// Whoever is killed leaves nobody behind.
#[test]
fn the_sources_end_with_the_job() {
    let mut job = Running(
        Command::new(LAB)
            .args(["batch", "event-loop", "--delay", "1h"])
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    );
    let children = format!("/proc/{0}/task/{0}/children", job.0.id());
    let deadline = Instant::now() + Duration::from_secs(20);
    let child = loop {
        let text = std::fs::read_to_string(&children).unwrap();
        if let Some(child) = text.split_whitespace().next() {
            break Pid::from_raw(child.parse().unwrap()).unwrap();
        }
        assert!(Instant::now() < deadline, "it starts its sources");
        thread::sleep(Duration::from_millis(2));
    };
    // Its wish to end with the job is made before it listens; the job asks after that.
    await_question(&mut job);
    job.0.kill().unwrap();
    job.0.wait().unwrap();
    while is_alive(child) {
        assert!(Instant::now() < deadline, "the sources live on");
        thread::sleep(Duration::from_millis(2));
    }
}

/// One that has ended and that nobody has waited for is not.
fn is_alive(process: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero()));
    stat.is_ok_and(|stat| !stat.contains(") Z"))
}

/// Waits until the job has sockets: then its sources listen.
fn await_question(job: &mut Running) {
    let folder = format!("/proc/{}/fd", job.0.id());
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let sockets = std::fs::read_dir(&folder).unwrap().flatten().filter(|entry| {
            let target = std::fs::read_link(entry.path()).unwrap_or_default();
            target.to_string_lossy().starts_with("socket:")
        });
        if sockets.count() > 10 {
            return;
        }
        assert!(Instant::now() < deadline, "it asks its sources");
        thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn sources_stop_when_asked() {
    for signal in [Signal::INT, Signal::TERM, Signal::QUIT] {
        let (mut sources, _) = sources(&[]);
        kill_process(Pid::from_child(&sources.0), signal).unwrap();
        assert!(sources.0.wait().unwrap().success(), "{signal:?}");
    }
}

#[test]
fn a_taken_port_is_told() {
    let (_sources, address) = sources(&[]);
    let output = lab(&["sources", "--listen", &address]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("choose with --listen"), "{said}");
}
