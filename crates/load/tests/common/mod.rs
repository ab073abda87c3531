//! Small servers to drive: a thread a connection, gone with the test.

// Each test program compiles this module and uses a part of it.
#![allow(dead_code, reason = "shared by several test programs")]

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::atomic::AtomicBool,
    thread,
    time::Duration,
};

use load::{Kind, Method, Plan, Report, Request};

/// Serves on a free port, each connection with its number on a thread of its own.
pub(crate) fn serve(handle: impl Fn(usize, TcpStream) + Clone + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let (stream, handle) = (stream.unwrap(), handle.clone());
            stream.set_nodelay(true).unwrap();
            thread::spawn(move || handle(number, stream));
        }
    });
    address
}

/// Echoes until the client ends. `spoil` sees the number of each read and its bytes.
pub(crate) fn echo(mut stream: TcpStream, mut spoil: impl FnMut(usize, &mut [u8])) {
    let mut buffer = vec![0; 64 * 1024];
    for read in 0.. {
        let Ok(length @ 1..) = stream.read(&mut buffer) else { return };
        spoil(read, &mut buffer[..length]);
        if stream.write_all(&buffer[..length]).is_err() {
            return;
        }
    }
}

/// A plan short enough for a test.
pub(crate) fn plan(target: SocketAddr, connections: usize) -> Plan {
    Plan {
        connections,
        warmup: Duration::from_millis(20),
        duration: Duration::from_millis(300),
        grace: Duration::from_millis(300),
        ..Plan::new(target)
    }
}

pub(crate) fn echo_of(bytes: usize) -> Vec<Request> {
    vec![Request::new(Kind::Echo { bytes })]
}

pub(crate) fn http(method: Method, path: &str, body_bytes: usize) -> Request {
    Request::new(Kind::Http {
        method,
        path: path.into(),
        body_bytes,
        expect_status: 200,
        expect_body: None,
    })
}

pub(crate) fn run(plan: &Plan) -> Report {
    load::run(plan, &AtomicBool::new(false)).unwrap()
}
