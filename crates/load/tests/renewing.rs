//! Connections that make some requests and give way to new ones.

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

use common::{plan, run, serve};
use load::{Mode, Plan};

/// Connections seen, those that ended with the end of the stream, and the most
/// answers that one of them had.
#[derive(Debug, Default)]
struct Seen {
    connections: AtomicU64,
    ended: AtomicU64,
    answers: AtomicU64,
}

/// Echoes requests of 64 bytes.
fn count(mut stream: TcpStream, seen: &Seen) {
    seen.connections.fetch_add(1, Ordering::Relaxed);
    let mut buffer = [0; 64];
    for answers in 0.. {
        seen.answers.fetch_max(answers, Ordering::Relaxed);
        match stream.read(&mut buffer) {
            Ok(0) => {
                seen.ended.fetch_add(1, Ordering::Relaxed);
                return;
            }
            Ok(bytes) if stream.write_all(&buffer[..bytes]).is_ok() => {}
            _ => return,
        }
    }
}

fn renewing(each: u32) -> (Arc<Seen>, Plan) {
    let seen = Arc::<Seen>::default();
    let notes = Arc::clone(&seen);
    let address = serve(move |_, stream| count(stream, &notes));
    let plan = Plan { requests_per_connection: NonZeroU32::new(each), ..plan(address, 4) };
    (seen, plan)
}

#[test]
fn each_connection_has_its_requests_and_ends_in_order() {
    let (seen, plan) = renewing(3);
    let report = run(&plan);
    assert_eq!(report.errors.total(), 0, "{:?}", report.errors);
    assert_eq!((report.requested, report.established, report.served), (4, 4, 4));
    assert!(report.connections_made > 20, "{} made", report.connections_made);
    assert_eq!((report.censored, report.bytes_in), (0, report.bytes_out));
    assert_eq!(report.latency.samples, report.sent);
    // The last ones end with the run; the server learns of it in its own time.
    while seen.ended.load(Ordering::Relaxed) < report.connections_made {
        thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(seen.connections.load(Ordering::Relaxed), report.connections_made);
    assert_eq!(seen.answers.load(Ordering::Relaxed), 3);
}

#[test]
fn a_connection_is_renewed_after_a_thought_and_by_every_thread() {
    let (seen, mut plan) = renewing(1);
    plan.mode = Mode::Closed { think: Duration::from_millis(10) };
    plan.threads = 2;
    let report = run(&plan);
    assert_eq!((report.served, report.errors.total()), (4, 0), "{:?}", report.errors);
    assert!(report.connections_made > 8, "{} made", report.connections_made);
    assert_eq!(seen.answers.load(Ordering::Relaxed), 1);
}

#[test]
fn a_server_that_goes_away_is_an_error_of_each_place() {
    use std::net::TcpListener;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let accepted: Vec<_> = (0..4).map(|_| listener.accept().unwrap().0).collect();
        drop(listener);
        for stream in accepted {
            thread::spawn(move || count(stream, &Seen::default()));
        }
    });
    let report = run(&Plan { requests_per_connection: NonZeroU32::new(1), ..plan(address, 4) });
    assert_eq!((report.served, report.errors.total()), (4, 4), "{:?}", report.errors);
    assert_eq!(report.errors.refused + report.errors.reset, 4, "{:?}", report.errors);
}
