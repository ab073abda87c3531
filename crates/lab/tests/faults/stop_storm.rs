//! Clients come without end while the server stops: it stops all the same, and whom it
//! has taken in is answered in full.

use std::{
    io::{Read, Write},
    net::Shutdown,
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    thread,
    time::Duration,
};

use rustix::process::Signal;

use crate::{
    amount,
    client::Client,
    model::{Model, for_every_model},
    server::Server,
    wait::eventually,
};

for_every_model!(a_stop_ends_in_the_midst_of_a_storm);

const CLIENTS: usize = 4;
const TEXT: &str = "all or nothing";

/// One client after the other, until told. Counts those that were answered; who comes
/// too late gets nothing. A part of an answer is a failure.
fn storm(server: &Server, is_over: &AtomicBool, answered: &AtomicU64) {
    while !is_over.load(Relaxed) {
        let Ok(client) = Client::try_connect(server.address) else { continue };
        let mut answer = Vec::new();
        let sent = (&client.stream).write_all(TEXT.as_bytes());
        let _ = client.stream.shutdown(Shutdown::Write);
        let read = (&client.stream).read_to_end(&mut answer);
        assert!(answer.is_empty() || answer == TEXT.as_bytes(), "{answer:?}, {sent:?}, {read:?}");
        answered.fetch_add(u64::from(!answer.is_empty()), Relaxed);
    }
}

fn a_stop_ends_in_the_midst_of_a_storm(model: Model) {
    let server = Server::start(model, "echo", &["--workers", "4"]);
    let (is_over, answered) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| storm(&server, &is_over, &answered));
        }
        thread::sleep(Duration::from_millis(amount(100, 2000)));
        let early: Vec<Client> = (0..8).map(|_| server.connect()).collect();
        for client in &early {
            client.send(TEXT);
            client.finish();
        }
        server.signal(Signal::TERM);
        for client in &early {
            assert_eq!(String::from_utf8_lossy(&client.receive_all()), TEXT);
        }
        eventually("it ends", || !server.is_running());
        is_over.store(true, Relaxed);
    });
    let end = server.wait();
    assert!(end.status.success(), "{}: {}", end.status, end.errors);
    let report = end.report.expect("there is a report");
    assert_eq!((report.count("cut"), report.count("refused")), (0, 0), "{report:?}");
    // All that it has sent has arrived.
    let arrived = (answered.into_inner() + 8) * TEXT.len() as u64;
    assert_eq!(report.count("bytes_out"), arrived, "{report:?}");
}
