//! A connection, as long as the kernel has anything of it.

use std::os::fd::AsRawFd;

use io_uring::types::Fd;
use server::Connection;

use super::Key;

/// A connection, and what the kernel does with it.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is an operation that may be under way")]
pub(super) struct Line {
    pub(super) connection: Connection,
    /// The kernel reads it while `is_sending`.
    pub(super) sending: Vec<u8>,
    /// How much of it is sent.
    pub(super) sent: usize,
    /// The kernel writes into it while `is_receiving`; empty if there is a pool.
    pub(super) input: Vec<u8>,
    pub(super) is_sending: bool,
    pub(super) is_receiving: bool,
    pub(super) is_pausing: bool,
    pub(super) is_watched: bool,
    /// Cancellations whose completions have not come.
    pub(super) cancels: u8,
    pub(super) is_closed: bool,
}

impl Line {
    pub(super) fn new(connection: Connection) -> Self {
        Self {
            connection,
            sending: Vec::new(),
            sent: 0,
            input: Vec::new(),
            is_sending: false,
            is_receiving: false,
            is_pausing: false,
            is_watched: false,
            cancels: 0,
            is_closed: false,
        }
    }

    pub(super) fn socket(&self) -> Fd {
        Fd(self.connection.stream().as_raw_fd())
    }

    /// Whether the kernel has nothing of it.
    pub(super) fn is_quiet(&self) -> bool {
        !(self.is_sending || self.is_receiving || self.is_watched) && self.cancels == 0
    }
}

/// The line of this name, which is open.
pub(super) fn open(lines: &mut [Option<Line>], key: Key) -> &mut Line {
    let line = lines[key].as_mut().filter(|line| !line.is_closed);
    line.expect("the line is open")
}
