//! Every wrong command line, of every verb, is a usage error that says what is wrong.

use std::{process::Output, thread, time::Duration};

use crate::rig::{TINY, lab, said, workspace};

/// A line, and what is said of it.
const LINES: [(&str, &str); 89] = [
    ("", "Usage"),
    ("nonsense", "nonsense"),
    ("--nonsense", "--nonsense"),
    ("models --names --json", "--json"),
    ("models extra", "extra"),
    ("serve", "MODEL"),
    ("serve nobody", "nobody"),
    ("serve event-loop --listen nowhere", "nowhere"),
    ("serve event-loop --listen 127.0.0.1", "127.0.0.1"),
    ("serve event-loop --listen 127.0.0.1:99999", "99999"),
    ("serve event-loop --workers 0", "--workers"),
    ("serve event-loop --workers many", "many"),
    ("serve event-loop --workers -1", "-1"),
    ("serve event-loop --service telnet", "telnet"),
    ("serve event-loop --drain soon", "soon"),
    ("serve event-loop --drain", "--drain"),
    ("serve event-loop --idle-timeout 0s", "above zero"),
    ("serve event-loop --max-connections 0", "--max-connections"),
    ("serve event-loop --memory 0", "above zero"),
    ("serve event-loop --memory 99999999999999999999g", "--memory"),
    ("serve event-loop --shards 0", "--shards"),
    ("serve event-loop --queue-limit 0", "--queue-limit"),
    ("serve thread-pool --queue nonsense", "nonsense"),
    ("serve thread-pool --queue lifo", "another model's"),
    ("serve event-loop --nonsense", "--nonsense"),
    ("serve event-loop event-loop", "event-loop"),
    ("proxy", "MODEL"),
    ("proxy nobody", "nobody"),
    ("proxy event-loop", "--upstream"),
    ("proxy event-loop --upstream nowhere", "nowhere"),
    ("proxy event-loop --upstream 127.0.0.1:1 --listen x", "--listen"),
    ("load", "ADDR"),
    ("load nowhere", "nowhere"),
    ("load 127.0.0.1:99999", "99999"),
    ("load 127.0.0.1:1 --connections 0", "connections is 0"),
    ("load 127.0.0.1:1 --connections -5", "-5"),
    ("load 127.0.0.1:1 --connections 4294967296", "32 bits"),
    ("load 127.0.0.1:1 --connections 18446744073709551615", "32 bits"),
    ("load 127.0.0.1:1 --threads 0", "threads is 0"),
    ("load 127.0.0.1:1 --threads 65", "more threads than connections"),
    ("load 127.0.0.1:1 --duration 0s", "duration is 0"),
    ("load 127.0.0.1:1 --duration 18446744073709551615s", "at most 365 days"),
    ("load 127.0.0.1:1 --duration 99999999999999999999s", "--duration"),
    ("load 127.0.0.1:1 --warmup 18446744073709551615s", "at most 365 days"),
    ("load 127.0.0.1:1 --warmup 2s --warmup-most 1s", "warmup_most"),
    ("load 127.0.0.1:1 --think 18446744073709551615s", "at most 365 days"),
    ("load 127.0.0.1:1 --think 1s --rate 5", "--rate"),
    ("load 127.0.0.1:1 --rate 0", "above 0"),
    ("load 127.0.0.1:1 --rate nan", "above 0"),
    ("load 127.0.0.1:1 --rate -1", "-1"),
    ("load 127.0.0.1:1 --poisson", "--rate"),
    ("load 127.0.0.1:1 --bytes 0", "at least 1"),
    ("load 127.0.0.1:1 --bytes 18446744073709551615", "at most 67108864"),
    ("load 127.0.0.1:1 --in-flight 0", "--in-flight"),
    ("load 127.0.0.1:1 --in-flight 4000000000", "4,000,000"),
    ("load 127.0.0.1:1 --protocol gopher", "gopher"),
    ("load 127.0.0.1:1 --path no-slash", "must start with /"),
    ("load 127.0.0.1:1 --exact a", "--expect"),
    ("load 127.0.0.1:1 --mix fast", "WEIGHT:PATH"),
    ("load 127.0.0.1:1 --mix 0:/", "weight 0"),
    ("load 127.0.0.1:1 --stall 5s --pid 1", "LASTS@AFTER"),
    ("load 127.0.0.1:1 --stall 0s@0s --pid 1", "no time"),
    ("load 127.0.0.1:1 --rpc m --params 5", "an array or an object"),
    ("load 127.0.0.1:1 --slow-readers 18446744073709551615", "32 bits"),
    ("load --plan missing.json", "missing.json"),
    ("load --plan wrong.json", "wrong.json"),
    ("sit", "SITTING"),
    ("sit missing.json", "missing.json"),
    ("sit wrong.json", "wrong.json"),
    ("batch", "MODEL"),
    ("batch nobody", "nobody"),
    ("batch event-loop --sources 0", "--sources"),
    ("batch event-loop --timeout soon", "soon"),
    ("batch event-loop --server nowhere", "nowhere"),
    ("sources --listen nowhere", "nowhere"),
    ("sources --delay -1s", "-1"),
    ("sources --delay 18446744073709551615s", "at most 365 days"),
    ("sources --records 4294967295", "4294967295"),
    ("batch event-loop --delay 18446744073709551615s", "at most 365 days"),
    ("batch event-loop --timeout 18446744073709551615s", "at most 365 days"),
    ("batch event-loop --timeout 0s", "above zero"),
    ("batch event-loop --records 4294967295", "4294967295"),
    ("batch thread-pool --workers 18446744073709551615", "1024"),
    ("batch thread-pool --workers 0", "--workers"),
    ("batch event-loop --part-of x", "--part-of"),
    ("load 127.0.0.1:1 --duration 1s extra", "extra"),
    ("sit sitting.json", "1000000"),
    ("completions nushell", "nushell"),
    ("held --parent 1 --keeper 1", "COMMAND"),
];

