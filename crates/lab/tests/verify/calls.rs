//! Models differ by architecture alone, as far as system calls tell: what each makes
//! for a request and for a connection, counted by strace. `just calls` writes the
//! counts to `results/traced/system-calls.json`, and this holds them.

use std::{
    env, fs,
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::Command,
};

use results::write_atomically;
use serde_json::{Map, Value, json};

use crate::{
    bed::{alone, table},
    is_there,
    strace::{Calls, Traced, model_names},
};

/// On one connection, each sent when the one before is answered.
const REQUESTS: u64 = 1000;
const BYTES: usize = 64;
/// One after the other, each with one request.
const CONNECTIONS: u64 = 100;
/// What models are held against.
const YARDSTICKS: [&str; 2] = ["bare-epoll", "bare-tokio"];

/// How far counts may be from those that are written down.
const TOLERANCE: f64 = 0.02;
/// So many more or fewer at the start and the end are no service to a client.
const STRAY: u64 = 4;
/// A call made for fewer requests, or connections, of a hundred is made for none.
const SELDOM_PERCENT: u64 = 10;
/// Who waits, tries again or has to be woken depends on who is faster, and that on
/// strace: these are written down, and not held. A runtime writes to wake.
const TIMED: [&str; 10] = [
    "accept4",
    "epoll_pwait",
    "epoll_wait",
    "futex",
    "io_uring_enter",
    "madvise",
    "poll",
    "ppoll",
    "restart_syscall",
    "sched_yield",
];
const RUNTIMES: [&str; 2] = ["async-tasks", "bare-tokio"];
/// What these start for a connection may still be starting when that ends.
const STARTERS: [&str; 2] = ["thread-per-connection", "process-per-connection"];
const FOR_REQUESTS: &str = "per_1000_requests";
const FOR_CONNECTIONS: &str = "per_100_connections";
/// What every model reads and writes by, if it does not tell a ring to.
const DIALOGUE: [&str; 2] = ["recvfrom", "sendto"];

/// What a model may make for each request beside reading and writing.
fn may_make(model: &str) -> &'static [&'static str] {
    match model {
        "single-threaded" | "thread-per-connection" | "thread-pool" | "process-per-connection" => {
            &[]
        }
        "bare-epoll" => &["epoll_pwait"],
        // Two hand-overs: to a worker that may sleep, and to the loop.
        "dispatching-reactor" => &["epoll_wait", "futex", "sched_yield", "write"],
        // The runtime's, which may wake another of its threads.
        _ if RUNTIMES.contains(&model) => &["epoll_wait", "futex", "write"],
        "completion-rings" => &["io_uring_enter"],
        _ => &["epoll_wait"],
    }
}

/// One connection, from its begin to its end.
fn talk(address: SocketAddr, requests: u64) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let (request, mut answer) = ([b'.'; BYTES], [0; BYTES]);
    for _ in 0..requests {
        stream.write_all(&request).unwrap();
        stream.read_exact(&mut answer).unwrap();
    }
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(stream.read(&mut answer).unwrap(), 0, "it closes, too");
}

/// The calls of a server that has had so many connections with so many requests each.
fn calls_of(model: &str, connections: u64, requests: u64, folder: &Path) -> Calls {
    let server = Traced::start(&[model, "--workers", "1"], folder);
    (0..connections).for_each(|_| talk(server.address(), requests));
    server.stop()
}

/// What was called more often than before, for so many requests or connections.
fn more(calls: Calls, before: &Calls, times: u64) -> Calls {
    let least = times * SELDOM_PERCENT / 100;
    let beyond = |(name, count): (String, u64)| {
        let more = count.saturating_sub(before.get(&name).copied().unwrap_or(0));
        (more >= least).then_some((name, more))
    };
    calls.into_iter().filter_map(beyond).collect()
}

