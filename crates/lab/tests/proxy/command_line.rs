//! What `lab proxy` says, and where.

use std::process::{Command, Stdio};

use crate::{
    rig::{Rig, for_every_model},
    server::LAB,
};

for_every_model!(what_is_wrong_is_said_with_what_to_do, options_without_effect_are_said);

const FOREVER: &str = "18446744073709551615s";

/// Runs `lab proxy`, which must not start; returns its exit code and what it said.
fn refused(arguments: &[&str]) -> (Option<i32>, String) {
    let command =
        Command::new(LAB).arg("proxy").args(arguments).stdin(Stdio::null()).output().unwrap();
    assert!(command.stdout.is_empty(), "standard output is for the address");
    (command.status.code(), String::from_utf8(command.stderr).expect("it prints text"))
}

fn what_is_wrong_is_said_with_what_to_do(model: &str) {
    let taken = Rig::start(model, &[]);
    let listen = taken.proxy.address.to_string();
    let upstream = taken.upstream.local_addr().unwrap().to_string();
    for (arguments, code, why) in [
        (vec![], 2, "--upstream"),
        (vec!["--upstream", "localhost"], 2, "host and a port"),
        (vec!["--upstream", "a:b"], 2, "host and a port"),
        (vec!["--upstream", "nobody.invalid:80"], 1, "nobody.invalid:80"),
        (vec!["--upstream", "127.0.0.1:5555"], 2, "itself"),
        (vec!["--upstream", &upstream, "--listen", &listen], 1, "is taken"),
        (vec!["--upstream", &upstream, "--connect-timeout", "0s"], 2, "above zero"),
        (vec!["--upstream", &upstream, "--connect-timeout", FOREVER], 2, "365 days"),
        (vec!["--upstream", &upstream, "--drain", FOREVER], 2, "365 days"),
        (vec!["--upstream", &upstream, "--workers", "99999999999"], 2, "to 1024"),
        (vec!["--upstream", &upstream, "--max-connections", "99999999"], 1, "descriptors"),
        (vec!["--upstream", &upstream, "--report", "/no/such/folder/file"], 1, "report"),
    ] {
        let (status, said) = refused(&[&[model], &arguments[..]].concat());
        assert_eq!(status, Some(code), "{arguments:?}: {said}");
        assert!(said.contains(why), "{arguments:?}: {said}");
        assert!(code == 2 || said.lines().count() == 1, "{said}");
    }
}

fn options_without_effect_are_said(model: &str) {
    let rig = Rig::start(model, &["--workers", "3"]);
    let end = rig.proxy.stop();
    let said = end.errors.contains("--workers has no effect");
    assert_eq!(said, model != "pooled-event-loops", "{}", end.errors);
}

#[test]
fn a_misspelt_model_is_told_its_neighbour() {
    let (status, said) = refused(&["event-lop", "--upstream", "127.0.0.1:1"]);
    assert_eq!(status, Some(2));
    assert!(said.contains("event-loop"), "{said}");
}
