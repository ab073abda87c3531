//! The invariants of ARCHITECTURE.md that a machine can check.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

const MODEL_LINES_MAX: usize = 200;
/// The mechanisms that a model may be about.
const MECHANISMS: [&str; 6] =
    ["mio", "crossbeam-channel", "work-queue", "tokio", "task-drive", "ring-drive"];
/// What a drive may wait with.
const WAITS: [&str; 2] = ["tokio", "io-uring"];
/// What turns bytes into values and back, or keeps them, and does nothing else.
const PARSERS: [&str; 5] = ["httparse", "httpdate", "lru", "serde", "serde_json"];
/// What a yardstick may have instead, since it goes round `server`: the system,
/// or the mechanism that a model is held against.
const BARE: [&str; 3] = ["rustix", "slab", "tokio"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The folders of all crates in a folder of `crates`.
fn crates_in(folder: &str) -> Vec<PathBuf> {
    let folder = root().join("crates").join(folder);
    let mut crates: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    crates.sort();
    crates
}

fn models() -> Vec<PathBuf> {
    let models = crates_in("models");
    assert!(models.len() >= 6, "{models:?}");
    models
}

fn drives() -> Vec<PathBuf> {
    let drives = crates_in("drives");
    assert_eq!(drives.len(), 2, "{drives:?}");
    drives
}

fn yardsticks() -> Vec<PathBuf> {
    crates_in("yardsticks")
}

/// Everything that serves.
fn serving() -> Vec<PathBuf> {
    [models(), yardsticks()].concat()
}

/// The names under `[dependencies]` of a crate.
fn dependencies(folder: &Path) -> BTreeSet<String> {
    let manifest: toml::Table = read(&folder.join("Cargo.toml")).parse().unwrap();
    let table = manifest.get("dependencies").and_then(toml::Value::as_table);
    table.into_iter().flatten().map(|(name, _)| name.clone()).collect()
}

fn crate_named(name: &str) -> PathBuf {
    root().join("crates").join(name)
}

/// Every source file in a folder, and in those within.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

#[test]
fn service_does_no_io() {
    let service = crate_named("service");
    assert!(dependencies(&service).iter().all(|name| PARSERS.contains(&name.as_str())));
    let files = sources(&service.join("src"));
    assert!(files.len() >= 10, "{files:?}");
    for file in files {
        let text = read(&file);
        for word in ["std::net", "std::thread", "std::fs", "Instant", "SystemTime"] {
            assert!(!text.contains(word), "{} has {word}", file.display());
        }
    }
}

/// Nobody may fail, or wait, for who reads standard error.
#[test]
fn whoever_serves_says_things_in_one_place() {
    let rooms = [vec![crate_named("server"), crate_named("proxy")], drives(), serving()].concat();
    for file in rooms.iter().flat_map(|room| sources(&room.join("src"))) {
        let text = read(&file);
        for word in ["eprint", "println!", "io::stderr"] {
            let says = file.ends_with("server/src/say.rs") && word == "io::stderr";
            assert!(says || !text.contains(word), "{} has {word}", file.display());
        }
    }
}

#[test]
fn a_model_depends_on_server_and_its_mechanism_alone() {
    for model in models() {
        for name in dependencies(&model) {
            let allowed = name == "server" || name == "service";
            assert!(allowed || MECHANISMS.contains(&name.as_str()), "{}: {name}", model.display());
        }
    }
}

#[test]
fn a_drive_depends_on_server_and_what_it_waits_with_alone() {
    for drive in drives() {
        for name in dependencies(&drive) {
            let allowed = name == "server" || name == "service";
            assert!(allowed || WAITS.contains(&name.as_str()), "{}: {name}", drive.display());
        }
    }
}

#[test]
fn a_yardstick_depends_on_server_and_what_is_under_it_alone() {
    for yardstick in yardsticks() {
        for name in dependencies(&yardstick) {
            let allowed = name == "server" || BARE.contains(&name.as_str());
            assert!(allowed, "{}: {name}", yardstick.display());
        }
    }
}

#[test]
fn the_proxy_depends_on_server_and_the_system_and_on_no_model() {
    let system = ["server", "mio", "rustix", "socket2", "slab"];
    let program = ["clap", "serde", "serde_json"];
    for name in dependencies(&crate_named("proxy")) {
        assert!(system.iter().chain(&program).any(|allowed| *allowed == name), "proxy: {name}");
    }
}

#[test]
fn a_model_is_short_enough_to_read_over_a_coffee() {
    for model in serving() {
        let files = sources(&model.join("src"));
        let lines: usize = files.iter().map(|file| read(file).lines().count()).sum();
        assert!(lines <= MODEL_LINES_MAX, "{}: {lines} lines", model.display());
    }
}

#[test]
fn every_model_answers_the_same_questions_in_the_same_order() {
    let questions = [
        "//! ```text",
        "//! | Unit of scheduling    |",
        "//! | Threads               |",
        "//! | Who accepts           |",
        "//! | Where overload queues |",
        "//! | What breaks it        |",
        "Model = Model {",
        "pub fn serve(",
    ];
    for model in serving() {
        let text = read(&model.join("src/lib.rs"));
        let places = questions.map(|question| {
            text.find(question).unwrap_or_else(|| panic!("{}: no {question}", model.display()))
        });
        assert!(places.is_sorted(), "{}: {places:?}", model.display());
    }
}

#[test]
fn the_measuring_half_knows_servers_as_processes_only() {
    let serving: Vec<String> = serving()
        .iter()
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    for name in ["load", "measure", "results", "charts", "bookbinder"] {
        let dependencies = dependencies(&crate_named(name));
        for serving in serving.iter().map(String::as_str).chain(["server", "service"]) {
            assert!(!dependencies.contains(serving), "{name} depends on {serving}");
        }
    }
    for reader in ["charts", "bookbinder"] {
        let dependencies = dependencies(&crate_named(reader));
        assert!(!dependencies.contains("measure") && !dependencies.contains("load"), "{reader}");
    }
}

/// Where the queue is not what a model is about, it is the same: a channel. What
/// waits for a loop is in a mailbox of `server`, which is one, too.
#[test]
fn models_wait_in_one_kind_of_queue_unless_it_is_their_subject() {
    let about_queues = ["thread-pool", "connection-per-event-base"];
    for model in models() {
        let names = dependencies(&model);
        let may = about_queues.iter().any(|name| model.ends_with(name));
        assert!(may || !names.contains("work-queue"), "{}", model.display());
    }
    let folders = ["server", "drives", "models", "proxy", "yardsticks"];
    for path in folders.iter().flat_map(|folder| sources(&crate_named(folder))) {
        let others = ["mpsc", "rayon"].iter().find(|&&other| read(&path).contains(other));
        assert!(others.is_none(), "{}: {others:?}", path.display());
    }
}

/// The size of a read is no part of a model: the server says it, once, for all.
#[test]
fn all_read_as_much_at_once() {
    let folders = ["server", "drives", "models", "proxy", "yardsticks"];
    let sizes = ["const READ_BYTES", "const BUFFER_BYTES"];
    let says = |path: &PathBuf| sizes.iter().any(|size| read(path).contains(size));
    let files = folders.iter().flat_map(|folder| sources(&crate_named(folder)));
    let saying: Vec<PathBuf> = files.filter(says).collect();
    assert_eq!(saying, [crate_named("server").join("src/context.rs")]);
}

/// The one crate that may hold `unsafe`, all of it in one module.
const UNSAFE_CRATE: &str = "drives/ring-drive";
const UNSAFE_FILES: [&str; 2] = ["src/ring.rs", "src/ring/pool.rs"];

#[test]
fn every_crate_obeys_the_workspace_lints() {
    let workspace: toml::Table = read(&root().join("Cargo.toml")).parse().unwrap();
    let wanted = &workspace["workspace"]["lints"];
    assert_eq!(wanted["rust"]["unsafe_code"].as_str(), Some("forbid"));
    let crates = fs::read_dir(root().join("crates")).unwrap().map(|entry| entry.unwrap().path());
    let folders = crates.filter(|path| path.join("Cargo.toml").is_file());
    let folders = folders.chain(serving()).chain(drives());
    for folder in folders {
        let manifest: toml::Table = read(&folder.join("Cargo.toml")).parse().unwrap();
        let lints = manifest.get("lints");
        if folder.ends_with(UNSAFE_CRATE) {
            assert_unsafe_is_the_exception(lints.unwrap(), wanted);
            continue;
        }
        let obeys = lints.and_then(|lints| lints.get("workspace"));
        assert_eq!(obeys.and_then(toml::Value::as_bool), Some(true), "{}", folder.display());
    }
}

/// Cargo lets no crate soften a single lint of the workspace, so the one that
/// must repeats the others.
fn assert_unsafe_is_the_exception(lints: &toml::Value, wanted: &toml::Value) {
    for (group, rules) in wanted.as_table().unwrap() {
        for (lint, level) in rules.as_table().unwrap() {
            let found = lints[group.as_str()].get(lint);
            match lint.as_str() {
                "unsafe_code" => assert_eq!(found.and_then(toml::Value::as_str), Some("deny")),
                "unexpected_cfgs" => {} // About a crate that is tried with loom.
                _ => assert_eq!(found, Some(level), "{lint}"),
            }
        }
    }
    assert_eq!(lints["clippy"]["undocumented_unsafe_blocks"].as_str(), Some("deny"));
}

#[test]
fn unsafe_is_in_one_module_and_each_block_says_why() {
    let folder = root().join("crates").join(UNSAFE_CRATE);
    let library = read(&folder.join("src/lib.rs"));
    assert_eq!(library.matches("unsafe_code").count(), 1, "it is allowed once");
    assert!(library.contains("#[expect(unsafe_code"), "and in one module");
    let mut blocks = 0;
    for path in sources(&folder.join("src")) {
        let text = read(&path);
        let here = text.matches("unsafe {").count();
        let allowed = UNSAFE_FILES.iter().any(|file| path == folder.join(file));
        assert!(allowed || here == 0, "{}", path.display());
        assert_eq!(text.matches("// SAFETY:").count(), here, "{}", path.display());
        for other in ["unsafe fn", "unsafe impl", "unsafe trait"] {
            assert!(!text.contains(other), "{other}: the module has a safe face");
        }
        blocks += here;
    }
    assert!((1..=6).contains(&blocks), "{blocks} blocks: as few as possible");
}
