//! The closed loop against servers that answer, lie, or serve only some.

mod common;

use std::{
    io::Read,
    num::NonZeroU32,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use common::{echo, echo_of, plan, run, serve};
use load::{Hot, Mode, Plan, decode_histogram};

#[test]
fn a_correct_echo_is_all_served() {
    let report = run(&plan(serve(|_, stream| echo(stream, |_, _| {})), 8));
    assert_eq!((report.requested, report.established, report.served), (8, 8, 8));
    assert_eq!((report.starved, report.unasked, report.censored), (0, 0, 0));
    assert_eq!(report.errors.total(), 0, "{:?}", report.errors);
    assert!(report.answered > 100, "{} answers", report.answered);
    assert_eq!(report.bytes_in, report.bytes_out);
    assert_eq!(report.latency.samples, report.sent);
    assert!(report.client_cpu_seconds > 0.0 && report.jain.unwrap() > 0.1);
    let histogram = decode_histogram(&report.histogram).unwrap();
    assert_eq!(histogram.len(), report.latency.samples);
    assert!(report.adherence.is_none() && report.latency_from_send.is_none());
}

#[test]
fn receive_stamps_are_of_the_connections_sampled() {
    let mut plan = plan(serve(|_, stream| echo(stream, |_, _| {})), 4);
    plan.stamped = 0;
    assert_eq!(run(&plan).receive_lag, None);
    plan.stamped = 2;
    let report = run(&plan);
    assert_eq!((report.served, report.errors.total()), (4, 0));
    // Either it is known, or said not to be.
    let noted = report.warnings.iter().any(|text| text.contains("stamped no answer"));
    assert_eq!(noted, report.receive_lag.is_none());
    assert!(report.receive_lag.is_none_or(|lag| lag.samples < report.answered));
}

#[test]
fn a_report_survives_json() {
    let report = run(&plan(serve(|_, stream| echo(stream, |_, _| {})), 2));
    let text = serde_json::to_string(&report).unwrap();
    let read: load::Report = serde_json::from_str(&text).unwrap();
    assert_eq!((read.answered, read.errors), (report.answered, report.errors));
    assert_eq!((read.latency.samples, read.histogram), (report.latency.samples, report.histogram));
    // Its last digit may differ: serde_json rounds when it reads.
    assert!((read.jain.unwrap() - report.jain.unwrap()).abs() < 1e-9);
}

#[test]
fn one_wrong_byte_is_a_mismatch_and_ends_one_connection() {
    let address = serve(|number, stream| {
        echo(stream, |read, bytes| {
            if number == 2 && read == 5 {
                bytes[3] ^= 1;
            }
        });
    });
    let report = run(&plan(address, 4));
    assert_eq!((report.errors.mismatch, report.errors.total()), (1, 1));
    assert!(report.errors.first[0].contains("byte 3 "), "{:?}", report.errors.first);
    assert_eq!(report.served, 4);
}

#[test]
fn a_pool_that_serves_some_looks_starved() {
    let (served, requested) = (3, 12);
    let address = serve(move |number, mut stream| {
        if number < served {
            echo(stream, |_, _| {});
        } else {
            // Reads, so the kernel is content, and never answers.
            while stream.read(&mut [0; 1024]).is_ok_and(|bytes| bytes > 0) {}
        }
    });
    let report = run(&plan(address, requested));
    assert_eq!((report.established, report.served), (requested, served));
    assert_eq!(report.starved, requested - served);
    assert_eq!(report.censored, 9);
    let jain = report.jain.unwrap();
    // At most k/n, and that only if the served got equal shares.
    assert!((0.08..=0.2501).contains(&jain), "Jain's index {jain}");
    assert_eq!(report.per_connection.unwrap().min, 0);
    assert!(report.longest_wait_ms.unwrap() >= 300.0);
    assert!(report.warnings.iter().any(|text| text.contains("9 of 12")), "{:?}", report.warnings);
}

#[test]
fn early_closes_are_counted_and_end_the_run() {
    let address = serve(|_, mut stream| {
        let _ = stream.read(&mut [0; 64]);
    });
    let mut plan = plan(address, 4);
    plan.duration = Duration::from_secs(60);
    let began = Instant::now();
    let report = run(&plan);
    assert!(began.elapsed() < Duration::from_secs(30));
    assert_eq!((report.errors.closed_early, report.errors.total()), (4, 4));
    assert_eq!((report.served, report.starved), (0, 4));
}

#[test]
fn a_payload_larger_than_all_buffers_does_not_deadlock() {
    let mut plan = plan(serve(|_, stream| echo(stream, |_, _| {})), 2);
    plan.requests = echo_of(8 * 1024 * 1024);
    plan.grace = Duration::from_secs(20);
    let report = run(&plan);
    assert_eq!(report.errors.total(), 0, "{:?}", report.errors);
    assert_eq!((report.served, report.censored), (2, 0));
    assert_eq!(report.bytes_in, report.bytes_out);
}

#[test]
fn thinking_limits_the_rate() {
    let mut plan = plan(serve(|_, stream| echo(stream, |_, _| {})), 5);
    plan.mode = Mode::Closed { think: Duration::from_millis(50) };
    let report = run(&plan);
    // Five connections, at most one answer each in 50 ms, for 300 ms.
    assert!((5..=35).contains(&report.answered), "{} answers", report.answered);
}

#[test]
fn a_rate_that_still_rises_is_said_to() {
    // Each connection's answers are the sooner the more there were.
    let address = serve(|_, stream| {
        echo(stream, |read, _| {
            thread::sleep(Duration::from_micros(100_000 >> read.min(14)));
        });
    });
    let mut plan = plan(address, 8);
    plan.warmup = Duration::from_millis(400);
    plan.warmup_most = Some(plan.warmup);
    let report = run(&plan);
    assert!(!report.steady && report.warmup_seconds < 5.0);
    assert!(report.warnings.iter().any(|text| text.contains("longer warm-up")));
}

#[test]
fn hot_connections_ask_often_and_cold_ones_seldom() {
    let mut plan = plan(serve(|_, stream| echo(stream, |_, _| {})), 8);
    let cold_think = Duration::from_millis(100);
    plan.hot = NonZeroU32::new(4).map(|every| Hot { every, cold_think });
    let report = run(&plan);
    assert_eq!((report.served, report.littles_law), (8, None));
    // Six of eight are cold: in 300 ms at most four answers each.
    let spread = report.per_connection.unwrap();
    assert!(spread.median <= 4 && spread.max > 20, "{spread:?}");
}

#[test]
fn an_interrupt_ends_the_run_with_what_there_is() {
    let mut plan = plan(serve(|_, stream| echo(stream, |_, _| {})), 2);
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
    assert!(report.interrupted && report.answered > 0);
    assert!(report.window_seconds > 0.0 && report.window_seconds < 30.0);
}

#[test]
fn a_plan_that_contradicts_itself_is_refused() {
    let mut plan = Plan::new("127.0.0.1:1".parse().unwrap());
    plan.connections = 0;
    assert!(load::run(&plan, &AtomicBool::new(false)).is_err());
}
