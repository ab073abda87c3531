//! Connections that are refused, never made, held in silence, or lose their server.

mod common;

use std::{
    net::{SocketAddr, TcpListener},
    process::{Command, id},
    sync::atomic::AtomicBool,
    thread,
    time::{Duration, Instant},
};

use common::{echo, plan, run, serve};
use load::{Error, Mode};
use socket2::{Domain, Socket, Type};

#[test]
fn nobody_listening_is_refused() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let report = run(&plan(address, 5));
    assert_eq!((report.errors.refused, report.errors.total()), (5, 5));
    assert_eq!((report.established, report.starved), (0, 5));
    assert_eq!(report.errors.first.len(), 3, "{:?}", report.errors.first);
}

#[test]
fn a_full_backlog_times_out() {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    socket.bind(&any.into()).unwrap();
    socket.listen(1).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let mut plan = plan(address, 20);
    plan.connect_burst = 8;
    plan.connect_timeout = Duration::from_millis(200);
    let report = run(&plan);
    let timeouts = usize::try_from(report.errors.connect_timeout).unwrap();
    assert!(timeouts > 0, "{:?}", report.errors);
    assert_eq!(report.established + timeouts, 20);
    assert!(report.accept_drops.is_none_or(|drops| drops > 0));
    assert_eq!(report.starved, 20);
}

#[test]
fn an_idle_run_holds_what_the_server_has_accepted() {
    let mut plan = plan(serve(|_, stream| echo(stream, |_, _| {})), 10);
    plan.mode = Mode::Idle { probe: true };
    plan.watch = Some(id());
    plan.watch_memory = true;
    let report = run(&plan);
    assert_eq!((report.established, report.served, report.starved), (10, 10, 0));
    assert_eq!((report.answered, report.sent, report.bytes_in), (0, 0, 640));
    let watch = report.watch.as_ref().unwrap();
    let (start, end) = (watch.start.as_ref().unwrap(), watch.end.as_ref().unwrap());
    assert!(start.memory.unwrap().private_bytes > 0 && end.memory.is_some());
    // The servers' threads are this process's.
    assert!(start.threads >= watch.before.threads);
    assert!(watch.server_cpu_seconds().is_some() && watch.run_queue_seconds().is_some());
    assert!(end.threads > 64 || end.tasks.len() > 1, "{end:?}");
}

#[test]
fn an_idle_run_without_probe_asks_nobody() {
    let mut plan = plan(serve(|_, stream| echo(stream, |_, _| {})), 3);
    plan.mode = Mode::Idle { probe: false };
    let report = run(&plan);
    assert_eq!((report.established, report.unasked, report.starved), (3, 3, 0));
    assert_eq!((report.bytes_out, report.longest_wait_ms), (0, None));
}

#[test]
fn a_probe_that_is_not_answered_is_starved() {
    let address = serve(|number, stream| {
        if number == 0 {
            echo(stream, |_, _| {});
        } else {
            thread::sleep(Duration::from_secs(20)); // Holds its end open, unread.
        }
    });
    let mut plan = plan(address, 3);
    plan.mode = Mode::Idle { probe: true };
    plan.connect_timeout = Duration::from_millis(300);
    let report = run(&plan);
    assert_eq!((report.established, report.served, report.starved), (3, 1, 2));
    assert_eq!(report.censored, 2);
}

#[test]
fn a_server_that_dies_is_said_to_be_dead() {
    let mut child = Command::new("sleep").arg("60").spawn().unwrap();
    let mut plan = plan(serve(|_, stream| echo(stream, |_, _| {})), 2);
    plan.watch = Some(child.id());
    let killer = thread::spawn(move || {
        thread::sleep(Duration::from_millis(100));
        child.kill().unwrap();
        child.wait().unwrap();
    });
    plan.duration = Duration::from_secs(1);
    let report = run(&plan);
    killer.join().unwrap();
    assert_eq!(report.errors.server_died, 1);
    assert_eq!(report.watch.unwrap().end, None);
}

#[test]
fn a_server_that_is_not_there_cannot_be_watched() {
    let mut child = Command::new("true").spawn().unwrap();
    child.wait().unwrap();
    let mut plan = plan("127.0.0.1:1".parse().unwrap(), 1);
    plan.watch = Some(child.id());
    let refused = load::run(&plan, &AtomicBool::new(false));
    assert!(matches!(refused, Err(Error::NoProcess { .. })));
}

#[test]
fn a_server_that_turns_connections_away_is_noticed_before_traffic() {
    let began = Instant::now();
    let report = run(&plan(serve(|_, stream| drop(stream)), 4));
    assert!(began.elapsed() < Duration::from_secs(10));
    assert_eq!(report.errors.closed_early + report.errors.reset, 4, "{:?}", report.errors);
}
