//! A proxy between two ends that the test holds.

use std::{
    net::{SocketAddr, TcpListener},
    process::Command,
    time::Duration,
};

use rustix::net::sockopt;

use crate::{
    client::Client,
    server::{LAB, Report, Server},
    wait::{PATIENCE, eventually},
};

/// A proxy, and the upstream listener that its connections come to.
pub(crate) struct Rig {
    pub(crate) proxy: Server,
    pub(crate) upstream: TcpListener,
}

impl Rig {
    pub(crate) fn start(model: &str, options: &[&str]) -> Self {
        let upstream = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        // `accept` is asked again and again, up to a deadline.
        upstream.set_nonblocking(true).expect("it is a socket");
        let address = upstream.local_addr().expect("it is bound");
        Self { proxy: proxy(model, "127.0.0.1:0", address, options), upstream }
    }

    /// A connection through the proxy: the client's end, and the upstream one.
    #[track_caller]
    pub(crate) fn pair(&self) -> (Client, Client) {
        let client = self.proxy.connect();
        (client, accept(&self.upstream))
    }

    /// Waits until the proxy has so many connections open, with both their sides.
    #[track_caller]
    pub(crate) fn await_pairs(&self, pairs: usize) {
        self.proxy.await_open(2 * pairs);
    }

    /// Stops a proxy that has nothing left, and reads its report.
    #[track_caller]
    pub(crate) fn stop_well(self) -> Report {
        self.proxy.stop_well()
    }
}

/// `lab proxy` between an address to listen on and one to pass on to.
pub(crate) fn proxy(model: &str, listen: &str, upstream: SocketAddr, options: &[&str]) -> Server {
    let mut command = Command::new(LAB);
    command.args(["proxy", model, "--listen", listen, "--upstream", &upstream.to_string()]);
    command.args(options);
    Server::run(command)
}

/// The next connection that comes to `upstream`.
#[track_caller]
pub(crate) fn accept(upstream: &TcpListener) -> Client {
    let mut accepted = None;
    eventually("the proxy connects upstream", || {
        accepted = upstream.accept().ok();
        accepted.is_some()
    });
    let (stream, _) = accepted.expect("it was accepted");
    stream.set_nonblocking(false).expect("it is a socket");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
    stream.set_write_timeout(Some(PATIENCE)).expect("a timeout can be set");
    // A small message must not wait for the one before to be acknowledged.
    sockopt::set_tcp_nodelay(&stream, true).expect("it is a socket");
    Client { stream }
}

/// Half of a connection's life, for the checks that go both ways.
pub(crate) const BEAT: Duration = Duration::from_millis(100);

/// Makes a test of each function for every model of the proxy.
macro_rules! for_every_model {
    ($($check:ident),+ $(,)?) => {
        mod thread_per_connection {
            $(#[test] fn $check() { super::$check("thread-per-connection"); })+
        }
        mod event_loop {
            $(#[test] fn $check() { super::$check("event-loop"); })+
        }
        mod pooled_event_loops {
            $(#[test] fn $check() { super::$check("pooled-event-loops"); })+
        }
    };
}

pub(crate) use for_every_model;
