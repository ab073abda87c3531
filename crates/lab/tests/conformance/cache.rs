//! The cache: the memcached text protocol, and one store behind all connections.

use std::{io::Write, process::Command, thread};

use crate::{
    client::Client,
    farewell::all_end_in_order,
    model::{Model, PREFORK_LOOPS, PROCESS_PER_CONNECTION, for_models_of_threads},
    server::{LAB, Server},
    wait::{SETTLE, eventually, throughout},
};

for_models_of_threads!(
    more_behind_a_quit_is_no_reset,
    every_command_is_answered_byte_for_byte,
    connections_see_each_others_writes,
    counting_by_four_connections_adds_up,
    a_mebibyte_is_stored_and_comes_back_whole,
    bad_input_is_said_and_the_connection_kept,
    memory_is_bounded,
    values_that_nobody_reads_are_not_made,
);

const MIB: usize = 1 << 20;
/// What a client that asks for much may cost in memory.
const GROWTH_MAX: usize = 24 * MIB;

/// Their workers share no memory, and so no store.
#[test]
fn models_of_processes_refuse_it() {
    for model in [PREFORK_LOOPS, PROCESS_PER_CONNECTION] {
        let mut command = Command::new(LAB);
        command.args(["serve", model.name, "--listen", "127.0.0.1:0", "--service", "cache"]);
        let output = command.output().expect("the command runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && output.stdout.is_empty(), "{}: {said}", model.name);
        assert!(said.contains("processes share none"), "{}: {said}", model.name);
        assert_eq!(said.lines().count(), 1, "{}: {said}", model.name);
    }
}

impl Client {
    /// Sends, and wants to be answered so.
    #[track_caller]
    fn ask(&self, asked: &str, answered: &str) {
        self.send(asked);
        let answer = self.receive(answered.len());
        assert_eq!(String::from_utf8_lossy(&answer), answered, "to {asked:?}");
    }

    /// Sends, and returns what comes up to and with the line `END`.
    fn ask_lines(&self, asked: &str) -> String {
        self.send(asked);
        let mut answer = Vec::new();
        while !answer.ends_with(b"END\r\n") {
            answer.extend(self.receive(1));
        }
        String::from_utf8(answer).expect("it is text")
    }

    fn stat(&self, name: &str) -> usize {
        let stats = self.ask_lines("stats\r\n");
        let value = stats.lines().find_map(|line| line.strip_prefix(&format!("STAT {name} ")));
        value.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("{name} in {stats}"))
    }
}

/// One shard: then the ids for `cas` are counted from 1.
fn every_command_is_answered_byte_for_byte(model: Model) {
    let server = Server::start(model, "cache", &["--workers", "2", "--shards", "1"]);
    let client = server.connect();
    let dialogue = [
        ("get a\r\n", "END\r\n"),
        ("set a 7 0 3\r\nabc\r\n", "STORED\r\n"),
        ("add a 0 0 1\r\nx\r\n", "NOT_STORED\r\n"),
        ("replace a 8 0 2\r\nbc\r\n", "STORED\r\n"),
        ("append a 0 0 1\r\nd\r\nprepend a 0 0 1\r\na\r\n", "STORED\r\nSTORED\r\n"),
        ("gets a nothing a\r\n", "VALUE a 8 4 4\r\nabcd\r\nVALUE a 8 4 4\r\nabcd\r\nEND\r\n"),
        ("cas a 0 0 1 3\r\nx\r\ncas a 0 0 1 4\r\ny\r\n", "EXISTS\r\nSTORED\r\n"),
        ("touch a 100\r\ngat 0 a\r\n", "TOUCHED\r\nVALUE a 0 1\r\ny\r\nEND\r\n"),
        ("set n 0 0 2 noreply\r\n10\r\ndecr n 3\r\nincr n 5\r\n", "7\r\n12\r\n"),
        ("delete a\r\ndelete a\r\ntouch a 0\r\n", "DELETED\r\nNOT_FOUND\r\nNOT_FOUND\r\n"),
        ("set gone 0 -1 1\r\nx\r\nget gone\r\n", "STORED\r\nEND\r\n"),
        ("flush_all\r\nget n\r\nverbosity 1\r\n", "OK\r\nEND\r\nOK\r\n"),
    ];
    for (asked, answered) in dialogue {
        client.ask(asked, answered);
    }
    // All at once, as clients do that do not wait.
    let (asked, answered): (String, String) =
        dialogue[..1].iter().cycle().take(1000).copied().unzip();
    client.ask(&asked, &answered);
    assert!(client.ask_lines("stats\r\n").contains("STAT get_misses "));
    client.send("version\r\nquit\r\n");
    assert!(client.receive_all().starts_with(b"VERSION "));
    server.stop_well();
}

