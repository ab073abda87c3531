//! A stop signal: nobody new, and what runs is passed on to its end, or cut when
//! the drain is over.

use std::{
    io::{ErrorKind, Read},
    net::TcpListener,
    thread,
    time::Duration,
};

use rustix::process::Signal;

use crate::{
    client::Client,
    pattern::pattern,
    rig::{Rig, accept, for_every_model, proxy},
    wait::eventually,
};

for_every_model!(
    a_stop_while_streaming_loses_nothing,
    who_waits_in_the_backlog_is_passed_on,
    a_pair_that_does_not_end_is_cut,
    a_pair_that_is_stuck_is_cut,
    a_pair_that_never_pauses_is_cut,
    every_stop_signal_ends_an_idle_proxy_at_once,
    a_second_signal_does_not_wait,
    it_restarts_on_its_port_at_once,
);

const BYTES: usize = 20_000_000;

fn a_stop_while_streaming_loses_nothing(model: &str) {
    let rig = Rig::start(model, &["--drain", "30s", "--workers", "2"]);
    let (client, upstream) = rig.pair();
    let idle = rig.pair();
    thread::scope(|scope| {
        for end in [&client, &upstream] {
            scope.spawn(move || {
                end.send_pattern(BYTES);
                end.finish();
            });
        }
        client.receive_pattern(1000);
        rig.proxy.signal(Signal::TERM);
        eventually("nobody new is taken", || Client::try_connect(rig.proxy.address).is_err());
        // What is idle may still begin.
        idle.0.send("hello");
        assert_eq!(idle.1.receive(5), b"hello");
        scope.spawn(|| {
            upstream.receive_pattern(BYTES);
            assert!(upstream.receive_all().is_empty());
        });
        let rest = client.receive(BYTES - 1000);
        crate::pattern::assert_pattern(1000, &rest);
        assert!(client.receive_all().is_empty());
    });
    assert!(rig.proxy.is_running(), "one is left");
    drop(idle);
    // A client that asked whether it is taken may have been, and come through.
    let Rig { proxy, upstream } = rig;
    drop(upstream);
    let end = proxy.wait();
    assert!(end.status.success(), "{}: {}", end.status, end.errors);
    let report = end.report.expect("there is a report");
    assert_eq!(report.count("bytes_up"), BYTES as u64 + 5);
    assert_eq!(report.count("bytes_down"), BYTES as u64);
    assert_eq!(report.count("cut"), 0, "{report:?}");
}

/// The proxy's kernel had taken them in, and has what they sent.
fn who_waits_in_the_backlog_is_passed_on(model: &str) {
    let rig = Rig::start(model, &["--workers", "2"]);
    rig.proxy.freeze();
    let clients: Vec<Client> = (0..8).map(|_| rig.proxy.connect()).collect();
    for client in &clients {
        client.send("hello");
    }
    rig.proxy.signal(Signal::TERM);
    rig.proxy.thaw();
    for end in clients.iter().map(|_| accept(&rig.upstream)) {
        assert_eq!(end.receive(5), b"hello");
        end.send("good bye");
    }
    for client in clients {
        client.finish();
        assert_eq!(client.receive_all(), b"good bye");
    }
    let end = rig.proxy.wait();
    assert!(end.status.success(), "{}: {}", end.status, end.errors);
    let report = end.report.expect("there is a report");
    assert_eq!((report.count("accepted"), report.count("cut")), (8, 0), "{report:?}");
}

/// Waits for the end of a proxy whose drain ends with one pair busy.
#[track_caller]
fn assert_cut(rig: Rig) {
    let end = rig.proxy.stop();
    assert!(end.status.success(), "{}: {}", end.status, end.errors);
    // Else it would have hung, and been ended a second after its drain.
    assert!(end.took < Duration::from_millis(1100), "it took {:?}", end.took);
    assert!(end.errors.contains("1 connections busy"), "{}", end.errors);
    let report = end.report.expect("there is a report");
    assert_eq!((report.count("cut"), report.count("failed")), (1, 0), "{report:?}");
}

fn a_pair_that_does_not_end_is_cut(model: &str) {
    let rig = Rig::start(model, &["--drain", "200ms"]);
    let (client, upstream) = rig.pair();
    client.send("half of");
    assert_eq!(upstream.receive(7), b"half of");
    assert_cut(rig);
    // Not an end: neither side may take what it has got for all there was.
    for side in [&client, &upstream] {
        let error = (&side.stream).read(&mut [0; 1]).expect_err("it is cut");
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }
}

fn a_pair_that_is_stuck_is_cut(model: &str) {
    let rig = Rig::start(model, &["--drain", "200ms"]);
    let (client, _upstream) = rig.pair();
    client.send_until_stuck(100_000_000, Duration::from_millis(300), |at| pattern(at, 100_000));
    assert_cut(rig);
}

fn a_pair_that_never_pauses_is_cut(model: &str) {
    let rig = Rig::start(model, &["--drain", "200ms"]);
    let (client, upstream) = rig.pair();
    thread::scope(|scope| {
        scope.spawn(|| while std::io::Write::write(&mut &client.stream, &[0; 9000]).is_ok() {});
        let mut buffer = vec![0; 100_000];
        scope.spawn(move || while (&upstream.stream).read(&mut buffer).is_ok_and(|n| n > 0) {});
        assert_cut(rig);
    });
}

fn every_stop_signal_ends_an_idle_proxy_at_once(model: &str) {
    for signal in [Signal::TERM, Signal::INT, Signal::QUIT] {
        let rig = Rig::start(model, &["--drain", "30s"]);
        rig.proxy.signal(signal);
        let end = rig.proxy.wait();
        assert!(end.status.success(), "{}: {}", end.status, end.errors);
        assert_eq!(end.output, "", "there is one line on standard output");
    }
}

fn a_second_signal_does_not_wait(model: &str) {
    let rig = Rig::start(model, &["--drain", "60s"]);
    let _pair = rig.pair();
    rig.proxy.signal(Signal::TERM);
    eventually("nobody new is taken", || Client::try_connect(rig.proxy.address).is_err());
    rig.proxy.signal(Signal::TERM);
    assert_eq!(rig.proxy.wait().status.code(), Some(128 + Signal::TERM.as_raw()));
}

fn it_restarts_on_its_port_at_once(model: &str) {
    let upstream = TcpListener::bind("127.0.0.1:0").unwrap();
    upstream.set_nonblocking(true).unwrap();
    let mut listen = "127.0.0.1:0".to_owned();
    for _ in 0..3 {
        let options = ["--drain", "50ms"];
        let proxy = proxy(model, &listen, upstream.local_addr().unwrap(), &options);
        listen = proxy.address.to_string();
        let client = proxy.connect();
        let end = accept(&upstream);
        client.send("again");
        assert_eq!(end.receive(5), b"again");
        proxy.stop_well();
    }
}
