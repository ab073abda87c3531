//! The program on a tiny book in a temporary folder.

mod fixture;

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

/// A workspace of one chapter, with or without results.
fn workspace(chapter: &str, with_results: bool) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    fixture::results(root);
    fs::create_dir(root.join("crates")).unwrap();
    fs::rename(root.join("models"), root.join("crates/models")).unwrap();
    if !with_results {
        fs::remove_dir_all(root.join("results")).unwrap();
    }
    fs::write(root.join("Cargo.toml"), "[workspace]\n").unwrap();
    fs::create_dir_all(root.join("book/src")).unwrap();
    fs::write(root.join("book/book.toml"), "[book]\ntitle = \"Tiny\"\n").unwrap();
    fs::write(root.join("book/src/SUMMARY.md"), "# Summary\n\n- [One](one.md)\n").unwrap();
    fs::write(root.join("book/src/one.md"), chapter).unwrap();
    folder
}

/// Runs the program in the book's `src`, from where it must find its way up.
fn book(root: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_book"))
        .args(arguments)
        .current_dir(root.join("book/src"))
        .output()
        .unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

const CHAPTER: &str = "# One\n\n{{doc thread-pool}}\n\n```rust\n\
    {{#include ../../crates/models/thread-pool/src/lib.rs:serve}}\n```\n\n\
    Of 64, {{figure starvation thread-pool 64 served}} were served.\n\n\
    {{chart starvation-served}}\n\nOn {{environment}}\n\n{{claims}}\n";

#[test]
fn a_book_holds_its_code_and_its_results() {
    let folder = workspace(CHAPTER, true);
    let out = folder.path().join("out");
    let output = book(folder.path(), &["build", "--out", out.to_str().unwrap()]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(stderr(&output), "");

    let page = fs::read_to_string(out.join("one.html")).unwrap();
    for part in [
        "pub fn serve() {}",
        "<strong>Thread pool</strong>",
        "2 blocks, range 4\">4</span> were served",
        "<svg viewbox=\"0 0 9 9\">",
        "Example CPU with 2 cores",
        "<table class=\"claims\">",
    ] {
        assert!(page.contains(part), "{part} in\n{page}");
    }
    assert!(!page.contains("{{"), "{page}");
    assert!(!page.contains("<p><figure"), "{page}");
}

#[test]
fn a_book_without_results_is_built_with_notes_and_warnings() {
    let folder = workspace(CHAPTER, false);
    let output = book(folder.path(), &["build"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let warnings = stderr(&output);
    assert_eq!(warnings.lines().count(), 4, "{warnings}");
    assert!(
        warnings.contains(
            "warning: one.md: {{figure starvation thread-pool 64 served}}: not measured yet: \
             run `cargo lab bench starvation`"
        ),
        "{warnings}"
    );
    let page = fs::read_to_string(folder.path().join("book/book/one.html")).unwrap();
    assert!(page.contains("<code>cargo lab bench starvation</code></span> were served"), "{page}");
}

#[test]
fn a_misspelt_name_ends_the_build_and_leaves_the_old_one() {
    let folder = workspace("# One\n\n{{question starvation}}\n", true);
    assert!(book(folder.path(), &["build"]).status.success());
    fs::write(
        folder.path().join("book/src/one.md"),
        "{{question starvatoin}} {{figure starvation thread-pol 64 served}}",
    )
    .unwrap();
    let output = book(folder.path(), &["build"]);
    assert_eq!(output.status.code(), Some(1));
    let errors = stderr(&output);
    for part in [
        "one.md: {{question starvatoin}}: no experiment `starvatoin`; did you mean `starvation`?",
        "one.md: {{figure starvation thread-pol 64 served}}: no model `thread-pol`",
    ] {
        assert!(errors.contains(part), "{errors}");
    }
    assert!(folder.path().join("book/book/one.html").is_file());
}

#[test]
fn a_missing_anchor_ends_the_build() {
    let chapter = "{{#include ../../crates/models/thread-pool/src/lib.rs:accept}}";
    let folder = workspace(chapter, true);
    let output = book(folder.path(), &["build"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("no line `// ANCHOR: accept`"), "{}", stderr(&output));
}

#[test]
fn check_lists_broken_links_and_builds_nothing_in_the_book() {
    let folder = workspace("# One\n\n[a](#one) [b](#two) ![c](none.png)\n", true);
    let output = book(folder.path(), &["check"]);
    assert_eq!(output.status.code(), Some(1));
    let errors = stderr(&output);
    assert!(errors.contains("one.html: #two: the page has no such anchor"), "{errors}");
    assert!(errors.contains("one.html: none.png: there is no such file"), "{errors}");
    assert!(!errors.contains("#one:"), "{errors}");
    assert!(!folder.path().join("book/book").exists());

    fs::write(folder.path().join("book/src/one.md"), "# One\n\n[a](#one)\n").unwrap();
    let output = book(folder.path(), &["check"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(String::from_utf8_lossy(&output.stdout).contains(" 0 broken"));
}

#[test]
fn wrong_usage_exits_2_and_a_wrong_folder_1_with_advice() {
    let folder = workspace("# One\n", true);
    assert_eq!(book(folder.path(), &["bild"]).status.code(), Some(2));
    let output = book(folder.path(), &["build", "--results", "nowhere"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("--results nowhere: there is no such folder"));
    let output = book(folder.path(), &["build", "--out", "."]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("holds something other than a built book"));
}
