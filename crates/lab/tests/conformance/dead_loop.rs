//! One of several loops cannot go on: the whole server ends, and says why. The others
//! must not stay to be dealt their share, while nobody serves the rest.

use std::{collections::BTreeMap, env::consts::ARCH, fs, process::Command, thread};

use rustix::io::Errno;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, apply_filter,
};

use crate::{
    model::{
        COMPLETION_RINGS, DISPATCHING_REACTOR, EVENT_LOOP, LOOPS_WITH_WORKERS, Model,
        POOLED_EVENT_LOOPS, REUSEPORT_LOOPS,
    },
    server::{LAB, Server},
};

/// Those in which a loop serves, in one process.
const LOOPS: [Model; 6] = [
    EVENT_LOOP,
    POOLED_EVENT_LOOPS,
    REUSEPORT_LOOPS,
    DISPATCHING_REACTOR,
    LOOPS_WITH_WORKERS,
    COMPLETION_RINGS,
];

/// `epoll_wait`, on architectures that have it, and `epoll_pwait`.
const EPOLL_WAITS: &[i64] = if cfg!(target_arch = "x86_64") { &[232, 281] } else { &[22] };
/// `io_uring_enter`, which has this number on every architecture.
const IO_URING_ENTER: i64 = 426;

fn serve(model: Model) -> Command {
    let mut command = Command::new(LAB);
    command.args(["serve", model.name, "--listen", "127.0.0.1:0", "--workers", "2"]);
    command
}

/// The descriptor that the first loop waits with: the same in every run.
fn first_loop(server: &Server) -> u64 {
    let kinds = ["anon_inode:[eventpoll]", "anon_inode:[io_uring]"];
    let descriptors = fs::read_dir(format!("/proc/{}/fd", server.number())).expect("it lives");
    let waits = descriptors.filter_map(|entry| {
        let path = entry.ok()?.path();
        let kind = fs::read_link(&path).ok()?;
        let waits = kinds.iter().any(|name| kind.as_os_str() == *name);
        waits.then(|| path.file_name()?.to_str()?.parse().ok()).flatten()
    });
    waits.min().expect("a loop has a descriptor")
}

/// Starts the server where waiting with this descriptor fails, as if it were not one.
fn serve_without(descriptor: u64, model: Model) -> Server {
    let (length, is) = (SeccompCmpArgLen::Dword, SeccompCmpOp::Eq);
    let rule = || {
        let of_this = SeccompCondition::new(0, length.clone(), is.clone(), descriptor);
        SeccompRule::new(vec![of_this.expect("a first argument")]).expect("a rule")
    };
    let calls = EPOLL_WAITS.iter().copied().chain([IO_URING_ENTER]);
    let rules: BTreeMap<_, _> = calls.map(|call| (call, vec![rule()])).collect();
    let refused = SeccompAction::Errno(Errno::BADF.raw_os_error().unsigned_abs());
    let target = ARCH.try_into().expect("an architecture with filters");
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refused, target);
    let filter: BpfProgram = filter.and_then(TryInto::try_into).expect("the filter is right");
    // A filter is for the thread that sets it, and whatever that starts.
    let start = thread::spawn(move || {
        apply_filter(&filter).expect("a filter can be set");
        Server::run(serve(model))
    });
    start.join().expect("the server starts")
}

#[test]
fn a_loop_that_dies_ends_the_server() {
    for model in LOOPS.into_iter().filter(Model::can_run_here) {
        let whole = Server::run(serve(model));
        // All loops are made before anybody is served.
        whole.connect().ping("ping");
        let descriptor = first_loop(&whole);
        whole.stop_well();

        let end = serve_without(descriptor, model).wait();
        assert_eq!(end.status.code(), Some(1), "{}: {}", model.name, end.errors);
        assert!(end.errors.contains("Bad file descriptor"), "{}: {}", model.name, end.errors);
    }
}
