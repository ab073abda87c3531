//! One connection: its socket, its exchange and its account.

use std::collections::VecDeque;

use mio::net::TcpStream;

use crate::{account::Account, exchange::Exchange};

/// Kept small: a run may have tens of thousands.
#[derive(Debug)]
pub(crate) struct Connection {
    /// The socket, until the connection ends.
    pub(crate) stream: Option<TcpStream>,
    /// Requests begun on this socket.
    pub(crate) asked: u32,
    pub(crate) account: Account,
    pub(crate) exchange: Exchange,
    /// Instants at which further requests of an open loop were due.
    pub(crate) waiting: VecDeque<u64>,
}

impl Connection {
    pub(crate) fn new() -> Self {
        Self {
            stream: None,
            asked: 0,
            account: Account::new(),
            exchange: Exchange::default(),
            waiting: VecDeque::new(),
        }
    }

    pub(crate) fn is_live(&self) -> bool {
        self.account.established && self.stream.is_some()
    }
}