/// At once, if the model serves two; else one after the other.
fn connections_see_each_others_writes(model: Model) {
    let server = Server::start(model, "cache", &["--workers", "2", "--shards", "1"]);
    if model.at_once(2, 2) == 2 {
        let (one, other) = (server.connect(), server.connect());
        one.ask("set a 0 0 1\r\nx\r\n", "STORED\r\n");
        other.ask("gets a\r\n", "VALUE a 0 1 1\r\nx\r\nEND\r\n");
        one.ask("cas a 0 0 1 1\r\ny\r\n", "STORED\r\n");
        other.ask("cas a 0 0 1 1\r\nz\r\n", "EXISTS\r\n");
        other.ask("get a\r\n", "VALUE a 0 1\r\ny\r\nEND\r\n");
    } else {
        for (asked, answered) in [
            ("set a 0 0 1\r\nx\r\n", "STORED\r\n"),
            ("cas a 0 0 1 1\r\ny\r\n", "STORED\r\n"),
            ("cas a 0 0 1 1\r\nz\r\n", "EXISTS\r\n"),
            ("get a\r\n", "VALUE a 0 1\r\ny\r\nEND\r\n"),
        ] {
            server.connect().ask(asked, answered);
        }
    }
    server.stop_well();
}

/// First without waiting, so that workers are at it at the same time; then with
/// `gets` and `cas` until it succeeds. Both lose counts wherever a value is read
/// and written in two steps.
fn counting_by_four_connections_adds_up(model: Model) {
    let server = Server::start(model, "cache", &["--workers", "4"]);
    let client = server.connect();
    client.ask("set n 0 0 1\r\n0\r\n", "STORED\r\n");
    drop(client);
    let count = || {
        let client = server.connect();
        client.send("incr n 1 noreply\r\n".repeat(50_000));
        for _ in 0..50 {
            while !count_by_cas(&client) {}
        }
    };
    if model.at_once(4, 4) == 4 {
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(count);
            }
        });
    } else {
        (0..4).for_each(|_| count());
    }
    server.connect().ask("get n\r\n", "VALUE n 0 6\r\n200200\r\nEND\r\n");
}

/// Adds one to `n`, if nobody else does meanwhile.
fn count_by_cas(client: &Client) -> bool {
    let answer = client.ask_lines("gets n\r\n");
    let mut lines = answer.lines();
    let id = lines.next().and_then(|line| line.rsplit(' ').next()).expect("an id");
    let number: u64 = lines.next().and_then(|line| line.trim_end().parse().ok()).expect("a number");
    let value = (number + 1).to_string();
    client.send(format!("cas n 0 0 {} {id}\r\n{value}\r\n", value.len()));
    match client.receive(8).as_slice() {
        b"STORED\r\n" => true,
        b"EXISTS\r\n" => false,
        other => panic!("{}", String::from_utf8_lossy(other)),
    }
}

fn a_mebibyte_is_stored_and_comes_back_whole(model: Model) {
    let server = Server::start(model, "cache", &["--workers", "1"]);
    let client = server.connect();
    let value: String =
        (0..MIB).map(|at| char::from(b'!' + u8::try_from(at % 89).unwrap())).collect();
    client.ask(&format!("set a 0 0 {MIB}\r\n{value}\r\n"), "STORED\r\n");
    client.ask("get a\r\n", &format!("VALUE a 0 {MIB}\r\n{value}\r\nEND\r\n"));
    let too_large = format!("set a 0 0 {}\r\n{value}x\r\nget a\r\n", MIB + 1);
    client.ask(&too_large, "SERVER_ERROR object too large for cache\r\nEND\r\n");
    server.stop_well();
}

