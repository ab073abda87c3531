//! Out of descriptors: the server neither spins nor ends, and serves on as
//! soon as some come free.

use std::{io::Write, thread, time::Duration};

use rustix::process::Signal;

use crate::{
    client::Client,
    model::{
        ASYNC_TASKS, CONNECTION_PER_EVENT_BASE, EVENT_LOOP, Model, REUSEPORT_LOOPS,
        SINGLE_THREADED, THREAD_POOL, for_every_model,
    },
    server::Server,
    wait::eventually,
};

for_every_model!(exhaustion_is_waited_out);

const LIMIT: usize = 40;
const CLIENTS: usize = 60;

/// More clients than descriptors, each with a request sent.
fn crowd(server: &Server) -> Vec<Client> {
    let clients: Vec<Client> = (0..CLIENTS).map(|_| server.connect()).collect();
    for client in &clients {
        // One that is refused may be so before it has sent.
        let _ = (&client.stream).write_all(b"ping");
    }
    clients
}

/// Waits until the server has nothing left to do, by its CPU time.
fn await_rest(server: &Server) {
    let mut last = None;
    eventually("the server rests", || {
        let now = (server.cpu_time(), server.open());
        let rests = last.replace(now) == Some(now);
        thread::sleep(Duration::from_millis(100));
        rests
    });
}

fn exhaustion_is_waited_out(model: Model) {
    let server = Server::start_limited(LIMIT, model, "echo", &["--workers", "4"]);
    let mut clients = crowd(&server);
    await_rest(&server);
    let before = server.cpu_time();
    thread::sleep(Duration::from_millis(600));
    let spent = server.cpu_time().saturating_sub(before);
    assert!(spent < Duration::from_millis(180), "it spins: {spent:?} of CPU in 600 ms");
    assert!(server.is_running());

    let mut answered = 0;
    eventually("everybody was served or refused", || {
        clients.retain(|client| {
            let seen = client.peek();
            answered += u64::from(seen.is_some_and(|length| length > 0));
            seen.is_none()
        });
        clients.is_empty()
    });
    if model.name == CONNECTION_PER_EVENT_BASE.name {
        assert!(answered >= 4, "its workers serve: {answered}");
    } else {
        assert_eq!(answered, CLIENTS as u64, "who waits in the backlog is served later");
    }
    server.connect().ping("and it serves on");
    let report = server.stop_well();
    assert_eq!(report.count("served"), answered + 1);
}

/// At a stop, with more in the backlog than there are descriptors: who is served leaves his
/// to the next.
#[test]
fn who_waits_for_a_descriptor_at_a_stop_is_served() {
    for model in [SINGLE_THREADED, THREAD_POOL, EVENT_LOOP, REUSEPORT_LOOPS, ASYNC_TASKS] {
        let server = Server::start_limited(LIMIT, model, "echo", &["--workers", "2"]);
        server.connect().ping("it has begun");
        server.await_open(0);
        server.freeze();
        let clients = crowd(&server);
        server.signal(Signal::TERM);
        server.thaw();
        for client in &clients {
            assert_eq!(client.receive_all(), b"ping");
        }
        let end = server.wait();
        assert!(end.status.success(), "{}: {}", model.name, end.errors);
    }
}

/// A loop of its own costs each connection four descriptors where a shared
/// loop needs one.
#[test]
fn an_event_base_for_each_connection_fits_fewer() {
    let fits = |model| {
        let server = Server::start_limited(LIMIT, model, "echo", &["--workers", "1"]);
        let clients = crowd(&server);
        await_rest(&server);
        let open = server.open();
        drop(clients);
        open
    };
    let (own, shared) = (fits(CONNECTION_PER_EVENT_BASE), fits(EVENT_LOOP));
    assert!((5..=9).contains(&own), "{own} fit with a loop each");
    assert!((25..=LIMIT).contains(&shared), "{shared} fit in one loop");
}
