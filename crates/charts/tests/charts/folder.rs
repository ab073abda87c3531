//! A results folder, drawn as a whole.

use std::{fs, path::Path, time::Instant};

use results::{Store, write_atomically};

use crate::fixture;

fn filled(folder: &Path) -> Store {
    let store = Store::new(folder);
    store.write_environment(&fixture::environment()).unwrap();
    for experiment in fixture::all() {
        store.write_experiment(&experiment).unwrap();
    }
    store
}

#[test]
fn every_chart_is_written_and_a_stale_one_removed() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path());
    let stale = store.charts().join("of-last-year.svg");
    write_atomically(&stale, b"<svg/>").unwrap();
    let other = store.charts().join("notes.txt");
    write_atomically(&other, b"mine").unwrap();

    let start = Instant::now();
    let written = charts::draw_all(&store).unwrap();
    let took = start.elapsed();

    assert!(took.as_millis() < 1000, "took {took:?}");
    assert!(written.iter().all(|path| path.is_file()));
    assert_eq!(written.len(), fixture::all().iter().map(|e| e.charts.len()).sum::<usize>() + 1);
    assert!(!stale.exists());
    assert!(other.exists());

    let readme = fs::read(folder.path().join("README.md")).unwrap();
    charts::draw_all(&store).unwrap();
    assert_eq!(fs::read(folder.path().join("README.md")).unwrap(), readme);
}

#[test]
fn the_readme_shows_the_charts_and_the_verdicts() {
    let folder = tempfile::tempdir().unwrap();
    charts::draw_all(&filled(folder.path())).unwrap();
    let readme = fs::read_to_string(folder.path().join("README.md")).unwrap();
    for expected in [
        "An invented CPU &lt;3 GHz>, 2 cores, 8 GiB of memory",
        "server on core 0, load generator on core 1",
        "Commit abc123",
        "Limits: descriptors 20000.",
        "## Starvation\n\nWhat does starvation show?",
        "](charts/idle-memory.svg)",
        "What to look for in mixes.",
        "- The sweep ends at 1000",
        "<details><summary>1 cell void in a block, and not in its figures</summary>\n\n- block 2, event-loop (64 connections): paused",
        "- single-threaded is left out: it has no workers",
        "This was a quick run",
        "| A pool of 4 serves 4. | A text \\| with a bar | \
         connections served, thread-pool (64 connections): at most 4 (± 5 %) | 4 [2, 8] | \
         **holds**: all blocks |",
        "event-loop over thread-pool (64 connections): at least 10 ×",
        "| 16 × [8, 32] | **inconclusive**: 3 of 5 blocks |",
        "thread-pool (64 connections): 4 | 4 | **holds**: all blocks |",
        "**Who is served?** What to look for in starved.",
        "**What an idle connection costs.** What to look for",
        "| – | **not measurable here**: not in this run |",
        "Before the run:\n\n- others use core 1 to 30 %\n",
        "<details><summary>10 comparisons: 1 better, 4 worse, 1 equivalent, 1 inconclusive, \
         3 not alike</summary>\n\n| What |",
        "| thread-per-connection (64 connections) | event-loop | requests per server-CPU-second | \
         0.62 [0.59, 0.65] | 9 | **slower** |",
        "| 9 | not alike: of the connections it served 4, the other 64 |",
        "Control: event-loop (64 connections) against itself: requests per server-CPU-second \
         1.01 [0.98, 1.04], equivalent.",
        "- thread-per-connection (1 in 100 computes, 64 connections) against itself: p99 latency \
         1.70 [1.36, 2.04], differs from itself",
        "Servers of others: bare-epoll (1), memcached (1.6.18), a-peer (0.1).",
        "3 blocks; 1 min 0 s in all.",
    ] {
        assert!(readme.contains(expected), "{expected}\nis not in\n{readme}");
    }
}

#[test]
fn a_folder_without_experiments_is_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path().join("none"));
    assert!(charts::draw_all(&store).unwrap().is_empty());
    assert!(!store.folder().exists());

    let foreign = Store::new(folder.path());
    write_atomically(&foreign.charts().join("mine.svg"), b"<svg/>").unwrap();
    assert!(charts::draw_all(&foreign).unwrap().is_empty());
    assert!(foreign.charts().join("mine.svg").exists());
}

#[test]
fn a_bad_name_is_refused_before_anything_is_written() {
    for name in ["../escape", "", "a b", "throughput"] {
        let folder = tempfile::tempdir().unwrap();
        let store = filled(folder.path());
        let mut bad = fixture::memory();
        name.clone_into(&mut bad.charts[0].file);
        store.write_experiment(&bad).unwrap();
        let error = charts::draw_all(&store).unwrap_err().to_string();
        assert!(error.contains(&format!("`{name}`")), "{error}");
        assert!(!store.charts().exists());
    }
}
