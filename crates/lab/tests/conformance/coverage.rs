//! No model and no check is forgotten.

use std::{collections::BTreeSet, env, process::Command};

use crate::server::LAB;

/// Runs a program and returns what it prints.
fn output_of(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().expect("the program runs");
    assert!(output.status.success(), "{program}: {}", output.status);
    String::from_utf8(output.stdout).expect("it prints text")
}

/// A new model fails this until `model.rs` knows it.
#[test]
fn every_check_is_made_for_every_model() {
    let suite = env::current_exe().expect("the suite is a program");
    let tests = output_of(&suite.to_string_lossy(), &["--list"]);
    let checks_of = |model: &str| -> BTreeSet<String> {
        let module = format!("::{}::", model.replace('-', "_"));
        tests
            .lines()
            .filter(|test| test.contains(&module))
            .map(|test| test.replace(&module, " "))
            .collect()
    };
    let names = output_of(LAB, &["models", "--names"]);
    let all = checks_of("thread-pool");
    assert!(!all.is_empty());
    // Processes share no memory, and so no cache: that they refuse it is checked.
    let without_cache: BTreeSet<String> =
        all.iter().filter(|check| !check.starts_with("cache ")).cloned().collect();
    for model in names.lines() {
        let is_of_processes = matches!(model, "prefork-loops" | "process-per-connection");
        assert_eq!(checks_of(model), if is_of_processes { &without_cache } else { &all }.clone());
    }
}
