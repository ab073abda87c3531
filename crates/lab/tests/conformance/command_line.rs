//! What `lab serve` says, and where.

use std::{
    net::TcpListener,
    process::{Command, Output, Stdio},
};

use crate::{
    model::{ASYNC_TASKS, EVENT_LOOP, Model, PREFORK_LOOPS, THREAD_POOL, for_every_model},
    server::{LAB, Server},
};

for_every_model!(
    options_without_effect_are_said_on_standard_error,
    it_listens_on_ipv6,
    a_report_that_cannot_be_written_is_refused_at_the_start,
);

fn lab(arguments: &[&str]) -> (Output, String) {
    let output =
        Command::new(LAB).args(arguments).stdin(Stdio::null()).output().expect("the command runs");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    (output, errors)
}

/// Which options mean something is the model's; that all are taken is not.
fn options_without_effect_are_said_on_standard_error(model: Model) {
    let queue = if model.name == "thread-pool" { "mutex" } else { "fifo" };
    let options = ["--workers", "2", "--queue", queue, "--queue-limit", "64"];
    let server = Server::start(model, "echo", &options);
    assert_ne!(server.address.port(), 0, "port 0 picks one");
    server.connect().ping("it serves all the same");
    let end = server.stop();
    assert_eq!((end.status.code(), end.output.as_str()), (Some(0), ""), "one line on stdout");
    let unused: &[&str] = match model.name {
        "thread-pool" => &[],
        "connection-per-event-base" => &["--queue-limit"],
        "dispatching-reactor" | "loops-with-workers" => &["--queue"],
        "pooled-event-loops" | "reuseport-loops" | "async-tasks" | "prefork-loops" => {
            &["--queue", "--queue-limit"]
        }
        "completion-rings" | "completion-rings-plain" => &["--queue", "--queue-limit"],
        _ => &["--workers", "--queue", "--queue-limit"],
    };
    assert_eq!(end.errors.lines().count(), unused.len(), "{}", end.errors);
    for option in unused {
        assert!(end.errors.contains(&format!("{option} has")), "{option} in {}", end.errors);
    }
}

fn it_listens_on_ipv6(model: Model) {
    if let Err(error) = TcpListener::bind("[::1]:0") {
        eprintln!("skipped: this machine has no IPv6 loopback: {error}");
        return;
    }
    let server = Server::start_at("[::1]:0", model, "echo", &[]);
    assert!(server.address.is_ipv6());
    server.connect().ping("over IPv6");
}

