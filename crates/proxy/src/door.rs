//! Where connections come in: each with a socket for its way on.

use std::io;

use server::{Attempt, Connection, Listener, Mode, SystemCalls, is_exhaustion};
use socket2::Socket;

use crate::Proxy;

/// A client, and the socket that its upstream connection will be made with. Who
/// has one never lacks a descriptor later.
#[derive(Debug)]
pub(crate) struct Guest {
    pub(crate) client: Connection,
    pub(crate) socket: Socket,
}

/// Accepts clients, each together with a second socket.
#[derive(Debug)]
pub(crate) struct Door<'a> {
    listener: &'a Listener,
    mode: Mode,
    proxy: &'a Proxy,
    /// A client for whom there was no second descriptor. Nobody else is accepted
    /// before there is one.
    held: Option<Connection>,
}

impl<'a> Door<'a> {
    /// The door of those who wait so.
    pub(crate) fn new(listener: &'a Listener, mode: Mode, proxy: &'a Proxy) -> Self {
        Self { listener, mode, proxy, held: None }
    }

    /// Waits for the next guest; `None` once the listener is closed, and nobody is left
    /// who came before.
    ///
    /// # Errors
    ///
    /// As [`Listener::accept`].
    pub(crate) fn accept(&mut self) -> io::Result<Option<Guest>> {
        let context = &self.proxy.context;
        loop {
            let client = match self.held.take() {
                Some(client) => client,
                None => match self.listener.accept(self.mode, context)? {
                    Some(client) => client,
                    None => return Ok(None),
                },
            };
            match self.pair(client) {
                Attempt::Accepted(guest) => return Ok(Some(guest)),
                Attempt::Exhausted => Listener::pause(context)?,
                Attempt::Empty | Attempt::Refused => {}
            }
        }
    }

    /// Whether it is closed and nobody stands in it.
    pub(crate) fn is_done(&self) -> bool {
        self.held.is_none() && self.listener.is_done()
    }

    /// Accepts a guest if one is waiting.
    ///
    /// # Errors
    ///
    /// As [`Listener::accept`].
    // ANCHOR: accept_now
    pub(crate) fn accept_now(&mut self) -> io::Result<Attempt<Guest>> {
        if let Some(client) = self.held.take() {
            return Ok(self.pair(client));
        }
        Ok(match self.listener.accept_now(self.mode, &self.proxy.context)? {
            Attempt::Accepted(client) => self.pair(client),
            Attempt::Empty => Attempt::Empty,
            Attempt::Refused => Attempt::Refused,
            Attempt::Exhausted => Attempt::Exhausted,
        })
    }

    fn pair(&mut self, client: Connection) -> Attempt<Guest> {
        let Proxy { context, upstream, .. } = self.proxy;
        context.stats.add(SystemCalls { control: 2, ..SystemCalls::default() });
        match upstream.socket() {
            Ok(socket) => Attempt::Accepted(Guest { client, socket }),
            Err(error) if is_exhaustion(&error) => {
                self.held = Some(client);
                Attempt::Exhausted
            }
            Err(_) => {
                upstream.fail();
                Attempt::Refused
            }
        }
    }
    // ANCHOR_END: accept_now

    /// Nobody is kept waiting who will never be let in.
    fn turn_away(&mut self) {
        if self.held.take().is_some() {
            self.proxy.context.stats.refuse();
        }
    }
}

impl Drop for Door<'_> {
    fn drop(&mut self) {
        self.turn_away();
    }
}
