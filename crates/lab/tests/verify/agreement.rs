//! Two generators that share no code agree: `lab load`, and the client in
//! `benches/peers/client.c`. They take turns on one and the same server, in
//! random order, so that the ratio of a round sees the machine in one mood.

use std::{
    collections::BTreeMap,
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::Command,
};

use measure::{Definition, Peer, Variant};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    bed::{Server, Side, alone, free_port, load, pinned, table},
    is_there,
    sample::Median,
};

const ROUNDS: usize = 12;
/// Rounds that may be void, for each server.
const VOID_MAX: usize = 12;
const CONNECTIONS: usize = 64;
const WARMUP_MS: u32 = 300;
const WINDOW_MS: u32 = 700;

/// How far the median ratio may be from 1, if its interval does not hold 1 anyway.
const TOLERANCE: f64 = 0.1;

const FIGURES: [&str; 3] = ["requests per server-CPU-second", "p50", "p99"];

/// The figures of one turn, in the order of [`FIGURES`].
type Figures = [f64; 3];

/// A server, and what it is asked.
struct Subject {
    name: String,
    how: How,
    question: Question,
}

enum How {
    Ours(&'static [&'static str]),
    Others(Box<Peer>),
}

enum Question {
    Echo,
    Http,
    /// Preparation and request, each with its answer.
    Exact([(String, String); 2]),
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn subjects() -> Vec<Subject> {
    let ours = |options: &'static [&'static str], question| Subject {
        name: options[0].to_owned(),
        how: How::Ours(options),
        question,
    };
    let mut subjects = vec![
        ours(&["event-loop"], Question::Echo),
        ours(&["thread-per-connection"], Question::Echo),
        ours(&["pooled-event-loops", "--workers", "1", "--service", "http"], Question::Http),
    ];
    let definition = Definition::read(&root().join("benches/peers.toml")).unwrap();
    for peer in definition.peers {
        let question = match peer.name.as_str() {
            "nginx" => Question::Http,
            "memcached" | "redis" => Question::Exact(exact(&peer, &definition.variants)),
            _ => continue,
        };
        if is_there(&peer.command[0], &format!("two generators on {}", peer.name)) {
            subjects.push(Subject {
                name: peer.name.clone(),
                how: How::Others(Box::new(peer)),
                question,
            });
        }
    }
    subjects
}

/// What a peer is asked in its own words, or else in those of its variant.
fn exact(peer: &Peer, variants: &[Variant]) -> [(String, String); 2] {
    let mut load = peer.load.clone();
    for variant in variants.iter().filter(|variant| peer.variants.contains(&variant.name)) {
        load = load.over(&variant.load);
    }
    let pair = |load: &load::Exact| (load.send.clone(), load.expect.clone());
    let prepare = load.prepare.as_ref().and_then(|all| all.first()).map(pair);
    let request = load.requests.as_ref().and_then(|all| match &all.first()?.kind {
        load::Kind::Exact { send, expect } => Some((send.clone(), expect.clone())),
        _ => None,
    });
    [prepare, request].map(|pair| pair.unwrap_or_else(|| panic!("{} is asked nothing", peer.name)))
}

impl Subject {
    fn start(&self, scratch: &Path) -> Server {
        let peer = match &self.how {
            How::Ours(options) => return Server::lab(options),
            How::Others(peer) => peer,
        };
        let port = free_port();
        let file = scratch.join("peer.conf");
        let expand = |text: &String| {
            text.replace("{port}", &port.to_string())
                .replace("{workers}", "1")
                .replace("{scratch}", scratch.to_str().unwrap())
                .replace("{file}", file.to_str().unwrap())
        };
        fs::write(&file, peer.file.as_ref().map(expand).unwrap_or_default()).unwrap();
        let words: Vec<String> = peer.command.iter().map(expand).collect();
        let mut command = pinned(Side::Server, &words[0]);
        command.args(&words[1..]).current_dir(scratch);
        Server::on_port(command, port)
    }

    /// `None` if the turn is void: others had the generator's core.
    fn ask_ours(&self, server: &Server) -> Option<Figures> {
        let one = |kind: Value| json!([{ "kind": kind }]);
        let (prepare, requests) = match &self.question {
            Question::Echo => (json!([]), one(json!({ "echo": { "bytes": 64 } }))),
            Question::Http => (json!([]), one(json!({ "http": { "path": "/" } }))),
            Question::Exact([prepare, request]) => {
                let exact = |pair: &(String, String)| json!({ "send": pair.0, "expect": pair.1 });
                (json!([exact(prepare)]), one(json!({ "exact": exact(request) })))
            }
        };
        let loaded = load(&json!({
            "target": server.address,
            "connections": CONNECTIONS,
            "prepare": prepare,
            "requests": requests,
            "warmup": format!("{WARMUP_MS}ms"),
            "duration": format!("{WINDOW_MS}ms"),
            "watch": server.pid(),
        }));
        assert!(matches!(loaded.code, Some(0 | 4)), "{}: {}", self.name, loaded.said);
        (loaded.code == Some(0)).then(|| {
            [
                loaded.number("/answered") / loaded.server_cpu_seconds(),
                loaded.number("/latency/p50_us"),
                loaded.number("/latency/p99_us"),
            ]
        })
    }