fn bad_input_is_said_and_the_connection_kept(model: Model) {
    let server = Server::start(model, "cache", &["--workers", "1"]);
    let client = server.connect();
    for (asked, answered) in [
        ("\r\n", "ERROR\r\n"),
        ("\0\u{1}\n", "ERROR\r\n"),
        ("set a 0 0\r\n", "ERROR\r\n"),
        ("set a 0 0 -1\r\n", "CLIENT_ERROR bad command line format\r\n"),
        ("set a 0 0 1\r\nxyz", "CLIENT_ERROR bad data chunk\r\n"),
        ("incr a x\r\n", "CLIENT_ERROR invalid numeric delta argument\r\n"),
        ("get a\r\n", "END\r\n"),
    ] {
        client.ask(asked, answered);
    }
    client.send("x".repeat(5000));
    let end = client.receive_all();
    assert_eq!(String::from_utf8_lossy(&end), "CLIENT_ERROR line too long\r\n");
    server.connect().ask("get a\r\n", "END\r\n");
    server.stop_well();
}

/// Writes many times what fits: old values go, and so does their memory.
fn memory_is_bounded(model: Model) {
    const VALUE: usize = 4000;
    let server = Server::start(model, "cache", &["--workers", "1", "--memory", "8m"]);
    let before = server.memory_peak();
    let client = server.connect();
    let value = "x".repeat(VALUE);
    for hundred in 0..160 {
        let set = |number| format!("set {hundred}-{number} 0 0 {VALUE} noreply\r\n{value}\r\n");
        let sets: String = (0..100).map(set).collect();
        client.ask(&format!("{sets}get none\r\n"), "END\r\n");
    }
    assert_eq!(client.stat("limit_maxbytes"), 8 * MIB);
    let (bytes, items) = (client.stat("bytes"), client.stat("curr_items"));
    assert!(bytes <= 8 * MIB && items * VALUE > 7 * MIB, "{items} items of {bytes} bytes");
    assert_eq!(client.stat("evictions"), 16_000 - items);
    client.ask("get 0-0\r\n", "END\r\n");
    client.ask("get 159-99\r\n", &format!("VALUE 159-99 0 {VALUE}\r\n{value}\r\nEND\r\n"));
    let growth = server.memory_peak().saturating_sub(before);
    assert!(growth < 20 * MIB, "8 MiB of values cost {growth} bytes");
}

/// A client asks for 800 MB and does not read, and then does.
fn values_that_nobody_reads_are_not_made(model: Model) {
    let server = Server::start(model, "cache", &["--workers", "2"]);
    let client = server.connect();
    let value = "x".repeat(MIB);
    client.ask(&format!("set a 0 0 {MIB}\r\n{value}\r\n"), "STORED\r\n");
    let before = server.memory_peak();
    (&client.stream).write_all("get a\r\n".repeat(400).as_bytes()).expect("it is taken");
    (&client.stream).write_all(format!("get {}\r\n", "a ".repeat(400)).as_bytes()).expect("too");
    eventually("an answer has begun to come", || client.has_answer());
    let growth = || server.memory_peak().saturating_sub(before);
    throughout(SETTLE, "no more is made than is read", || growth() < GROWTH_MAX);
    let line = format!("VALUE a 0 {MIB}\r\n{value}\r\n");
    for number in 0..800 {
        client.ask("", &line);
        if number < 400 || number == 799 {
            client.ask("", "END\r\n");
        }
    }
    assert!(growth() < GROWTH_MAX, "one client costs {} bytes", growth());
    server.stop_well();
}

fn more_behind_a_quit_is_no_reset(model: Model) {
    let server = Server::start(model, "cache", &["--workers", "2"]);
    all_end_in_order(&server, "version\r\nquit\r\n", |all| all.starts_with("VERSION"));
}
