//! Several requests in flight on one connection, answered in their order.

mod common;

use std::{
    io::{Read, Write},
    net::TcpStream,
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use common::{echo, echo_of, http, plan, run, serve};
use load::{Arrivals, Hot, Method, Mode, Plan, Request};

fn in_flight(plan: Plan, count: u32) -> Plan {
    Plan { in_flight: NonZeroU32::new(count).unwrap(), ..plan }
}

/// Answers only when so many requests of 64 bytes have come, and notes whether
/// more came meanwhile.
fn wait_for(count: usize, mut stream: TcpStream, more: &AtomicU64) {
    let mut requests = vec![0; count * 64];
    while stream.read_exact(&mut requests).is_ok() {
        stream.set_nonblocking(true).unwrap();
        more.fetch_add(u64::from(stream.peek(&mut [0]).is_ok()), Ordering::Relaxed);
        stream.set_nonblocking(false).unwrap();
        if stream.write_all(&requests).is_err() {
            return;
        }
    }
}

#[test]
fn a_closed_loop_keeps_as_many_in_flight_as_it_may() {
    let more = Arc::<AtomicU64>::default();
    let seen = Arc::clone(&more);
    let address = serve(move |_, stream| wait_for(5, stream, &seen));
    let report = run(&in_flight(plan(address, 3), 5));
    assert_eq!(report.errors.total(), 0, "{:?}", report.errors);
    assert_eq!((report.served, report.starved, report.censored), (3, 0, 0));
    assert!(report.answered > 100, "{} answers", report.answered);
    assert_eq!((report.bytes_in, report.latency.samples), (report.bytes_out, report.sent));
    assert_eq!(more.load(Ordering::Relaxed), 0, "never more than five");
}

#[test]
fn the_loop_has_as_many_customers_as_are_in_flight() {
    // Each answer takes its time, so that the generator's own is none of it.
    let address = serve(|_, stream| echo(stream, |_, _| thread::sleep(Duration::from_millis(5))));
    let mut plan = in_flight(plan(address, 2), 8);
    plan.duration = Duration::from_millis(900);
    let report = run(&plan);
    assert_eq!((report.served, report.errors.total()), (2, 0), "{:?}", report.errors);
    // With 2 customers instead of 16 it would be 7.
    let gap = report.littles_law.unwrap();
    assert!(gap < 0.2, "Little's law is off by {gap}");
}

#[test]
fn what_is_never_answered_is_censored_as_often_as_it_is_in_flight() {
    let silent =
        || serve(|_, mut stream| while stream.read(&mut [0; 64]).is_ok_and(|bytes| bytes > 0) {});
    let report = run(&in_flight(plan(silent(), 2), 3));
    assert_eq!((report.censored, report.served, report.starved), (6, 0, 2));

    let mut open = in_flight(plan(silent(), 2), 3);
    open.mode = Mode::Open { rate: 1000.0, arrivals: Arrivals::Fixed };
    let report = run(&open);
    // All six are in flight since the warm-up; what is due later waits.
    assert_eq!((report.censored, report.sent, report.latency.samples), (6, 0, 0));
    assert!((290..310).contains(&report.unsent), "{} unsent", report.unsent);
}

#[test]
fn the_last_answers_may_be_missing() {
    // The first 37 of each connection are answered, and what comes then is not.
    let address = serve(|_, mut stream| {
        let mut request = [0; 64];
        for number in 0.. {
            let answers = number < 37;
            if stream.read_exact(&mut request).is_err()
                || answers && stream.write_all(&request).is_err()
            {
                return;
            }
        }
    });
    let mut plan = in_flight(plan(address, 2), 4);
    plan.warmup = Duration::ZERO;
    let report = run(&plan);
    assert_eq!((report.answered_total, report.censored, report.served), (74, 8, 2));
    assert_eq!(report.errors.total(), 0, "{:?}", report.errors);
}

#[test]
fn an_arrival_is_sent_at_once_while_fewer_are_in_flight() {
    let open = |count| {
        let more = Arc::<AtomicU64>::default();
        let seen = Arc::clone(&more);
        let mut plan =
            in_flight(plan(serve(move |_, stream| wait_for(4, stream, &seen)), 1), count);
        plan.mode = Mode::Open { rate: 1000.0, arrivals: Arrivals::Fixed };
        let report = run(&plan);
        (report, more.load(Ordering::Relaxed))
    };
    // The server answers when there are four: those of a whole four are all answered.
    let (report, more) = open(4);
    assert_eq!(report.errors.total(), 0, "{:?}", report.errors);
    assert!(report.answered > 50 && report.censored < 4, "{} answers", report.answered);
    assert!(report.latency.samples + report.censored >= report.sent && more == 0);
    let (report, _) = open(3);
    assert_eq!((report.answered_total, report.censored), (0, 3));
}

#[test]
fn one_wrong_byte_ends_one_connection_with_all_that_it_is_owed() {
    let address = serve(|number, mut stream| {
        let mut requests = [0; 4 * 64];
        for round in 0.. {
            if stream.read_exact(&mut requests).is_err() {
                return;
            }
            requests[70] ^= u8::from(number == 1 && round == 2);
            if stream.write_all(&requests).is_err() {
                return;
            }
        }
    });
    let report = run(&in_flight(plan(address, 3), 4));
    assert_eq!((report.errors.mismatch, report.errors.total()), (1, 1));
    assert!(report.errors.first[0].contains("byte 6 "), "{:?}", report.errors.first);
    assert_eq!((report.served, report.censored), (3, 0));
}

#[test]
fn an_answer_too_many_is_noticed() {
    let address = serve(|_, mut stream| {
        let mut requests = [0; 3 * 64];
        let _ = stream.read_exact(&mut requests);
        let _ = stream.write_all(&[&requests[..], &[0]].concat());
        let _ = stream.read(&mut [0]);
        thread::sleep(Duration::from_secs(2));
    });
    let report = run(&in_flight(plan(address, 1), 3));
    assert_eq!((report.errors.protocol + report.errors.mismatch, report.errors.total()), (1, 1));
}

#[test]
fn payloads_larger_than_all_buffers_do_not_deadlock() {
    let mut plan = in_flight(plan(serve(|_, stream| echo(stream, |_, _| {})), 2), 3);
    plan.requests = echo_of(3 * 1024 * 1024);
    plan.grace = Duration::from_secs(20);
    let report = run(&plan);
    assert_eq!(report.errors.total(), 0, "{:?}", report.errors);
    assert_eq!((report.served, report.censored, report.bytes_in), (2, 0, report.bytes_out));
}

#[test]
fn each_in_flight_thinks_for_itself() {
    let mut plan = in_flight(plan(serve(|_, stream| echo(stream, |_, _| {})), 2), 3);
    plan.mode = Mode::Closed { think: Duration::from_millis(50) };
    let report = run(&plan);
    // Six clients, at most one answer each in 50 ms, for 300 ms.
    assert!((12..=42).contains(&report.answered), "{} answers", report.answered);
}

#[test]
fn hot_connections_have_as_many_in_flight_as_cold_ones() {
    let mut plan = in_flight(plan(serve(|_, stream| echo(stream, |_, _| {})), 8), 2);
    let cold_think = Duration::from_millis(100);
    plan.hot = NonZeroU32::new(4).map(|every| Hot { every, cold_think });
    let report = run(&plan);
    assert_eq!((report.served, report.littles_law), (8, None));
    // Six of eight are cold: in 300 ms at most four answers for each of their two clients.
    let spread = report.per_connection.unwrap();
    assert!((2..=8).contains(&spread.median) && spread.max > 20, "{spread:?}");
}

/// Echoes requests of 64 bytes and notes the most that one connection brought.
fn count(mut stream: TcpStream, most: &AtomicU64) {
    let mut request = [0; 64];
    for requests in 0.. {
        most.fetch_max(requests, Ordering::Relaxed);
        if stream.read_exact(&mut request).is_err() || stream.write_all(&request).is_err() {
            return;
        }
    }
}

#[test]
fn a_connection_gives_way_when_its_last_answer_has_come() {
    for (each, think) in [(7, Duration::ZERO), (3, Duration::ZERO), (4, Duration::from_millis(2))] {
        let most = Arc::<AtomicU64>::default();
        let seen = Arc::clone(&most);
        let mut plan = in_flight(plan(serve(move |_, stream| count(stream, &seen)), 4), 3);
        plan.requests_per_connection = NonZeroU32::new(each);
        plan.mode = Mode::Closed { think };
        plan.threads = 2;
        let report = run(&plan);
        assert_eq!(report.errors.total(), 0, "{:?}", report.errors);
        assert_eq!((report.served, report.censored), (4, 0));
        assert!(report.connections_made > 20, "{} made", report.connections_made);
        assert_eq!((report.bytes_in, report.latency.samples), (report.bytes_out, report.sent));
        assert_eq!(most.load(Ordering::Relaxed), u64::from(each));
    }
}

/// Answers requests without a body in their order, each with its path, in pieces.
fn serve_paths(mut stream: TcpStream) {
    let (mut buffer, mut unread) = ([0; 4096], Vec::new());
    loop {
        let Ok(bytes @ 1..) = stream.read(&mut buffer) else { return };
        unread.extend_from_slice(&buffer[..bytes]);
        let mut answers = Vec::new();
        while let Some(end) = unread.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8(unread.drain(..end + 4).collect()).unwrap();
            let path = head.split(' ').nth(1).unwrap();
            let length = path.len();
            answers.extend(
                format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{path}").bytes(),
            );
        }
        for piece in answers.chunks(50) {
            if stream.write_all(piece).is_err() {
                return;
            }
        }
    }
}

#[test]
fn http_is_pipelined() {
    let mut plan = in_flight(plan(serve(|_, stream| serve_paths(stream)), 3), 6);
    plan.requests = vec![
        http(Method::Get, "/a", 0),
        Request { slow: true, ..http(Method::Get, "/longer", 0) },
        http(Method::Get, "/b", 0),
    ];
    plan.slow_readers = 1;
    let report = run(&plan);
    assert_eq!(report.errors.total(), 0, "{:?}", report.errors);
    assert_eq!((report.served, report.censored), (3, 0));
    let slow = report.latency_slow.unwrap();
    assert!(slow.samples > 20 && report.latency.samples > slow.samples);
    assert_eq!(report.latency.samples + slow.samples, report.sent);
    assert_eq!(report.slow_readers.unwrap().errors.total(), 0);
}
