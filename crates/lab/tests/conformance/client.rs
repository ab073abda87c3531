//! One client's end of a connection. Nothing that it does waits for ever.

use std::{
    fs,
    io::{self, ErrorKind, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    time::Duration,
};

use rustix::{
    io::Errno,
    net::{RecvFlags, recv, sockopt},
};

use crate::{
    pattern::{STRETCH_MAX, assert_pattern, pattern},
    wait::{PATIENCE, eventually},
};

/// A connection to the server under test.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        Self::try_connect(address).expect("the server takes connections")
    }

    pub(crate) fn try_connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream })
    }

    #[track_caller]
    pub(crate) fn send(&self, bytes: impl AsRef<[u8]>) {
        (&self.stream).write_all(bytes.as_ref()).expect("the server takes what is sent");
    }

    /// Sends so many bytes of the pattern.
    #[track_caller]
    pub(crate) fn send_pattern(&self, bytes: usize) {
        for at in (0..bytes).step_by(STRETCH_MAX) {
            self.send(pattern(at, STRETCH_MAX.min(bytes - at)));
        }
    }

    /// Says that nothing more will be sent.
    #[track_caller]
    pub(crate) fn finish(&self) {
        self.stream.shutdown(Shutdown::Write).expect("the connection is open");
    }

    /// Reads exactly so many bytes.
    #[track_caller]
    pub(crate) fn receive(&self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        (&self.stream).read_exact(&mut bytes).expect("the server answers");
        bytes
    }

    /// Reads and checks so many bytes of the pattern.
    #[track_caller]
    pub(crate) fn receive_pattern(&self, bytes: usize) {
        let mut buffer = vec![0; STRETCH_MAX];
        let mut at = 0;
        while at < bytes {
            let wanted = STRETCH_MAX.min(bytes - at);
            match (&self.stream).read(&mut buffer[..wanted]) {
                Ok(0) => panic!("{at} of {bytes} bytes came"),
                Ok(length) => {
                    assert_pattern(at, &buffer[..length]);
                    at += length;
                }
                Err(error) => panic!("{at} of {bytes} bytes came, then {error}"),
            }
        }
    }

    /// Sends, and waits until it is echoed.
    #[track_caller]
    pub(crate) fn ping(&self, text: &str) {
        self.send(text);
        assert_eq!(self.receive(text.len()), text.as_bytes());
    }

    /// Reads until the server closes; panics if it does not close in order.
    #[track_caller]
    pub(crate) fn receive_all(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let result = (&self.stream).read_to_end(&mut bytes);
        assert!(result.is_ok(), "{} bytes came, then {result:?}", bytes.len());
        bytes
    }

    /// Waits until the server closes, or resets, without a byte.
    #[track_caller]
    pub(crate) fn assert_closed(&self) {
        match (&self.stream).read(&mut [0; 64]) {
            Ok(0) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            other => panic!("the server does not close: {other:?}"),
        }
    }

    /// What there is to read now: bytes, the end (`Some(0)`), or nothing yet.
    pub(crate) fn peek(&self) -> Option<usize> {
        match recv(&self.stream, &mut [0; 4096], RecvFlags::PEEK | RecvFlags::DONTWAIT) {
            Ok((_, length)) => Some(length),
            Err(Errno::AGAIN | Errno::INTR) => None,
            Err(_) => Some(0),
        }
    }

    /// Whether an answer has begun to come.
    pub(crate) fn has_answer(&self) -> bool {
        self.peek().is_some_and(|length| length > 0)
    }

    /// Waits until the server's kernel has all that was sent.
    #[track_caller]
    pub(crate) fn await_delivery(&self) {
        let SocketAddr::V4(address) = self.stream.local_addr().expect("the socket is bound") else {
            panic!("this looks into the table for IPv4");
        };
        let host = u32::from_ne_bytes(address.ip().octets());
        let local = format!("{host:08X}:{:04X}", address.port());
        eventually("everything sent is delivered", || {
            let table = fs::read_to_string("/proc/net/tcp").expect("a table of connections");
            let mut rows = table.lines().map(|row| row.split_whitespace().collect::<Vec<_>>());
            let row = rows.find(|row| row.get(1) == Some(&local.as_str()));
            row.is_some_and(|row| row[4].starts_with("00000000:"))
        });
    }

    /// Sends until the server has taken nothing for so long, or all is sent;
    /// returns how many bytes of `next(offset)` went out.
    pub(crate) fn send_until_stuck<'a>(
        &self,
        bytes_max: usize,
        stuck_after: Duration,
        next: impl Fn(usize) -> &'a [u8],
    ) -> usize {
        self.stream.set_write_timeout(Some(stuck_after)).expect("a timeout can be set");
        let mut sent = 0;
        while sent < bytes_max {
            match (&self.stream).write(next(sent)) {
                Ok(length) => sent += length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                // A write with a timeout is not begun again by the kernel.
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => panic!("after {sent} bytes: {error}"),
            }
        }
        self.stream.set_write_timeout(Some(PATIENCE)).expect("a timeout can be set");
        sent
    }

    /// Breaks the connection off: the server gets a reset.
    pub(crate) fn reset(self) {
        sockopt::set_socket_linger(&self.stream, Some(Duration::ZERO)).expect("linger can be set");
    }
}
