//! The cache beside memcached: the same commands, at random, have the same answers to
//! the last byte. What differs on purpose is in the book, and not asked here.

use std::process::Command;

use rand::{RngExt as _, SeedableRng as _, seq::IndexedRandom as _};
use rand_chacha::ChaCha8Rng;

use crate::{
    amount,
    client::Client,
    model::{EVENT_LOOP, POOLED_EVENT_LOOPS},
    peer::Peer,
    server::Server,
};

/// Stored and asked for behind each command. Its answer tells where the command's ends.
const MARK: &str = "set mark 4242 0 0\r\n\r\nget mark\r\n";
const MARK_ANSWER: &[u8] = b"STORED\r\nVALUE mark 4242 0\r\n\r\nEND\r\n";

fn memcached() -> Option<Peer> {
    Peer::start(|address| {
        let mut command = Command::new("memcached");
        // Without what tidies up besides: it holds on to values for a while, and `decr`
        // then makes a copy, where otherwise it pads the value in its place.
        command.args(["-o", "no_modern"]);
        command.args(["-U", "0", "-t", "1", "-u", "nobody"]);
        command.args(["-l", &address.ip().to_string(), "-p", &address.port().to_string()]);
        command
    })
}

/// A command, right or wrong, with what belongs to it.
fn command(chance: &mut ChaCha8Rng) -> String {
    let pick = |from: &[&'static str], chance: &mut ChaCha8Rng| *from.choose(chance).unwrap();
    let long = "k".repeat(chance.random_range(249..=252));
    let key = match pick(&["a", "b", "c", "n", "n", "m", "long"], chance) {
        "long" => long.as_str(),
        key => key,
    };
    let flags = pick(&["0", "0", "7", "4294967295", "-1", "x", ""], chance);
    let exptime = pick(&["0", "0", "0", "-1", "100", "x"], chance);
    let value = pick(&["", "x", "10", "99", "18446744073709551615", "with space", "9 "], chance);
    let length = match chance.random_range(0..12) {
        // Never too long: it would wait for the rest.
        0 => pick(&["0", "-1", "x", ""], chance).to_owned(),
        _ => value.len().to_string(),
    };
    let number = pick(&["1", "0", "5", "100", "18446744073709551615", "-1", "x", ""], chance);
    let end = pick(&["", "", "", "", " noreply", " junk"], chance);
    match chance.random_range(0..16) {
        0..4 => format!("set {key} {flags} {exptime} {length}{end}\r\n{value}\r\n"),
        4 => {
            let verb = pick(&["add", "replace", "append", "prepend"], chance);
            format!("{verb} {key} {flags} {exptime} {length}{end}\r\n{value}\r\n")
        }
        // No `gets`, `gats` and `cas`: memcached also counts the copies that it makes itself.
        5..8 => format!("get {key}\r\n"),
        8 => format!("get {key} a  n {key}\r\n"),
        9 => format!("gat {exptime} {key} a\r\n"),
        10..12 => format!("{} {key} {number}{end}\r\n", pick(&["incr", "decr"], chance)),
        12 => format!("delete {key}{}{end}\r\n", pick(&["", "", " 0", " 1"], chance)),
        13 => format!("touch {key} {exptime}{end}\r\n"),
        14 => format!("verbosity {number}{end}\r\n"),
        _ => pick(
            &["flush_all\r\n", "nothing\r\n", "\r\n", " get a\r\n", "get\r\n", "GET a\r\n"],
            chance,
        )
        .to_owned(),
    }
}

/// What is answered to one command.
fn ask(client: &Client, command: &str) -> String {
    client.send(command);
    client.send(MARK);
    let mut answer = Vec::new();
    while !answer.ends_with(MARK_ANSWER) {
        answer.extend(client.receive(1));
    }
    answer.truncate(answer.len() - MARK_ANSWER.len());
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn random_commands_are_answered_as_memcached_answers_them() {
    for (round, model) in [EVENT_LOOP, POOLED_EVENT_LOOPS].into_iter().enumerate() {
        let Some(peer) = memcached() else { return };
        let server = Server::start(model, "cache", &["--shards", "1"]);
        let (ours, theirs) = (server.connect(), Client::connect(peer.address));
        let mut chance = ChaCha8Rng::seed_from_u64(round as u64);
        let mut told = Vec::new();
        for _ in 0..amount(2000, 100_000) {
            let command = command(&mut chance);
            let (ours, theirs) = (ask(&ours, &command), ask(&theirs, &command));
            told.push(command);
            let last = &told[told.len().saturating_sub(5)..];
            assert_eq!(ours, theirs, "ours, then memcached's, to the last of {last:?}");
        }
    }
}
