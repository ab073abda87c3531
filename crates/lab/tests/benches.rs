//! The experiments of `benches/`, held against the models that there are.

use std::{collections::BTreeSet, path::Path, process::Command};

use measure::Definition;

fn models() -> Vec<String> {
    let lab = Command::new(env!("CARGO_BIN_EXE_lab")).args(["models", "--names"]).output();
    let names = String::from_utf8(lab.expect("lab runs").stdout).expect("it prints text");
    names.lines().map(str::to_owned).collect()
}

/// Nobody is left out silently: an experiment measures a model, or says why not.
#[test]
fn every_model_is_measured_or_left_out_with_a_reason() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../benches");
    let all = models();
    assert!(all.len() >= 13, "{all:?}");
    for definition in Definition::read_all(&folder).unwrap() {
        let measured = definition.models(&all);
        // Where programs of others are measured alone, models have no say.
        if measured.is_empty() {
            assert!(!definition.peers.is_empty(), "{}", definition.name);
            continue;
        }
        let left_out = definition.left_out.iter().map(|out| &out.model);
        let told: BTreeSet<_> = measured.iter().chain(left_out).collect();
        let silent: Vec<_> = all.iter().filter(|model| !told.contains(model)).collect();
        assert!(silent.is_empty(), "{} says nothing of {silent:?}", definition.name);
    }
}

/// A reason is one only if the model is left out.
#[test]
fn nobody_is_measured_and_left_out() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../benches");
    for definition in Definition::read_all(&folder).unwrap() {
        let measured = definition.models(&models());
        for out in definition.left_out.iter().filter(|out| out.above.is_none()) {
            assert!(!measured.contains(&out.model), "{}: {}", definition.name, out.model);
        }
    }
}