    /// One turn of each on a server of their own, ours and theirs.
    fn ask_both(&self, ours_first: bool, scratch: &Path, client: &Path) -> Option<[Figures; 2]> {
        let server = self.start(scratch);
        let early = if ours_first { self.ask_ours(&server) } else { None };
        let theirs = self.ask_theirs(&server, client);
        let ours = if ours_first { early } else { self.ask_ours(&server) };
        server.stop();
        Some([ours?, theirs])
    }

    fn ask_theirs(&self, server: &Server, client: &Path) -> Figures {
        let mut command = pinned(Side::Client, client.to_str().unwrap());
        for (name, value) in [
            ("--pid", server.pid().to_string()),
            ("--connections", CONNECTIONS.to_string()),
            ("--warmup", WARMUP_MS.to_string()),
            ("--window", WINDOW_MS.to_string()),
        ] {
            command.args([name, &value]);
        }
        let (request, answer) = match &self.question {
            Question::Echo => ("x".repeat(64), "x".repeat(64)),
            Question::Http => {
                let request = format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", server.address);
                (escape(&request), learn(server.address, &request))
            }
            Question::Exact([prepare, request]) => {
                command.args(["--prepare-send", &escape(&prepare.0)]);
                command.args(["--prepare-expect", &escape(&prepare.1)]);
                (escape(&request.0), escape(&request.1))
            }
        };
        let output =
            command.args([&server.address.port().to_string(), &request, &answer]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {said}", self.name);
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        ["requests_per_server_cpu_second", "p50_us", "p99_us"]
            .map(|name| report[name].as_f64().unwrap())
    }
}

/// As the C client reads it.
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\r', "\\r").replace('\n', "\\n")
}

/// What a server answers, its date left open.
fn learn(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    while !answer.ends_with("hello, world\n") {
        let mut buffer = [0; 4096];
        let count = stream.read(&mut buffer).unwrap();
        assert!(count > 0, "the answer ends with {answer:?}");
        answer += std::str::from_utf8(&buffer[..count]).unwrap();
    }
    let lines = answer.split_inclusive("\r\n").map(|line| match line.strip_prefix("Date: ") {
        Some(date) => format!("Date: {}\\r\\n", "\\?".repeat(date.trim_end().len())),
        None => escape(line),
    });
    lines.collect()
}

fn build_client(folder: &TempDir) -> PathBuf {
    let client = folder.path().join("client");
    let status = Command::new("gcc")
        .args(["-std=c17", "-D_GNU_SOURCE", "-O2", "-o"])
        .args([&client, &root().join("benches/peers/client.c")])
        .status()
        .unwrap();
    assert!(status.success(), "client.c does not compile");
    client
}

#[test]
fn two_generators_agree() {
    let _alone = alone();
    if !is_there("gcc", "two generators") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let client = build_client(&folder);
    let subjects = subjects();
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let mut turns: BTreeMap<usize, Vec<[Figures; 2]>> = BTreeMap::new();
    let mut void = 0;
    for _ in 0..ROUNDS {
        for (number, subject) in subjects.iter().enumerate() {
            let both = loop {
                let ours_first = random.random();
                if let Some(both) = subject.ask_both(ours_first, folder.path(), &client) {
                    break both;
                }
                void += 1;
                assert!(void <= VOID_MAX * subjects.len(), "others use the generator's core");
            };
            turns.entry(number).or_default().push(both);
        }
    }
    println!("\n{void} void rounds were repeated");
    judge(&subjects, &turns);
}

/// The table, and whether the ratios are near enough to 1.
fn judge(subjects: &[Subject], turns: &BTreeMap<usize, Vec<[Figures; 2]>>) {
    let mut rows = Vec::new();
    let mut apart = Vec::new();
    for (number, rounds) in turns {
        let name = &subjects[*number].name;
        for (figure, label) in FIGURES.iter().enumerate() {
            let median =
                |of: &dyn Fn(&[Figures; 2]) -> f64| Median::of(rounds.iter().map(of).collect());
            let ours = median(&|turns| turns[0][figure]).value;
            let theirs = median(&|turns| turns[1][figure]).value;
            let ratio = median(&|turns| turns[0][figure] / turns[1][figure]);
            rows.push(vec![
                name.clone(),
                (*label).to_owned(),
                format!("{ours:.0}"),
                format!("{theirs:.0}"),
                ratio.to_string(),
            ]);
            if (ratio.value - 1.0).abs() > TOLERANCE && (ratio.low > 1.0 || ratio.high < 1.0) {
                apart.push(format!("{name}, {label}: {ratio}"));
            }
        }
    }
    table(
        &format!("lab load over client.c, {ROUNDS} rounds, latencies in us"),
        &["server", "figure", "lab load", "client.c", "median ratio"],
        &rows,
    );
    assert!(apart.is_empty(), "further apart than {TOLERANCE}: {apart:#?}");
}
