//! Why a connection ended, and how many did for each reason.

use std::io;

use serde::{Deserialize, Serialize};

/// At most this many faults are told in words; the rest are only counted.
const TEXTS: usize = 3;

/// One connection's end.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) cause: Cause,
    pub(crate) text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    Refused,
    ConnectTimeout,
    Reset,
    ClosedEarly,
    Mismatch,
    BadStatus,
    Protocol,
    ServerDied,
    Unanswered,
    Other,
}

impl Fault {
    pub(crate) fn new(cause: Cause, text: impl Into<String>) -> Self {
        Self { cause, text: text.into() }
    }

    /// With more to say.
    pub(crate) fn and(mut self, text: &str) -> Self {
        self.text.push_str(text);
        self
    }

    pub(crate) fn io(doing: &str, source: &io::Error) -> Self {
        let cause = match source.kind() {
            io::ErrorKind::ConnectionRefused => Cause::Refused,
            io::ErrorKind::TimedOut => Cause::ConnectTimeout,
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionAborted => Cause::Reset,
            _ => Cause::Other,
        };
        Self::new(cause, format!("{doing}: {source}"))
    }
}

/// Faults by cause. Each ends one connection, but `server_died`, `unanswered`, and a
/// mismatch between what two threads were answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Errors {
    /// Nothing listened.
    pub refused: u64,
    /// No handshake within the plan's `connect_timeout`.
    pub connect_timeout: u64,
    /// The server reset the connection.
    pub reset: u64,
    /// The server closed while it still should have served.
    pub closed_early: u64,
    /// An answer was not what it must be.
    pub mismatch: u64,
    /// An HTTP status was not the one expected, or a JSON-RPC answer was an error object.
    pub bad_status: u64,
    /// The answer broke its protocol's rules, or was not asked for.
    pub protocol: u64,
    /// The watched process ended during the run: 1, else 0.
    pub server_died: u64,
    /// Nobody had a single whole answer, though somebody asked: 1, else 0.
    pub unanswered: u64,
    /// Other refusals of the operating system.
    pub other: u64,
    /// The first of them in words.
    pub first: Vec<String>,
}

impl Errors {
    /// All of them together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.refused
            + self.connect_timeout
            + self.reset
            + self.closed_early
            + self.mismatch
            + self.bad_status
            + self.protocol
            + self.server_died
            + self.unanswered
            + self.other
    }

    /// Takes in those of another thread.
    pub(crate) fn add(&mut self, other: Self) {
        self.refused += other.refused;
        self.connect_timeout += other.connect_timeout;
        self.reset += other.reset;
        self.closed_early += other.closed_early;
        self.mismatch += other.mismatch;
        self.bad_status += other.bad_status;
        self.protocol += other.protocol;
        self.server_died += other.server_died;
        self.unanswered += other.unanswered;
        self.other += other.other;
        self.first.extend(other.first);
        self.first.truncate(TEXTS);
    }

    pub(crate) fn count(&mut self, whose: &str, fault: &Fault) {
        *match fault.cause {
            Cause::Refused => &mut self.refused,
            Cause::ConnectTimeout => &mut self.connect_timeout,
            Cause::Reset => &mut self.reset,
            Cause::ClosedEarly => &mut self.closed_early,
            Cause::Mismatch => &mut self.mismatch,
            Cause::BadStatus => &mut self.bad_status,
            Cause::Protocol => &mut self.protocol,
            Cause::ServerDied => &mut self.server_died,
            Cause::Unanswered => &mut self.unanswered,
            Cause::Other => &mut self.other,
        } += 1;
        if self.first.len() < TEXTS {
            self.first.push(format!("{whose}: {}", fault.text));
        }
    }
}
