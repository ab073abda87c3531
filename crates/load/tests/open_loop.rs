//! The open loop: what a stall costs those who were due during it.

mod common;

use std::{
    io::Read,
    thread,
    time::{Duration, Instant},
};

use common::{echo, plan, run, serve};
use load::{Arrivals, Mode};

const STALL: Duration = Duration::from_millis(300);

#[test]
fn a_stall_shows_from_the_due_instant_and_hides_from_the_send() {
    let address = serve(|_, stream| {
        echo(stream, |read, _| {
            if read == 300 {
                thread::sleep(STALL);
            }
        });
    });
    let mut plan = plan(address, 1);
    plan.mode = Mode::Open { rate: 1000.0, arrivals: Arrivals::Fixed };
    plan.duration = Duration::from_millis(1500);
    plan.grace = Duration::from_secs(5);
    let report = run(&plan);
    let due = report.latency.p99_us.unwrap();
    let sent = report.latency_from_send.unwrap().p99_us.unwrap();
    assert!(due > 150_000.0, "p99 from the due instant: {due} us");
    assert!(sent < due / 2.0, "p99 from the send: {sent} us, from the due instant: {due} us");
    assert_eq!((report.unsent, report.censored), (0, 0));
    assert_eq!(report.latency.samples, report.sent);
}

#[test]
fn arrivals_are_as_many_as_the_rate_says() {
    let mut plan = plan(serve(|_, stream| echo(stream, |_, _| {})), 4);
    plan.mode = Mode::Open { rate: 1000.0, arrivals: Arrivals::Poisson };
    plan.grace = Duration::from_secs(5);
    let report = run(&plan);
    // 300 expected, deviation 17.
    assert!((200..400).contains(&report.sent), "{} sent", report.sent);
    assert_eq!((report.unsent, report.errors.total(), report.served), (0, 0, 4));
    assert!(report.adherence.is_some() && report.littles_law.is_none());
    assert_eq!(report.lateness.unwrap().samples, report.sent);
    assert!(report.answered_total >= report.answered);
    assert_eq!(report.answered_total * 64, report.bytes_in);
    assert_eq!((report.censored_longest_us, report.censored_shortest_us), (None, None));
}

#[test]
fn what_is_never_answered_is_censored_and_what_waits_behind_it_unsent() {
    let address =
        serve(|_, mut stream| while stream.read(&mut [0; 64]).is_ok_and(|bytes| bytes > 0) {});
    let mut plan = plan(address, 2);
    plan.mode = Mode::Open { rate: 1000.0, arrivals: Arrivals::Fixed };
    let began = Instant::now();
    let report = run(&plan);
    assert!(began.elapsed() < Duration::from_secs(10));
    // Both connections are busy since the warm-up.
    assert_eq!((report.censored, report.sent, report.latency.samples), (2, 0, 0));
    assert!((290..310).contains(&report.unsent), "{} unsent", report.unsent);
    assert_eq!((report.latency.p50_us, report.jain), (None, None));
    // Due in the warm-up, and waited for to the end of the grace period.
    let (shortest, longest) =
        (report.censored_shortest_us.unwrap(), report.censored_longest_us.unwrap());
    assert!(600e3 <= shortest && shortest <= longest, "{shortest} us, {longest} us");
}

#[test]
fn connections_that_were_never_due_are_not_starved() {
    let mut plan = plan(serve(|_, stream| echo(stream, |_, _| {})), 100);
    plan.mode = Mode::Open { rate: 50.0, arrivals: Arrivals::Fixed };
    let report = run(&plan);
    assert_eq!((report.starved, report.served + report.unasked), (0, 100));
    assert!(report.unasked > 50);
}
