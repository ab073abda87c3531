//! The JSON Schema in `crates/results/schema`, for readers in other languages:
//! it is what the types say, what they write passes it, and what is broken does not.

mod example;

use std::{env, fs, path::Path};

use jsonschema::Validator;
use results::{Environment, Experiment, SCHEMA, write_atomically};
use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Value, json};

use crate::example::{environment, experiment};

/// Set, it makes the test write the schema instead of comparing it.
const WRITE: &str = "WRITE_SCHEMA";

/// What a file of this type looks like: what is always written is required.
fn schema<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    settings.into_generator().into_root_schema_for::<T>().to_value()
}

fn validator<T: JsonSchema>() -> Validator {
    jsonschema::validator_for(&schema::<T>()).expect("the schema itself is valid")
}

/// Why `file` does not pass; nothing if it does.
fn faults<T: JsonSchema>(file: &Value) -> Vec<String> {
    let fault =
        |fault: jsonschema::ValidationError| format!("{}: {fault}", fault.instance_path().as_str());
    validator::<T>().iter_errors(file).map(fault).collect()
}

fn assert_committed<T: JsonSchema>(name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema").join(name);
    let generated = format!("{:#}\n", schema::<T>());
    if env::var_os(WRITE).is_some() {
        write_atomically(&path, generated.as_bytes()).unwrap();
        return;
    }
    assert!(
        fs::read_to_string(&path).is_ok_and(|committed| committed == generated),
        "schema/{name} is not what the types say. If they were meant to change, raise \
         results::SCHEMA where old files would no longer pass, and write it anew with\n    \
         {WRITE}=1 cargo test -p results --test schema"
    );
}

#[test]
fn the_committed_schema_is_that_of_the_types() {
    assert_committed::<Experiment>("experiment.json");
    assert_committed::<Environment>("environment.json");
}

#[test]
fn what_the_types_write_passes() {
    let written = serde_json::to_value(experiment()).unwrap();
    assert_eq!(faults::<Experiment>(&written), [""; 0]);
    assert_eq!(serde_json::from_value::<Experiment>(written).unwrap(), experiment());

    let written = serde_json::to_value(environment()).unwrap();
    assert_eq!(faults::<Environment>(&written), [""; 0]);
    assert_eq!(serde_json::from_value::<Environment>(written).unwrap(), environment());
}

/// The reference run, as far as it is of this version.
#[test]
fn the_files_in_results_pass() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../results");
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let file: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        if file["schema"] != SCHEMA {
            eprintln!("skipped: {} is of schema {}", path.display(), file["schema"]);
            continue;
        }
        let is_environment = path.file_stem().is_some_and(|stem| stem == "environment");
        let faults =
            if is_environment { faults::<Environment>(&file) } else { faults::<Experiment>(&file) };
        assert_eq!(faults, [""; 0], "{}", path.display());
    }
}

/// The file of [`experiment`] with one thing changed.
fn broken(change: impl FnOnce(&mut Value)) -> Value {
    let mut file = serde_json::to_value(experiment()).unwrap();
    change(&mut file);
    file
}

#[test]
fn a_file_that_lacks_anything_does_not_pass() {
    let whole = serde_json::to_value(experiment()).unwrap();
    for field in whole.as_object().unwrap().keys().filter(|&key| key != "peers" && key != "slices")
    {
        let file = broken(|file| {
            file.as_object_mut().unwrap().remove(field);
        });
        assert!(!faults::<Experiment>(&file).is_empty(), "without {field} it passes");
    }
    let file = broken(|file| {
        file["trials"][0].as_object_mut().unwrap().remove("figures");
    });
    assert!(!faults::<Experiment>(&file).is_empty());

    let whole = serde_json::to_value(environment()).unwrap();
    for field in whole.as_object().unwrap().keys().filter(|&key| key != "speed") {
        let mut file = whole.clone();
        file.as_object_mut().unwrap().remove(field);
        assert!(!faults::<Environment>(&file).is_empty(), "without {field} it passes");
    }
}

#[test]
fn what_is_broken_does_not_pass() {
    type Change = fn(&mut Value);
    let changes: [(&str, Change); 9] = [
        ("an unknown figure", |file| file["trials"][0]["figures"]["beauty"] = json!(1)),
        ("an unknown figure compared", |file| file["compare"]["figures"] = json!(["beauty"])),
        ("an unknown field", |file| file["speed"] = json!(1)),
        ("an unknown field within", |file| file["trials"][0]["speed"] = json!(1)),
        ("a wrong type", |file| file["trials"] = json!({})),
        ("a wrong type within", |file| file["trials"][0]["x"] = json!("64")),
        ("a figure that is text", |file| file["trials"][0]["figures"]["served"] = json!("64")),
        ("an unknown standing", |file| file["comparisons"][0]["standing"] = json!("best")),
        ("another version", |file| file["schema"] = json!(SCHEMA + 1)),
    ];
    for (what, change) in changes {
        let file = broken(change);
        assert!(!faults::<Experiment>(&file).is_empty(), "{what} passes");
        // The types refuse the same; the version is for the store to look at.
        let read = serde_json::from_value::<Experiment>(file);
        assert_eq!(read.is_ok(), what == "another version", "{what}");
    }
}
