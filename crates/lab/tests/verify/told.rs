//! A server that costs a fifth more is told apart, and one that is the same is
//! not: the whole harness, from the experiment file to its verdict.

use std::{fmt, fs, path::Path, process::Command};

use results::{Figure, Standing, Store};

use crate::bed::{LAB, alone};

const REPORTS: usize = 20;
const COSTLY: &str = "planted-costly";
const SAME: &str = "planted-plain-again";

const EXPERIMENT: &str = r#"
title = "Planted"
question = "Is the costly one told from the plain one, and the plain one not from itself?"
models = []
[x]
label = "connections"
varies = "connections"
[server]
service = "echo"
workers = 1
[load]
requests = [{ kind = { echo = { bytes = 64 } } }]
[compare]
baseline = "planted-plain"
figures = ["requests_per_server_cpu_second"]
[full]
blocks = 6
most = 12
warmup = "100ms"
duration = "300ms"
values = [64]
[quick]
blocks = 1
warmup = "100ms"
duration = "300ms"
values = [64]
[[peer]]
name = "planted-plain"
variants = []
command = ["{lab}", "serve", "planted-plain", "--listen", "127.0.0.1:{port}"]
version = ["{lab}", "--version"]
[[peer]]
name = "planted-plain-again"
variants = []
command = ["{lab}", "serve", "planted-plain", "--listen", "127.0.0.1:{port}"]
version = ["{lab}", "--version"]
[[peer]]
name = "planted-costly"
variants = []
command = ["{lab}", "serve", "planted-costly", "--listen", "127.0.0.1:{port}"]
version = ["{lab}", "--version"]
"#;

/// What a report says of a server beside `planted-plain`.
struct Told {
    ratio: f64,
    low: f64,
    high: f64,
    blocks: u32,
    standing: Standing,
}

impl Told {
    /// Told different in either direction.
    fn is_different(&self) -> bool {
        matches!(self.standing, Standing::Better | Standing::Worse)
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let standing = self.standing.label(Figure::RequestsPerServerCpuSecond);
        write!(f, "{:.3} [{:.3}, {:.3}] {standing}", self.ratio, self.low, self.high)
    }
}

/// Measures the experiment once, and returns what is said of each server.
fn report(folder: &Path, number: usize) -> impl Fn(&str) -> Told + use<> {
    let file = folder.join("planted.toml");
    fs::write(&file, EXPERIMENT).unwrap();
    let out = folder.join(number.to_string());
    let output = Command::new(LAB)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["bench".as_ref(), file.as_os_str(), "--out".as_ref(), out.as_os_str()])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    // 4: some trial was void, as may be on a machine that others use.
    assert!(matches!(output.status.code(), Some(0 | 4)), "{said}");
    let store = Store::new(&out);
    // Above all that others use the cores: then intervals are wide, and err.
    for remark in store.environment().unwrap().into_iter().flat_map(|machine| machine.remarks) {
        println!("  beware: {remark}");
    }
    let experiment = store.experiment("planted").unwrap().expect("planted.json");
    assert!(experiment.left_out.is_empty(), "{:?}", experiment.left_out);
    move |name| {
        let one = experiment.comparisons.iter().find(|one| one.of.model == name).unwrap();
        let (ratio, low, high) = (one.ratio, one.low, one.high);
        Told { ratio, low, high, blocks: one.blocks, standing: one.standing }
    }
}

#[test]
fn a_fifth_more_is_told_and_nothing_is_not() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    println!("\n20 reports of planted-costly, and of planted-plain again, over planted-plain");
    let (mut slower, mut different) = (0, 0);
    for number in 1..=REPORTS {
        let told = report(folder.path(), number);
        let (costly, same) = (told(COSTLY), told(SAME));
        slower += usize::from(costly.standing == Standing::Worse);
        different += usize::from(same.is_different());
        let blocks = costly.blocks;
        println!("  {number:2}, {blocks:2} blocks: costly {costly}; the same {same}");
    }
    println!("  slower: {slower} of {REPORTS}; the same told different: {different} of {REPORTS}");
    assert!(slower >= 19, "a fifth more cost was told in {slower} of {REPORTS} reports");
    assert!(different <= 1, "a server was told from itself in {different} of {REPORTS} reports");
}
