//! `lab bench` on a small experiment of its own: interrupted, gone on with,
//! and told to do what it cannot.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use results::{Experiment, Store};
use rustix::{
    process::{Pid, Signal, kill_process},
    thread::{CpuSet, sched_getaffinity},
};
use tempfile::TempDir;

const TINY: &str = r#"
title = "Tiny"
question = "Does it work?"
[x]
label = "connections"
varies = "connections"
[server]
service = "echo"
workers = 2
[load]
requests = [{ kind = { echo = { bytes = 64 } } }]
[compare]
baseline = "event-loop"
figures = ["requests_per_second"]
at = [8]
[full]
blocks = 3
warmup = "20ms"
duration = "80ms"
values = [1, 8]
[quick]
blocks = 1
warmup = "20ms"
duration = "80ms"
values = [8]
[[chart]]
file = "tiny-served"
title = "Served"
look_for = "All"
figure = "served"
[[claim]]
id = "tiny"
source = "this test"
says = "A pool of two serves two of eight."
expects = { figure = "served", of = { model = "thread-pool", x = 8 }, at_least = 2, at_most = 2 }
"#;

/// A folder with `benches/tiny.toml`, as a workspace has it.
fn workspace(tiny: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("benches")).unwrap();
    fs::write(folder.path().join("benches/tiny.toml"), tiny).unwrap();
    folder
}

