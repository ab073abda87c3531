//! One connection: its socket, its exchange and its account.

use std::collections::VecDeque;

use mio::net::TcpStream;

use crate::{clock::NEVER, exchange::Exchange};

/// Kept small: a run may have tens of thousands.
#[derive(Debug)]
pub(crate) struct Connection {
    /// The socket, until the connection ends.
    pub(crate) stream: Option<TcpStream>,
    /// The handshake was completed.
    pub(crate) established: bool,
    /// At least one complete and correct answer came, at any time.
    pub(crate) served: bool,
    /// Answers in the window.
    pub(crate) answered: u64,
    /// When the first request was due, and when the first byte of an answer came.
    pub(crate) asked_at: u64,
    pub(crate) first_byte_at: u64,
    pub(crate) exchange: Exchange,
    /// Instants at which further requests of an open loop were due.
    pub(crate) waiting: VecDeque<u64>,
}

impl Connection {
    pub(crate) fn new() -> Self {
        Self {
            stream: None,
            established: false,
            served: false,
            answered: 0,
            asked_at: NEVER,
            first_byte_at: NEVER,
            exchange: Exchange::default(),
            waiting: VecDeque::new(),
        }
    }

    pub(crate) fn is_live(&self) -> bool {
        self.established && self.stream.is_some()
    }
}