/// Says what is not as the architecture alone would have it.
fn faults(model: &str, request: &Calls, connection: &Calls) -> Vec<String> {
    let mut faults = Vec::new();
    let mut blame = |what: String| faults.push(format!("{model}: {what}"));
    for name in request.keys().map(String::as_str) {
        let is_dialogue = DIALOGUE.contains(&name) && model != "completion-rings";
        if !is_dialogue && !may_make(model).contains(&name) {
            blame(format!("{name}, for a request"));
        }
    }
    for name in DIALOGUE.iter().filter(|_| model != "completion-rings") {
        let count = request.get(*name).copied().unwrap_or(0);
        if !is_near(count, REQUESTS) {
            blame(format!("{name} {count} times for {REQUESTS} requests"));
        }
    }
    // A socket is made as it is wanted, and is asked nothing.
    let makes_processes = model == "process-per-connection";
    for name in ["ioctl", "setsockopt", "getsockopt", "getpeername"] {
        if connection.contains_key(name) && !makes_processes {
            blame(format!("{name}, for a connection"));
        }
    }
    faults
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
fn is_near(count: u64, wanted: u64) -> bool {
    let apart = count.abs_diff(wanted);
    apart <= STRAY || apart as f64 <= wanted as f64 * TOLERANCE
}

/// Whether a count depends on who is faster.
fn is_timed(model: &str, kind: &str, name: &str) -> bool {
    TIMED.contains(&name)
        || name == "write" && RUNTIMES.contains(&model)
        || kind == FOR_CONNECTIONS && STARTERS.contains(&model)
}

fn place() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../results/traced/system-calls.json")
}

fn first_line(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned()
}

/// The system's name, release and machine.
fn system() -> String {
    first_line("uname", &["-srm"])
}

fn write(models: &Map<String, Value>) {
    let content = json!({
        "run": {
            "strace": first_line("strace", &["--version"]),
            "system": system(),
            "service": "echo",
            "workers": 1,
            "request_bytes": BYTES,
            "requests": REQUESTS,
            "connections": CONNECTIONS,
        },
        "models": models,
    });
    let text = serde_json::to_string_pretty(&content).unwrap() + "\n";
    write_atomically(&place(), text.as_bytes()).unwrap();
}

/// Says what is not as it is written down. Other systems have other calls, so only what
/// was counted on this one is held.
fn apart(models: &Map<String, Value>) -> Vec<String> {
    let text = fs::read_to_string(place()).expect("`just calls` writes it");
    let written: Value = serde_json::from_str(&text).unwrap();
    let theirs = written["run"]["system"].as_str().unwrap();
    let mut apart = Vec::new();
    if theirs != system() {
        println!("\nSKIPPED: system calls as written down: that was on {theirs}");
        return apart;
    }
    let written = written["models"].as_object().unwrap();
    if !written.keys().eq(models.keys()) {
        apart.push("other models are written down".to_owned());
    }
    for (model, kinds) in models {
        for (kind, calls) in kinds.as_object().unwrap() {
            let old = &written[model][kind];
            let names = calls.as_object().into_iter().chain(old.as_object()).flat_map(Map::keys);
            for name in names.filter(|name| !is_timed(model, kind, name)) {
                let count = |of: &Value| of[name].as_u64().unwrap_or(0);
                let (found, wanted) = (count(calls), count(old));
                if !is_near(found, wanted) {
                    apart.push(format!("{model}, {kind}: {name} {found} times, not {wanted}"));
                }
            }
        }
    }
    apart
}

#[test]
fn models_make_the_same_calls_but_for_what_their_architecture_needs() {
    let _alone = alone();
    if !is_there("strace", "system calls of each model") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (mut models, mut rows, mut wrong) = (Map::new(), Vec::new(), Vec::new());
    for model in model_names().iter().map(String::as_str).chain(YARDSTICKS) {
        let of = |connections, requests| calls_of(model, connections, requests, folder.path());
        let request = more(of(1, REQUESTS), &of(1, 0), REQUESTS);
        let connection = more(of(CONNECTIONS, 1), &of(0, 0), CONNECTIONS);
        wrong.extend(faults(model, &request, &connection));
        for (kind, calls) in [(FOR_REQUESTS, &request), (FOR_CONNECTIONS, &connection)] {
            rows.extend(calls.iter().map(|(name, count)| {
                vec![model.to_owned(), kind.to_owned(), name.clone(), count.to_string()]
            }));
        }
        let calls = json!({ FOR_REQUESTS: request, FOR_CONNECTIONS: connection });
        models.insert(model.to_owned(), calls);
    }
    table("system calls that strace counts", &["model", "for", "call", "count"], &rows);
    assert!(wrong.is_empty(), "{wrong:#?}");
    if env::var_os("WRITE").is_some() {
        return write(&models);
    }
    let apart = apart(&models);
    assert!(apart.is_empty(), "{apart:#?}; if that is meant, `just calls` writes it down");
}