fn a_report_that_cannot_be_written_is_refused_at_the_start(model: Model) {
    let path = "/no/such/folder/report.json";
    let (output, errors) = lab(&["serve", model.name, "--listen", "127.0.0.1:0", "--report", path]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{errors}");
    assert_eq!(errors.lines().count(), 1, "{errors}");
    assert!(errors.contains(path), "{errors}");
}

/// They are the cache's, whatever the model.
#[test]
fn options_of_the_cache_are_said_to_have_no_effect_on_others() {
    for (service, count) in [("cache", 0), ("http", 2)] {
        let options = ["--memory", "2m", "--shards", "3"];
        let end = Server::start(EVENT_LOOP, service, &options).stop();
        assert_eq!(end.errors.lines().count(), count, "{}", end.errors);
        assert!(end.errors.lines().all(|line| line.contains(service)), "{}", end.errors);
    }
}

#[test]
fn an_unknown_model_is_answered_with_the_nearest_name() {
    let (output, errors) = lab(&["serve", "threadpool"]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{errors}");
    assert!(errors.contains("'thread-pool'"), "{errors}");
}

/// Beyond them clocks overflow, and memory is asked for that nobody has: after the server
/// has said that it listens.
#[test]
fn numbers_have_bounds_which_are_told() {
    const HUGE: &str = "18446744073709551615";
    let forever = format!("{HUGE}s");
    for (option, value, bound) in [
        ("--drain", forever.as_str(), "365 days"),
        ("--idle-timeout", &forever, "365 days"),
        ("--workers", HUGE, "to 1024"),
        ("--queue-limit", HUGE, "to 1048576"),
        ("--shards", HUGE, "to 65536"),
        ("--memory", HUGE, "1024g"),
    ] {
        for model in ["thread-pool", "async-tasks", "prefork-loops"] {
            let (output, errors) = lab(&["serve", model, "--listen", "127.0.0.1:0", option, value]);
            assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{errors}");
            assert!(errors.contains(option) && errors.contains(bound), "{errors}");
        }
    }
    for (arguments, bound) in [
        (["batch", "event-loop", "--timeout", forever.as_str()], "365 days"),
        (["batch", "thread-pool", "--workers", HUGE], "to 1024"),
        (["batch", "event-loop", "--delay", &forever], "365 days"),
        (["load", "127.0.0.1:1", "--duration", &forever], "365 days"),
        (["load", "127.0.0.1:1", "--bytes", HUGE], "67108864"),
    ] {
        let (output, errors) = lab(&arguments);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{errors}");
        assert!(errors.contains(bound), "{errors}");
    }
}

/// The longest that may be asked for: a stop has to come in time all the same.
#[test]
fn the_longest_durations_do_not_delay_a_stop() {
    let options = ["--drain", "365days", "--idle-timeout", "365days"];
    for model in [THREAD_POOL, EVENT_LOOP, ASYNC_TASKS, PREFORK_LOOPS] {
        let server = Server::start(model, "echo", &options);
        let client = server.connect();
        client.ping("it serves");
        server.stop_well();
        client.assert_closed();
    }
}

/// Where a model has a choice, what is not among it is not passed over.
#[test]
fn a_queue_of_another_model_is_refused_with_those_it_has() {
    for (model, queue, has) in [
        ("thread-pool", "lifo", "channel or mutex"),
        ("connection-per-event-base", "mutex", "lifo or fifo"),
    ] {
        let (output, errors) = lab(&["serve", model, "--listen", "127.0.0.1:0", "--queue", queue]);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{errors}");
        assert_eq!(errors.lines().count(), 1, "{errors}");
        for word in [model, queue, has] {
            assert!(errors.contains(word), "{word} in {errors}");
        }
    }
}

#[test]
fn the_help_tells_which_queues_there_are() {
    let (output, errors) = lab(&["serve", "--help"]);
    let help = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{errors}");
    for queue in ["lifo", "fifo", "channel", "mutex"] {
        assert!(help.contains(&format!("- {queue}:")), "{queue} in {help}");
    }
}

#[test]
fn wrong_usage_is_exit_2() {
    for arguments in [
        &["serve"] as &[&str],
        &["serve", "event-loop", "--listen", "here"],
        &["serve", "event-loop", "--service", "gopher"],
        &["serve", "event-loop", "--workers", "0"],
        &["serve", "thread-pool", "--queue-limit", "0"],
        &["serve", "event-loop", "--idle-timeout", "0s"],
        &["serve", "event-loop", "--drain", "soon"],
        &["serve", "event-loop", "--memory", "0"],
        &["serve", "event-loop", "--memory", "1t"],
        &["serve", "event-loop", "--memory", "99999999999999g"],
        &["serve", "event-loop", "--shards", "0"],
        &["serve", "event-loop", "--no-such-option"],
    ] {
        let (output, errors) = lab(arguments);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{arguments:?}");
        assert!(!errors.is_empty(), "{arguments:?}");
    }
}

/// Whoever reads what the command says may be gone, or have no room. It may fail for that,
/// and says so by its exit code; it does not panic.
#[test]
fn output_that_cannot_be_written_is_no_panic() {
    for arguments in [
        "models",
        "claims /no/such/folder",
        "compare /no/such /folder",
        "load 127.0.0.1:1",
        "serve event-loop --queue lifo --report /no/such/folder/file",
    ] {
        for redirection in ["2>/dev/full", ">/dev/full", ">/dev/full 2>/dev/full", "2>&-"] {
            let script = format!("exec \"$0\" {arguments} {redirection}");
            let shell = Command::new("sh").args(["-c", &script, LAB]).stdin(Stdio::null()).output();
            let code = shell.expect("the command runs").status.code();
            assert!(code.is_some_and(|code| code < 6), "{arguments} {redirection}: {code:?}");
        }
    }
}
