//! One connection: its socket, its exchanges and its account.

use std::collections::VecDeque;

use mio::net::TcpStream;

use crate::{account::Account, exchange::Exchanges};

/// Kept small: a run may have tens of thousands.
#[derive(Debug)]
pub(crate) struct Connection {
    /// The socket, until the connection ends.
    pub(crate) stream: Option<TcpStream>,
    /// Requests begun on this socket.
    pub(crate) asked: u32,
    pub(crate) account: Account,
    pub(crate) exchanges: Exchanges,
    /// Instants at which further requests were due: in an open loop while as many
    /// answers are owed as may be, else while the last ones before a new connection are.
    pub(crate) waiting: VecDeque<u64>,
}

impl Connection {
    pub(crate) fn new(number: u32) -> Self {
        Self {
            stream: None,
            asked: 0,
            account: Account::new(),
            exchanges: Exchanges::new(number),
            waiting: VecDeque::new(),
        }
    }

    pub(crate) fn is_live(&self) -> bool {
        self.account.established && self.stream.is_some()
    }
}
