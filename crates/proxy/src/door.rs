//! Where connections come in: each with a socket for its way on.

use std::{
    fs::File,
    io,
    time::{Duration, Instant},
};

use server::{Attempt, Connection, Listener, Mode, SystemCalls, is_exhaustion};
use socket2::{SockRef, Socket};

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
    /// Since when there was no descriptor for anybody.
    stuck: Option<Instant>,
    /// A descriptor to turn somebody away with, when there is no other.
    reserve: Option<File>,
}

impl<'a> Door<'a> {
    /// The door of those who wait so.
    pub(crate) fn new(listener: &'a Listener, mode: Mode, proxy: &'a Proxy) -> Self {
        Self { listener, mode, proxy, held: None, stuck: None, reserve: reserve() }
    }

    /// Waits for the next guest; `None` once the listener is closed, and nobody is left
    /// who came before.
    ///
    /// # Errors
    ///
    /// As [`Listener::accept`].
    pub(crate) fn accept(&mut self) -> io::Result<Option<Guest>> {
        let context = &self.proxy.context;
        while !self.is_done() {
            match self.accept_now()? {
                Attempt::Accepted(guest) => return Ok(Some(guest)),
                Attempt::Exhausted => Listener::pause(context)?,
                Attempt::Empty => self.listener.wait(context)?,
                Attempt::Refused => {}
            }
        }
        Ok(None)
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
        let accepted = match self.held.take() {
            Some(client) => Attempt::Accepted(client),
            None => self.listener.accept_now(self.mode, &self.proxy.context)?,
        };
        let attempt = match accepted {
            Attempt::Accepted(client) => self.pair(client),
            Attempt::Empty => Attempt::Empty,
            Attempt::Refused => Attempt::Refused,
            Attempt::Exhausted => Attempt::Exhausted,
        };
        if matches!(attempt, Attempt::Exhausted) {
            let stuck = self.stuck.get_or_insert_with(Instant::now).elapsed();
            if stuck >= self.proxy.upstream.patience {
                self.give_up_one()?;
            }
        } else {
            self.stuck = None;
        }
        Ok(attempt)
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

    /// Turns one away who waits, after so long. Where proxies reach each other in a circle,
    /// everybody in it waits for the last one, and so does that: it waits for itself.
    fn give_up_one(&mut self) -> io::Result<()> {
        let context = &self.proxy.context;
        self.reserve = None; // There is a descriptor to accept with now.
        let client = match self.held.take() {
            Some(client) => Attempt::Accepted(client),
            None => self.listener.accept_now(self.mode, context)?,
        };
        if let Attempt::Accepted(client) = client {
            // Both its ends are to know, and all behind it. Fails only on what is no socket.
            let _ = SockRef::from(&client).set_linger(Some(Duration::ZERO));
            context.stats.refuse();
        }
        self.reserve = reserve();
        Ok(())
    }

    /// Nobody is kept waiting who will never be let in.
    fn turn_away(&mut self) {
        if self.held.take().is_some() {
            self.proxy.context.stats.refuse();
        }
    }
}

fn reserve() -> Option<File> {
    File::open("/dev/null").ok()
}

impl Drop for Door<'_> {
    fn drop(&mut self) {
        self.turn_away();
    }
}
