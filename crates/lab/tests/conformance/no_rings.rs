//! Where `io_uring` is off, its model says so before it says that it listens.

use std::{
    collections::BTreeMap,
    env::consts::ARCH,
    process::{Command, Output, Stdio},
    thread,
};

use rustix::io::Errno;
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};

use crate::server::LAB;

/// `io_uring_setup`, which has this number on every architecture.
const IO_URING_SETUP: i64 = 425;

#[test]
fn forbidden() {
    let output = serve_without_rings(Errno::PERM);
    assert_says_so(&output, "cannot start: io_uring is not allowed here: set the sysctl");
}

#[test]
fn unknown() {
    let output = serve_without_rings(Errno::NOSYS);
    assert_says_so(&output, "cannot start: this kernel has no io_uring: use Linux");
}

#[test]
fn out_of_memory_to_lock() {
    let output = serve_without_rings(Errno::NOMEM);
    assert_says_so(&output, "cannot start: no memory may be locked for io_uring: raise");
}

#[track_caller]
fn assert_says_so(output: &Output, what: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.starts_with("completion-rings: ") && said.contains(what), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(output.stdout.is_empty(), "it does not say that it listens");
}

/// Runs the server where asking for a ring ends so.
fn serve_without_rings(error: Errno) -> Output {
    let refused = SeccompAction::Errno(error.raw_os_error().unsigned_abs());
    let rules = BTreeMap::from([(IO_URING_SETUP, Vec::new())]);
    let target = ARCH.try_into().expect("an architecture with filters");
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refused, target);
    let filter: BpfProgram = filter.and_then(TryInto::try_into).expect("the filter is right");
    // A filter is for the thread that sets it, and whatever that starts.
    let serve = thread::spawn(move || {
        apply_filter(&filter).expect("a filter can be set");
        Command::new(LAB)
            .args(["serve", "completion-rings", "--listen", "127.0.0.1:0"])
            .stdin(Stdio::null())
            .output()
            .expect("the server starts")
    });
    serve.join().expect("the thread ends")
}
