//! Standard error that nobody reads, or that is full: what a server has to say is lost,
//! and nothing else.

use std::{
    fs::{File, OpenOptions},
    io::Write,
    path::Path,
    process::Command,
    time::Duration,
};

use rustix::{io::ioctl_fionbio, process::Signal};

use crate::{
    http_client::get,
    model::{Model, PREFORK_LOOPS, for_every_model},
    server::{LAB, Server},
    tree,
};

for_every_model!(
    a_closed_one_ends_nobody,
    a_full_disk_ends_nobody,
    a_pipe_whose_reader_is_gone_ends_nobody,
    a_pipe_that_nobody_reads_stops_nobody,
);

/// Starts a server whose standard error is what the shell makes of `redirection`.
fn start(model: Model, redirection: &str) -> Server {
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("exec \"$0\" \"$@\" {redirection}")).arg(LAB);
    command.args(["serve", model.name, "--listen", "127.0.0.1:0", "--service", "http"]);
    // Some of these say at the start that they have no effect.
    command.args(["--workers", "2", "--queue-limit", "64", "--memory", "2m", "--drain", "200ms"]);
    Server::run(command)
}

/// It has much to say: of handlers that panic, of one that is cut.
fn assert_lives_and_stops(server: Server, model: Model) {
    for _ in 0..30 {
        let mut client = server.connect_http();
        client.send(get("/panic"));
        assert_eq!(client.answer().status, 500);
    }
    if model.name == PREFORK_LOOPS.name {
        let children = tree::children(server.number());
        tree::signal(children[0], Signal::KILL);
    }
    let mut idle = server.connect_http();
    idle.get("/").assert_text("hello, world\n");
    idle.send(get("/sleep?ms=20000"));
    idle.client.await_delivery();
    server.signal(Signal::TERM);
    let end = server.wait();
    assert_eq!(end.status.code(), Some(0), "{}", end.status);
    assert!(end.took < Duration::from_secs(4), "it took {:?}", end.took);
    let report = end.report.expect("there is a report");
    assert!(report.count("cut") > 0, "{report:?}");
}

fn a_closed_one_ends_nobody(model: Model) {
    assert_lives_and_stops(start(model, "2>&-"), model);
}

fn a_full_disk_ends_nobody(model: Model) {
    assert_lives_and_stops(start(model, "2>/dev/full"), model);
}

/// A pipe with a name, and its reader.
fn pipe(path: &Path) -> File {
    let made = Command::new("mkfifo").arg(path).status().expect("the command runs");
    assert!(made.success(), "{made}");
    let reader = OpenOptions::new().read(true).write(true).open(path).expect("it is there");
    ioctl_fionbio(&reader, true).expect("it need not wait");
    reader
}

fn a_pipe_whose_reader_is_gone_ends_nobody(model: Model) {
    let folder = tempfile::tempdir().expect("a folder for the pipe");
    let path = folder.path().join("pipe");
    let reader = pipe(&path);
    let server = start(model, &format!("2>{}", path.display()));
    drop(reader);
    assert_lives_and_stops(server, model);
}

fn a_pipe_that_nobody_reads_stops_nobody(model: Model) {
    let folder = tempfile::tempdir().expect("a folder for the pipe");
    let path = folder.path().join("pipe");
    let mut full = pipe(&path);
    while full.write(b"nobody reads this").is_ok() {}
    let server = start(model, &format!("2>{}", path.display()));
    assert_lives_and_stops(server, model);
}