/// The same, of verbs that look for a workspace or for results.
const WITHIN: [(&str, &str); 20] = [
    ("bench nothing", "there is no experiment `nothing`; there are tiny"),
    ("bench tiny nothing", "nothing"),
    ("bench --nonsense", "--nonsense"),
    ("bench --models nobody", "nobody"),
    ("bench --models event-loop,", "--models"),
    ("bench --judge --quick", "--quick"),
    ("bench --judge --models event-loop", "--models"),
    ("bench --server-cores x", "no list"),
    ("bench --server-cores 4096", "no core 4096"),
    ("bench --client-cores 3-1", "no list"),
    ("bench --out", "--out"),
    ("bench missing.toml", "missing.toml"),
    ("bench benches", "benches"),
    ("plot one two", "two"),
    ("plot --nonsense", "--nonsense"),
    ("claims one two", "two"),
    ("compare", "BEFORE"),
    ("compare benches", "AFTER"),
    ("compare benches missing", "missing is not a folder"),
    ("compare benches benches --nonsense", "--nonsense"),
];

/// Runs a line that should end at once, and ends it where it does not.
fn end_of(folder: &std::path::Path, line: &str) -> Output {
    let words: Vec<&str> = line.split_whitespace().collect();
    let mut child = lab(folder, &words).spawn().unwrap();
    for _ in 0..1000 {
        if child.try_wait().unwrap().is_some() {
            return child.wait_with_output().unwrap();
        }
        thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    panic!("`lab {line}` runs: {}", said(&child.wait_with_output().unwrap()));
}

fn assert_refused(table: &[(&str, &str)]) {
    let folder = workspace(&[("tiny.toml", TINY)]);
    std::fs::write(folder.path().join("wrong.json"), "{\"plans\": 5").unwrap();
    let rounds = r#"{"plans": [{"target": "127.0.0.1:1"}], "rounds": 4294967295, "seed": 1}"#;
    std::fs::write(folder.path().join("sitting.json"), rounds).unwrap();
    for (line, says) in table {
        let output = end_of(folder.path(), line);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(2), "lab {line}: {said}");
        assert!(said.contains(says) && !said.contains("panicked"), "lab {line}: {said}");
        assert!(output.stdout.is_empty(), "lab {line}");
    }
    assert!(!folder.path().join("results").exists(), "nothing is begun");
}

#[test]
fn verbs_that_stand_alone() {
    assert_refused(&LINES);
}

#[test]
fn verbs_about_results() {
    assert_refused(&WITHIN);
}
