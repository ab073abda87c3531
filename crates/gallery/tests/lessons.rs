//! Each lesson: the flaw is there, and the mend mends.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use gallery::{ALL, Lesson, Outcome, Stage, Version};

const LINES_MAX: usize = 120;

fn run(lesson: &Lesson, version: Version) -> Outcome {
    let actor = |lesson: &Lesson, version: Version| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lesson-act"));
        command.args([lesson.name, &version.to_string()]);
        command
    };
    let tell = |line: &str| println!("{version}: {line}");
    let outcome = (lesson.run)(&Stage { lesson, version, tell: &tell, actor: &actor });
    outcome.unwrap_or_else(|error| panic!("{}, {version}: {error}", lesson.name))
}

/// A test for each lesson, and one that no lesson lacks its test.
macro_rules! lessons {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            let lesson = gallery::find(&stringify!($name).replace('_', "-")).unwrap();
            let flawed = run(lesson, Version::Flawed);
            assert!(flawed.flaw_seen, "the flaw does not show: {flawed:?}");
            let mended = run(lesson, Version::Mended);
            assert!(!mended.flaw_seen, "the mend does not mend: {mended:?}");
        })*

        #[test]
        fn every_lesson_has_its_test() {
            let tested = [$(stringify!($name).replace('_', "-")),*];
            assert_eq!(ALL.map(|lesson| lesson.name.to_owned()).as_slice(), tested);
        }
    };
}

lessons! {
    n_connections
    lifo_queue
    timeout_in_queue
    four_descriptors
    exit_with_lock
    wait_without_predicate
    dropped_jobs
    half_close
    no_backpressure
    emfile_spin
    quit_in_payload
    reuseaddr_after_bind
    blocking_pipe
    signal_handler
    one_bad_client
    thundering_herd
    lost_wakeup
    slowloris
    coordinated_omission
    backlog_reset
    dead_stderr
    averaged_p99
    drifting_a_a
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn a_lesson_is_one_short_file_with_both_versions_marked() {
    for lesson in ALL {
        let name = lesson.name;
        let file = format!("crates/gallery/src/lessons/{}.rs", name.replace('-', "_"));
        let text = fs::read_to_string(root().join(&file)).unwrap();
        assert_eq!(text, lesson.source, "{file} is the source of {name}");
        let (_, code) = text.split_once("// ANCHOR: code\n").expect(name);
        let (code, _) = code.split_once("// ANCHOR_END: code\n").expect(name);
        for mark in ["// FLAW: ", "// MEND: "] {
            assert!(code.contains(mark), "{file} has no {mark} in its code");
            assert_eq!(code.matches(mark).count(), text.matches(mark).count(), "{file}: {mark}");
        }
    }
}

#[test]
fn no_file_of_the_gallery_is_longer_than_a_lesson() {
    let mut folders = vec![root().join("crates/gallery/src")];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let lines = fs::read_to_string(&path).unwrap().lines().count();
            assert!(lines <= LINES_MAX, "{}: {lines} lines", path.display());
            files += 1;
        }
    }
    assert!(files > ALL.len(), "{files} files");
}

#[test]
fn a_question_has_two_to_four_answers_and_one_is_right() {
    for lesson in ALL {
        assert!((2..=4).contains(&lesson.answers.len()), "{}", lesson.name);
        assert!(lesson.right < lesson.answers.len(), "{}", lesson.name);
        assert!(lesson.title.len() <= 58, "{}: the title fits a line", lesson.name);
    }
}

#[test]
fn what_to_read_is_there_and_each_lesson_has_its_page() {
    let summary = fs::read_to_string(root().join("book/src/SUMMARY.md")).unwrap();
    for lesson in ALL {
        let name = lesson.name;
        assert!(!lesson.read.is_empty(), "{name}");
        for file in lesson.read {
            assert!(root().join(file).is_file(), "{name}: there is no {file}");
        }
        let page = format!("gallery/{name}.md");
        assert!(summary.contains(&format!("({page})")), "SUMMARY.md does not name {page}");
        let text = fs::read_to_string(root().join("book/src").join(&page)).expect(name);
        assert!(text.contains(&format!("{{{{lesson {name}}}}}")), "{page}");
    }
}