fn lab(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
    command.args(arguments).current_dir(folder).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn bench(folder: &Path, arguments: &[&str]) -> Output {
    let all = [&["bench", "--models", "thread-pool,event-loop"], arguments].concat();
    lab(folder, &all).output().unwrap()
}

fn tiny(folder: &Path) -> Option<Experiment> {
    Store::new(folder.join("results")).experiment("tiny").unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Waits until some trials are written, but not all.
fn wait_for_trials(folder: &Path, child: &mut Child, trials: usize) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while tiny(folder).is_none_or(|experiment| experiment.trials.len() < trials) {
        assert!(Instant::now() < deadline && child.try_wait().unwrap().is_none());
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn an_interrupted_run_leaves_whole_files_and_the_next_goes_on() {
    let folder = workspace(TINY);
    let path = folder.path();
    let mut child = lab(path, &["bench", "--models", "thread-pool,event-loop"]).spawn().unwrap();
    wait_for_trials(path, &mut child, 6);
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", text(&output.stderr));
    let before = tiny(path).unwrap();
    assert!(!before.complete && before.trials.len() < 15, "{}", before.trials.len());

    let output = bench(path, &[]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("going on with an interrupted run"), "{said}");
    let after = tiny(path).unwrap();
    assert!(after.complete && after.run == before.run);
    assert_eq!(after.trials[..6], before.trials[..6], "what was measured is kept");
    let usable = after.trials.iter().filter(|trial| trial.void.is_none()).count();
    assert_eq!(usable, 15, "two models, two values, a control, in three blocks");
    assert_eq!((after.controls.len(), after.comparisons.len()), (1, 1));
    let left: Vec<_> =
        fs::read_dir(path.join("results")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(left.iter().all(|path| path.extension().is_none_or(|e| e != "tmp")), "{left:?}");

    let log = text(&fs::read(path.join("results/histograms/tiny.hlog")).unwrap());
    let tagged = log.lines().filter(|line| line.starts_with("Tag=")).count();
    assert_eq!(tagged, 15, "{log}");
    assert!(after.remarks.is_empty(), "{:?}", after.remarks);
    assert!(path.join("results/charts/tiny-served.svg").is_file());
    let claims = lab(path, &["claims"]).output().unwrap();
    assert_eq!(claims.status.code(), Some(0), "{}", text(&claims.stdout));
    assert!(text(&claims.stdout).starts_with("holds: A pool of two"), "{}", text(&claims.stdout));
}

#[test]
fn a_finished_run_is_measured_anew() {
    let folder = workspace(TINY);
    assert_eq!(bench(folder.path(), &["--quick"]).status.code(), Some(0));
    let first = tiny(folder.path()).unwrap();
    assert!(first.quick && first.trials.iter().all(|trial| trial.x.total_cmp(&8.0).is_eq()));
    // Runs are named by the second that they start in.
    thread::sleep(Duration::from_millis(1100));
    assert_eq!(bench(folder.path(), &["--quick"]).status.code(), Some(0));
    assert_ne!(tiny(folder.path()).unwrap().run, first.run);
}

/// The first core that we may use, as an option has it.
fn a_core() -> String {
    let allowed = sched_getaffinity(None).unwrap();
    (0..CpuSet::MAX_CPU).find(|&core| allowed.is_set(core)).unwrap().to_string()
}

#[test]
fn server_and_generator_run_where_they_are_told_to() {
    let folder = workspace(TINY);
    let core = a_core();
    let options = ["--quick", "--server-cores", &core, "--client-cores", &core];
    let output = bench(folder.path(), &options);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains(&format!("server on core {core}, generator on core {core}")), "{said}");
    assert!(said.contains(&format!("server and generator share core {core}:")), "{said}");
    let environment = Store::new(folder.path().join("results")).environment().unwrap().unwrap();
    let core = core.parse().unwrap();
    assert_eq!((environment.server_cores, environment.client_cores), (vec![core], vec![core]));
    assert_eq!(environment.cores, 1);
    let looked: Vec<u32> = environment.speed.iter().map(|speed| speed.core).collect();
    assert_eq!(looked, [core], "its speed is looked at, once");
}

#[test]
fn cores_that_cannot_be_are_a_usage_error_that_says_which_there_are() {
    let folder = workspace(TINY);
    let core = a_core();
    for (list, says) in [
        ("", "the server's cores `` are no list"),
        ("3-1", "the server's cores `3-1` are no list"),
        ("0-99999", "this process has no core"),
        ("0-99999:x", "are no list"),
    ] {
        let output = bench(folder.path(), &["--server-cores", list]);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{list}: {said}");
        assert!(said.contains(says) && said.contains(&format!("there are {core}")), "{said}");
        assert!(!folder.path().join("results").exists(), "nothing is measured");
    }
    let output = bench(folder.path(), &["--client-cores", "1023"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("the generator's cores"), "{}", text(&output.stderr));
    let output = lab(folder.path(), &["bench", "--judge", "--server-cores", &core]).output();
    assert_eq!(output.unwrap().status.code(), Some(2), "judging runs nowhere");
}

#[test]
fn servers_are_loaded_in_turn_and_an_interrupt_keeps_whole_sittings() {
    let in_turn = TINY.replace("blocks = 3", "blocks = 5\nrounds = 3").replace(
        "[[chart]]",
        "[[variant]]\nname = \"one\"\n[[variant]]\nname = \"two\"\n[[chart]]",
    );
    let in_turn = in_turn
        .replace("model = \"thread-pool\", x", "model = \"thread-pool\", variant = \"one\", x");
    let folder = workspace(&in_turn);
    let path = folder.path();
    let mut child = lab(path, &["bench", "--models", "thread-pool,event-loop"]).spawn().unwrap();
    wait_for_trials(path, &mut child, 12);
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(130));
    let before = tiny(path).unwrap();

    assert_eq!(bench(path, &[]).status.code(), Some(0));
    let after = tiny(path).unwrap();
    let kept = before.trials.len();
    assert!(after.complete && after.trials[..kept] == before.trials[..]);
    // Two models at 1; at 8 the control as well; each with two variants, in five blocks.
    let usable: Vec<_> = after.trials.iter().filter(|trial| trial.void.is_none()).collect();
    assert_eq!(usable.len(), 5 * 2 * (2 + 3));
    assert!(usable.iter().all(|trial| trial.slices.as_ref().unwrap().answered.len() == 3));
    let sittings: std::collections::BTreeSet<_> = usable.iter().map(|t| t.sitting).collect();
    assert_eq!(sittings.len(), 10, "one for each x and block, with all variants");
    assert_eq!(after.slices.unwrap().rounds, 3);
    for one in after.controls.iter().chain(&after.comparisons) {
        assert_eq!(one.blocks, 5);
    }
}

/// As many cores as there are, of all that are asked for.
#[test]
fn cores_that_are_not_there_are_left_out_and_named() {
    let cores = TINY
        .replace("varies = \"connections\"", "varies = \"server_cores\"")
        .replace("[compare]", "connections = 4\n[compare]")
        .replace("blocks = 3", "blocks = 3\nrounds = 2")
        .replace("values = [1, 8]", "values = [1, 4096]")
        .replace("values = [8]", "values = [1]")
        .replace("at = [8]", "")
        .replace("x = 8", "x = 1");
    let folder = workspace(&cores);
    let output = bench(folder.path(), &[]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("4096") && said.contains("left out: the number of cores"), "{said}");
    let trials = tiny(folder.path()).unwrap().trials;
    assert!(trials.iter().all(|trial| trial.x.total_cmp(&1.0).is_eq() && trial.void.is_none()));
    // One worker, so a pool of blocking threads serves one of four.
    let pool = trials.iter().find(|trial| trial.model == "thread-pool").unwrap();
    assert_eq!(pool.figures[&results::Figure::Served].total_cmp(&1.0), std::cmp::Ordering::Equal);
}

#[test]
fn an_experiment_of_ones_own_needs_no_folder_and_says_who_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("benches")).unwrap();
    let own = format!(
        "{TINY}\n{}",
        r#"
[[peer]]
name = "nobody"
variants = []
command = ["no-such-server", "{port}"]
version = ["no-such-server", "-v"]
[[peer]]
name = "own"
variants = []
command = ["{lab}", "serve", "event-loop", "--listen", "127.0.0.1:{port}"]
version = ["{lab}", "--version"]
"#
    );
    let path = folder.path().join("own.toml");
    fs::write(&path, own).unwrap();
    let output = bench(folder.path(), &["--quick", "own.toml", "--out", "out"]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("without nobody: no-such-server is not here"), "{said}");
    let experiment = Store::new(folder.path().join("out")).experiment("own").unwrap().unwrap();
    assert_eq!(experiment.models, ["thread-pool", "event-loop", "own"]);
    assert!(experiment.peers[0].version.starts_with("lab "), "{:?}", experiment.peers);
    assert!(experiment.trials.iter().any(|t| t.model == "own" && t.void.is_none()));
}

#[test]
fn what_was_measured_is_judged_again_by_new_words() {
    let folder = workspace(TINY);
    assert_eq!(bench(folder.path(), &["--quick"]).status.code(), Some(0));
    let before = tiny(folder.path()).unwrap();
    let words = TINY
        .replace("two of eight", "three of eight")
        .replace("at_least = 2, at_most = 2", "at_least = 3");
    fs::write(folder.path().join("benches/tiny.toml"), words).unwrap();
    let output = lab(folder.path(), &["bench", "--judge"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let after = tiny(folder.path()).unwrap();
    assert_eq!((&after.run, &after.trials), (&before.run, &before.trials));
    assert_eq!(after.verdicts[0].outcome, results::Outcome::Fails);

    let other = TINY.replace("workers = 2", "workers = 3");
    fs::write(folder.path().join("benches/tiny.toml"), other).unwrap();
    let output = lab(folder.path(), &["bench", "--judge"]).output().unwrap();
    assert!(text(&output.stderr).contains("its plan has changed"), "{}", text(&output.stderr));
}

#[test]
fn results_of_an_older_version_are_measured_anew() {
    let folder = workspace(TINY);
    let results = folder.path().join("results");
    fs::create_dir(&results).unwrap();
    for name in ["environment.json", "tiny.json"] {
        fs::write(results.join(name), r#"{"schema": 1}"#).unwrap();
    }
    let output = bench(folder.path(), &["--quick"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(tiny(folder.path()).unwrap().complete);
}

#[test]
fn what_cannot_be_done_is_said() {
    let folder = workspace(&TINY.replace("workers = 2", "workers = 2\nworkres = 3"));
    let output = bench(folder.path(), &[]);
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert!(said.contains("tiny.toml") && said.contains("line 10"), "{said}");

    let folder = workspace(&TINY.replace("[x]", "models = [\"evnt-loop\"]\n[x]"));
    let output = bench(folder.path(), &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("evnt-loop"), "{}", text(&output.stderr));

    let folder = workspace(TINY);
    let output = bench(folder.path(), &["tyni"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("there are tiny"), "{}", text(&output.stderr));

    let claims = lab(folder.path(), &["claims"]).output().unwrap();
    assert_eq!(claims.status.code(), Some(3), "nothing to judge yet");
    let plot = lab(folder.path(), &["plot"]).output().unwrap();
    assert_eq!(plot.status.code(), Some(3), "nothing to draw yet");
}
