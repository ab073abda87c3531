//! Servers loaded in turn: each in its own slices, nobody outside of them, and
//! nothing lost.

mod common;

use std::{
    io::{Read, Write},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use common::{echo, plan, serve};
use load::{Arrivals, Mode, Plan, Seat, Sitting, decode_histogram, sit};

const MILLISECOND: Duration = Duration::from_millis(1);

fn slices_of(target: std::net::SocketAddr, connections: usize) -> Plan {
    Plan {
        warmup: 3 * MILLISECOND,
        duration: 15 * MILLISECOND,
        grace: 5000 * MILLISECOND,
        ..plan(target, connections)
    }
}

fn seated(plans: Vec<Plan>, rounds: u32) -> Vec<Seat> {
    let sitting = Sitting { plans, rounds, rounds_before: 0, seed: 7 };
    sit(&sitting, &AtomicBool::new(false)).unwrap()
}

/// The servers note who is at work. If two ever were at once, or a request came
/// to one while another's answers were owed, the spans would overlap.
#[test]
fn one_server_is_asked_at_a_time() {
    let spans: Arc<Mutex<Vec<(usize, Instant)>>> = Arc::default();
    let plans = (0..3).map(|number| {
        let spans = Arc::clone(&spans);
        let target = serve(move |_, stream| {
            let spans = Arc::clone(&spans);
            echo(stream, move |_, _| spans.lock().unwrap().push((number, Instant::now())));
        });
        slices_of(target, 4)
    });
    let seats = seated(plans.collect(), 5);
    let order: Vec<usize> = spans.lock().unwrap().iter().map(|span| span.0).collect();
    let turns = 1 + order.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert_eq!(turns, 15, "five turns of three, one after the other");
    for seat in &seats {
        assert_eq!(seat.slices.len(), 5);
        assert_eq!(seat.report.errors.total(), 0, "{:?}", seat.report.errors);
        assert_eq!((seat.report.served, seat.report.censored), (4, 0));
        assert!(seat.slices.iter().all(|slice| slice.answered > 0 && slice.ramp_answered > 0));
    }
}

/// What the slices count, the report counts, and the histogram holds: every answer
/// but those of the ramps.
#[test]
fn slices_add_up_to_the_report() {
    for threads in [1, 3] {
        let target = || serve(|_, stream| echo(stream, |_, _| {}));
        let plans = (0..2).map(|_| Plan { threads, ..slices_of(target(), 6) }).collect();
        for seat in seated(plans, 4) {
            let sum = |count: fn(&load::Slice) -> u64| seat.slices.iter().map(count).sum::<u64>();
            let (counted, ramps) = (sum(|one| one.answered), sum(|one| one.ramp_answered));
            let report = &seat.report;
            assert_eq!(counted + ramps, report.answered_total);
            assert_eq!(decode_histogram(&report.histogram).unwrap().len(), counted);
            assert_eq!(report.sent, counted);
            let window = report.window_seconds;
            assert!(
                (0.053..0.067).contains(&window),
                "four of 15 ms, more or less a tenth: {window}"
            );
            let length = Duration::from_nanos(sum(|one| one.length_ns)).as_secs_f64();
            assert!(length >= window - 1e-6, "{length} s");
        }
    }
}

#[test]
fn an_open_loop_has_its_due_instants_within_the_slice() {
    let target = serve(|_, stream| echo(stream, |_, _| {}));
    let open = Mode::Open { rate: 2000.0, arrivals: Arrivals::Fixed };
    let plan = Plan { mode: open, duration: 50 * MILLISECOND, ..slices_of(target, 4) };
    let seat = seated(vec![plan], 6).remove(0);
    for slice in &seat.slices {
        assert!((90..=111).contains(&slice.answered), "{slice:?}");
    }
    assert_eq!((seat.report.unsent, seat.report.censored), (0, 0));
    assert!(seat.report.adherence.is_some());
}

/// Who is never served holds a slice up for its grace once, and is not asked again.
#[test]
fn who_is_not_served_is_asked_once() {
    let target = serve(|number, mut stream| {
        if number < 2 {
            echo(stream, |_, _| {});
        } else {
            thread::sleep(Duration::from_secs(60));
            let _ = stream.write(&[]);
        }
    });
    let plan = Plan { grace: 30 * MILLISECOND, ..slices_of(target, 5) };
    let began = Instant::now();
    let seat = seated(vec![plan], 4).remove(0);
    assert_eq!((seat.report.served, seat.report.starved), (2, 3));
    assert!(seat.slices.iter().all(|slice| slice.answered > 0));
    assert!(began.elapsed() < Duration::from_secs(20));
}

/// A server that works on when nobody asks it is found out.
#[test]
fn work_outside_of_slices_is_seen() {
    let burning = Arc::new(AtomicBool::new(true));
    let go_on = Arc::clone(&burning);
    let burner = thread::spawn(move || {
        while go_on.load(Ordering::Relaxed) {
            std::hint::spin_loop();
        }
    });
    // Threads of this process serve, and one burns: it is watched as if it were one server.
    let target = || serve(|_, stream| echo(stream, |_, _| {}));
    let watch = Some(std::process::id());
    let plans = (0..2).map(|_| Plan { watch, ..slices_of(target(), 2) }).collect();
    let seats = seated(plans, 3);
    burning.store(false, Ordering::Relaxed);
    burner.join().unwrap();
    for seat in seats {
        assert!(seat.outside_cpu_seconds.unwrap() > 0.01, "{:?}", seat.outside_cpu_seconds);
        assert!(seat.slices.iter().all(|slice| slice.server_cpu_ns > 0 && slice.ramp_cpu_ns > 0));
    }
}

#[test]
fn what_does_not_keep_to_slices_is_refused() {
    let target = "127.0.0.1:1".parse().unwrap();
    let refused = |plans: Vec<Plan>, rounds| {
        let sitting = Sitting { plans, rounds, rounds_before: 0, seed: 1 };
        sit(&sitting, &AtomicBool::new(false)).unwrap_err().to_string()
    };
    assert!(refused(vec![], 1).contains("no plans"));
    assert!(refused(vec![plan(target, 1)], 0).contains("rounds"));
    let idle = Plan { mode: Mode::Idle { probe: true }, ..plan(target, 1) };
    assert!(refused(vec![idle], 1).contains("idle"));
    let slow = Plan { slow_readers: 1, ..plan(target, 1) };
    assert!(refused(vec![slow], 1).contains("slow readers"));
    let threads = Plan { threads: 2, ..plan(target, 2) };
    assert!(refused(vec![plan(target, 2), threads], 1).contains("threads"));
}

/// A server that closes all connections in the middle of a sitting is told, and the
/// other goes on.
#[test]
fn a_server_that_goes_away_does_not_hold_up_the_others() {
    let good = serve(|_, stream| echo(stream, |_, _| {}));
    let bad = serve(|_, mut stream| {
        let mut buffer = [0; 64];
        for _ in 0..3 {
            if stream.read_exact(&mut buffer).is_err() || stream.write_all(&buffer).is_err() {
                return;
            }
        }
    });
    let seats = seated(vec![slices_of(good, 2), slices_of(bad, 2)], 3);
    assert_eq!(seats[0].report.errors.total(), 0);
    assert!(seats[0].slices.iter().all(|slice| slice.answered > 0));
    assert_eq!(seats[1].report.errors.total(), 2, "{:?}", seats[1].report.errors);
}
