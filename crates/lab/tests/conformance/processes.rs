//! Models that are several processes: one may die without the others, and none
//! outlives the master.

use std::{
    fs,
    os::unix::process::CommandExt,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::{
    client::Client,
    http_client::get,
    model::{Model, PREFORK_LOOPS, PROCESS_PER_CONNECTION},
    server::{LAB, Server},
    tree,
    wait::{eventually, throughout},
};

fn kill(pid: i32, signal: Signal) {
    kill_process(Pid::from_raw(pid).expect("a number"), signal).expect("it is there");
}

/// The processes that the master has started.
fn children(server: &Server) -> Vec<i32> {
    tree::children(server.number())
}

/// Whether a process is neither there nor a zombie that nobody has waited for.
fn is_gone(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_none_or(|(_, state)| state.starts_with('Z'))
}

/// Connections of a process of prefork-loops: the sockets that its master has not.
fn connections(server: &Server, child: i32) -> usize {
    let master = server.number();
    tree::sockets(&[master, child]).saturating_sub(tree::sockets(&[master]))
}

/// Clients that have been served, some by each of the two processes.
fn clients_of_both(server: &Server) -> Vec<Client> {
    let mut clients = Vec::new();
    eventually("both have clients", || {
        let client = server.connect();
        client.ping("ping");
        clients.push(client);
        let children = children(server);
        children.len() == 2 && children.iter().all(|&child| connections(server, child) > 0)
    });
    clients
}

#[test]
fn a_killed_loop_costs_its_own_connections_alone() {
    let server = Server::start(PREFORK_LOOPS, "echo", &["--workers", "2"]);
    let clients = clients_of_both(&server);
    let victim = children(&server)[0];
    let victims = connections(&server, victim);
    kill(victim, Signal::KILL);
    let has_ended = |client: &&Client| client.peek() == Some(0);
    eventually("its clients know", || clients.iter().filter(has_ended).count() == victims);
    let (ended, others): (Vec<_>, Vec<_>) = clients.iter().partition(has_ended);
    assert_eq!(ended.len(), victims, "and nobody else's");
    assert!(!others.is_empty());
    // Some of these are dealt to the one that is dead, and wait for its successor.
    let newcomers: Vec<Client> = (0..16).map(|_| server.connect()).collect();
    for client in others.into_iter().chain(&newcomers) {
        client.ping("it serves on");
    }
    eventually("there are two again", || children(&server).len() == 2);
    assert!(!children(&server).contains(&victim));
    let end = server.stop();
    assert!(end.status.success(), "{}: {}", end.status, end.errors);
    assert!(end.errors.contains("was killed by signal 9"), "it says so: {}", end.errors);
    let report = end.report.expect("there is a report");
    // The dead have told nothing.
    assert_eq!(report.count("accepted"), (clients.len() - victims + newcomers.len()) as u64);
    assert_eq!((report.count("failed"), report.count("cut")), (0, 0));
    report.assert_adds_up();
}

/// One that dies as soon as it lives is given a rest, and a longer one each time.
#[test]
fn a_loop_that_dies_at_once_is_not_started_again_and_again() {
    let server = Server::start(PREFORK_LOOPS, "echo", &["--workers", "1"]);
    let mut killed = Vec::new();
    throughout(Duration::from_secs(5), "it is given a rest", || {
        let alive: Vec<i32> = children(&server).into_iter().filter(|&pid| !is_gone(pid)).collect();
        for pid in alive {
            kill(pid, Signal::KILL);
            killed.push(pid);
            eventually("it is dead", || is_gone(pid));
        }
        killed.len() <= 3
    });
    assert!(killed.len() >= 2, "it is started again: {killed:?}");
    server.connect().ping("and it serves");
    let end = server.stop();
    assert!(end.status.success(), "{}: {}", end.status, end.errors);
    for rest in ["anew in 1s", "anew in 2s"] {
        assert!(end.errors.contains(rest), "{rest} in {}", end.errors);
    }
    let report = end.report.expect("there is a report");
    assert_eq!(report.count("restarts"), killed.len() as u64, "{report:?}");
}

#[test]
fn a_killed_process_costs_its_own_connection_alone() {
    let server = Server::start(PROCESS_PER_CONNECTION, "echo", &[]);
    let clients = [server.connect(), server.connect()];
    for client in &clients {
        client.ping("ping");
    }
    kill(children(&server)[0], Signal::KILL);
    eventually("its client knows", || clients.iter().any(|client| client.peek() == Some(0)));
    let (ended, others): (Vec<_>, Vec<_>) =
        clients.iter().partition(|client| client.peek() == Some(0));
    assert_eq!((ended.len(), others.len()), (1, 1));
    others[0].ping("it serves on");
    server.connect().ping("and others");
    server.await_open(1);
    let report = server.stop_well();
    assert_eq!((report.count("accepted"), report.count("failed")), (3, 1), "{report:?}");
    assert_eq!(report.workers_sum("connections"), 3);
}

/// Two clients, one of them idle, and nobody to tell the processes to end.
fn none_outlives_a_killed_master(model: Model) {
    let server = Server::start(model, "http", &["--workers", "2", "--drain", "60s"]);
    let (mut idle, mut busy) = (server.connect_http(), server.connect_http());
    idle.get("/").assert_text("hello, world\n");
    busy.get("/").assert_text("hello, world\n");
    busy.send(get("/sleep?ms=30000"));
    busy.client.await_delivery();
    let children = children(&server);
    assert_eq!(children.len(), 2);
    server.signal(Signal::KILL);
    eventually("all are gone", || children.iter().all(|&child| is_gone(child)));
    idle.client.assert_closed();
    busy.client.assert_closed();
    // Another thread of the master may still be about to let its sockets go.
    eventually("nobody listens", || Client::try_connect(server.address).is_err());
}

#[test]
fn no_loop_outlives_a_killed_master() {
    none_outlives_a_killed_master(PREFORK_LOOPS);
}

#[test]
fn no_connections_process_outlives_a_killed_master() {
    none_outlives_a_killed_master(PROCESS_PER_CONNECTION);
}

/// A terminal sends Ctrl-C to all processes of a group. If it reached those that
/// serve, the master's signal would be their second, and end them at once.
fn an_interrupt_at_the_terminal_is_a_stop(model: Model) {
    let mut command = Command::new(LAB);
    command.args(["serve", model.name, "--listen", "127.0.0.1:0", "--service", "http"]);
    command.args(["--workers", "2"]).process_group(0);
    let server = Server::run(command);
    let mut client = server.connect_http();
    client.get("/").assert_text("hello, world\n");
    client.send(get("/sleep?ms=400"));
    client.client.await_delivery();
    let group = Pid::from_raw(server.number()).expect("a number");
    kill_process_group(group, Signal::INT).expect("the group is there");
    client.answer().assert_text("slept 400 ms\n");
    client.assert_end();
    let end = server.wait();
    assert!(end.status.success(), "{}: {}", end.status, end.errors);
}

#[test]
fn an_interrupt_stops_loops() {
    an_interrupt_at_the_terminal_is_a_stop(PREFORK_LOOPS);
}

#[test]
fn an_interrupt_stops_connections_processes() {
    an_interrupt_at_the_terminal_is_a_stop(PROCESS_PER_CONNECTION);
}

/// Asked to stop by somebody who is not its master, a process does: its master
/// starts another. The socket is the master's, and stays open.
#[test]
fn a_loop_that_is_asked_to_stop_drains_and_is_followed() {
    let server = Server::start(PREFORK_LOOPS, "http", &["--workers", "1"]);
    let mut client = server.connect_http();
    client.get("/").assert_text("hello, world\n");
    client.send(get("/sleep?ms=300"));
    client.client.await_delivery();
    let first = children(&server)[0];
    kill(first, Signal::TERM);
    client.answer().assert_text("slept 300 ms\n");
    client.assert_end();
    server.connect_http().get("/").assert_text("hello, world\n");
    assert!(!children(&server).contains(&first));
    let report = server.stop_well();
    assert_eq!((report.count("requests"), report.count("failed")), (3, 0));
    report.assert_adds_up();
}

/// Without a descriptor to give to a process, its connection is refused.
#[test]
fn a_connection_that_gets_no_process_is_refused() {
    let server = Server::start(PROCESS_PER_CONNECTION, "echo", &[]);
    server.connect().ping("it is ready");
    server.await_open(0);
    let fd = |number: &usize| format!("/proc/{}/fd/{number}", server.number());
    let free = (0..1000).find(|number| fs::symlink_metadata(fd(number)).is_err());
    let free = free.expect("most are free");
    drop(server);
    // This one is there to accept with, and no other.
    let server = Server::start_limited(free + 1, PROCESS_PER_CONNECTION, "echo", &[]);
    for _ in 0..3 {
        server.connect().assert_closed();
    }
    let report = server.stop_well();
    assert_eq!((report.count("accepted"), report.count("refused")), (3, 3), "{report:?}");
}

/// Processes share no count of connections: each has its share of the limit.
#[test]
fn a_limit_that_cannot_be_divided_is_said_in_one_line() {
    let output = Command::new(LAB)
        .args(["serve", "prefork-loops", "--listen", "127.0.0.1:0"])
        .args(["--workers", "3", "--max-connections", "2"])
        .stdin(Stdio::null())
        .output()
        .expect("the command runs");
    let errors = String::from_utf8(output.stderr).expect("it prints text");
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{errors}");
    assert_eq!(errors.lines().count(), 1, "{errors}");
    assert!(errors.contains("--max-connections") && errors.contains("--workers"), "{errors}");
}

/// All shares together are the limit, also if it does not divide evenly.
#[test]
fn shares_add_up_to_the_limit() {
    let options = ["--workers", "3", "--max-connections", "4"];
    let server = Server::start(PREFORK_LOOPS, "echo", &options);
    let since = Instant::now();
    let mut clients = Vec::new();
    // Whom the kernel deals to a process that is full is closed; with time, every
    // process is.
    eventually("all are full", || {
        let client = server.connect();
        client.send("ping");
        eventually("it is served or closed", || client.peek().is_some());
        if client.has_answer() {
            clients.push(client);
        }
        clients.len() == 4
    });
    for _ in 0..20 {
        server.connect().assert_closed();
    }
    for client in &clients {
        assert_eq!(client.receive(4), b"ping");
        client.ping("it is still there");
    }
    assert_eq!(server.stop_well().count("connections_peak"), 4, "in {:?}", since.elapsed());
}
