//! A bench on a disk that is full says so once, and leaves no half of a file.

use std::{path::Path, process::Command};

use crate::rig::{TINY, workspace};

/// Runs a bench in a small file system of its own, of which only so many KiB are left;
/// prints what is left of it. In a namespace of its own, so that nothing stays mounted.
const SCRIPT: &str = r#"
mount -t tmpfs -o size=1m none results || { echo CANNOT; exit 0; }
dd if=/dev/zero of=results/filled bs=1k count=$((1024 - $2)) status=none
"$1" bench --quick --models event-loop
echo "CODE $?"
find results -name '*.tmp'
"#;

fn bench(folder: &Path, left_kib: u32) -> (String, String) {
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-c", SCRIPT, "sh"]);
    command.args([env!("CARGO_BIN_EXE_lab"), &left_kib.to_string()]).current_dir(folder);
    // Where there is no such program, there are no namespaces.
    let Ok(output) = command.output() else { return ("CANNOT".into(), String::new()) };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let left = if output.status.success() { text(&output.stdout) } else { "CANNOT".into() };
    (left, text(&output.stderr))
}

#[test]
fn a_full_disk_is_said_once_and_leaves_no_half_of_a_file() {
    let mut full = 0;
    for left_kib in [0, 4, 8, 16, 32, 64, 256] {
        let folder = workspace(&[("tiny.toml", TINY)]);
        std::fs::create_dir(folder.path().join("results")).unwrap();
        let (left, said) = bench(folder.path(), left_kib);
        if left.contains("CANNOT") {
            eprintln!("skipped: nothing can be mounted here ({said})");
            return;
        }
        assert!(!said.contains("panicked"), "{left_kib} KiB: {said}");
        assert!(!left.contains(".tmp"), "{left_kib} KiB: {left}");
        if left.contains("CODE 0") {
            continue;
        }
        full += 1;
        assert!(left.contains("CODE 3"), "{left_kib} KiB: {left}{said}");
        let told = said.lines().filter(|line| line.starts_with("lab")).collect::<Vec<_>>();
        assert_eq!(told.len(), 1, "{left_kib} KiB: {said}");
        assert_eq!(told[0].matches("No space left on device").count(), 1, "{}", told[0]);
        assert!(told[0].contains("results"), "{}", told[0]);
    }
    assert!(full > 2, "it was never full");
}
