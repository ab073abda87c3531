//! Several threads make one load: the same as one thread would, and accounted for as one.

mod common;

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use common::{echo, plan, run, serve};
use load::{Arrivals, Mode, Plan, decode_histogram};

fn threaded(target: SocketAddr, connections: usize) -> Plan {
    Plan { threads: 3, ..plan(target, connections) }
}

#[test]
fn a_closed_loop_of_three_threads_adds_up() {
    let report = run(&threaded(serve(|_, stream| echo(stream, |_, _| {})), 8));
    assert_eq!((report.threads, report.requested, report.established), (3, 8, 8));
    assert_eq!((report.served, report.starved, report.unasked), (8, 0, 0));
    assert_eq!(report.errors.total(), 0, "{:?}", report.errors);
    assert_eq!((report.censored, report.bytes_in), (0, report.bytes_out));
    assert!(report.answered > 100 && report.per_connection.unwrap().min > 0);
    assert_eq!(report.latency.samples, report.sent);
    assert_eq!(decode_histogram(&report.histogram).unwrap().len(), report.latency.samples);
    assert!((0.05..5.0).contains(&report.warmup_seconds), "{} s", report.warmup_seconds);
    assert!(report.answered_total > report.answered);
    assert!((0.3..0.6).contains(&report.window_seconds), "{} s", report.window_seconds);
}

#[test]
fn an_open_loop_keeps_its_rate_over_all_threads() {
    let mut plan = threaded(serve(|_, stream| echo(stream, |_, _| {})), 7);
    plan.grace = Duration::from_secs(5);
    plan.mode = Mode::Open { rate: 1000.0, arrivals: Arrivals::Fixed };
    let report = run(&plan);
    assert!((290..=310).contains(&report.sent), "{} sent", report.sent);
    assert_eq!((report.unsent, report.censored, report.served), (0, 0, 7));
    // Each in its turn: 300 requests on 7 connections.
    assert!(report.per_connection.as_ref().unwrap().min > 20, "{:?}", report.per_connection);
    assert!(report.adherence.is_some() && report.max_lag_us.is_some());
}

#[test]
fn an_idle_run_probes_every_connection() {
    let mut plan = threaded(serve(|_, stream| echo(stream, |_, _| {})), 10);
    plan.mode = Mode::Idle { probe: true };
    let report = run(&plan);
    assert_eq!((report.established, report.served, report.starved), (10, 10, 0));
    assert_eq!((report.answered, report.sent, report.bytes_in), (0, 0, 640));
}

#[test]
fn one_threads_connections_may_end_while_the_others_go_on() {
    // With three connections a thread has one each: the second accepted ends at once.
    let address = serve(|number, stream| {
        if number != 1 {
            echo(stream, |_, _| {});
        }
    });
    let report = run(&threaded(address, 3));
    assert_eq!((report.errors.total(), report.served), (1, 2), "{:?}", report.errors);
    assert!((0.3..0.6).contains(&report.window_seconds), "{} s", report.window_seconds);
    assert!(report.answered > 100);
}

#[test]
fn a_run_ends_when_nobody_is_left_on_any_thread() {
    let mut plan = threaded(serve(|_, stream| drop(stream)), 6);
    plan.duration = Duration::from_secs(60);
    let began = Instant::now();
    let report = run(&plan);
    assert!(began.elapsed() < Duration::from_secs(30));
    assert_eq!((report.errors.total(), report.errors.first.len()), (6, 3), "{:?}", report.errors);
}

#[test]
fn an_interrupt_ends_all_threads() {
    let mut plan = threaded(serve(|_, stream| echo(stream, |_, _| {})), 3);
    plan.duration = Duration::from_secs(60);
    let (interrupt, began) = (AtomicBool::new(false), Instant::now());
    let report = thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(300));
            interrupt.store(true, Ordering::Relaxed);
        });
        load::run(&plan, &interrupt).unwrap()
    });
    assert!(began.elapsed() < Duration::from_secs(30));
    assert!(report.interrupted && report.window_seconds < 30.0);
}

/// What each connection sent first, whatever the order in which they were accepted.
fn first_payloads(threads: usize, mode: Mode) -> BTreeSet<Vec<u8>> {
    const BYTES: usize = 64 * 4;
    let seen: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
    let notes = Arc::clone(&seen);
    let address = serve(move |_, stream| {
        let mut sent = Vec::new();
        echo(stream, |_, bytes| {
            if sent.len() < BYTES {
                sent.extend_from_slice(bytes);
                if sent.len() == BYTES {
                    notes.lock().unwrap().push(sent.clone());
                }
            }
        });
    });
    let report = run(&Plan { threads, mode, ..plan(address, 8) });
    assert_eq!((report.served, report.errors.total()), (8, 0));
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 8);
    seen.iter().cloned().collect()
}

#[test]
fn a_connection_sends_the_same_whatever_the_number_of_threads() {
    let closed = Mode::default();
    let payloads = first_payloads(1, closed);
    assert_eq!(payloads.len(), 8, "connections differ");
    assert_eq!(first_payloads(3, closed), payloads);
    let open = Mode::Open { rate: 1000.0, arrivals: Arrivals::Poisson };
    assert_eq!(first_payloads(3, open), payloads);
}
