//! Taking connections in.

use std::{io, os::fd::AsRawFd, time::Duration};

use mio::{Interest, Token, unix::SourceFd};

use super::{LISTENER, Reactor};
use crate::{
    Attempt, Connection, Listener, Mode, dispatch::Ticket, nonblocking::Peer, stats::Tally,
};

/// Connections accepted in one turn: those that are open have theirs too.
const ACCEPTS: usize = 64;

impl<'a> Reactor<'a> {
    /// Makes `listener` wake this loop, with the token [`LISTENER`].
    ///
    /// # Errors
    ///
    /// Fails if the kernel refuses to watch it.
    pub fn listen(&mut self, listener: &'a Listener) -> io::Result<()> {
        self.shared.calls.control += 1;
        self.listener = Some(listener);
        let listener = listener.as_raw_fd();
        self.poll.registry().register(&mut SourceFd(&listener), LISTENER, Interest::READABLE)
    }

    /// Takes in who waits at `listener`; tells when to go on, if somebody is left.
    ///
    /// # Errors
    ///
    /// As [`Listener::accept`].
    // ANCHOR: accept
    pub fn accept(&mut self, listener: &Listener) -> io::Result<Option<Duration>> {
        for _ in 0..ACCEPTS {
            match listener.accept_now(Mode::Nonblocking, self.context)? {
                Attempt::Accepted(connection) => self.adopt(connection),
                Attempt::Refused => {}
                Attempt::Empty => return Ok(None),
                Attempt::Exhausted => return Ok(Some(Listener::EXHAUSTED_PAUSE)),
            }
        }
        Ok(Some(Duration::ZERO))
    }
    // ANCHOR_END: accept

    /// Takes in who waited in the backlog as the listener was closed.
    pub(super) fn adopt_late(&mut self) {
        while let Some(connection) = self.listener.and_then(Listener::next_late) {
            self.adopt(connection);
        }
    }

    /// Takes a connection in. If it cannot be watched it is closed, and counted
    /// as failed.
    pub fn adopt(&mut self, mut connection: Connection) {
        let entry = self.peers.vacant_entry();
        let token = Token(entry.key());
        let ticket = Ticket { key: entry.key(), serial: self.serial };
        self.serial += 1;
        let calls = &mut self.shared.calls;
        let adopted = connection.make_nonblocking(calls).and_then(|()| {
            let mut peer = Peer::new(connection, self.context, ticket);
            let interest = Interest::READABLE | Interest::WRITABLE;
            calls.control += 1;
            self.poll.registry().register(&mut peer.stream, token, interest)?;
            Ok(peer)
        });
        if let Ok(peer) = adopted {
            let peer = entry.insert(peer);
            if self.context.stop.is_requested() {
                peer.stop_reading(&mut self.shared.calls);
                peer.queued = true;
                self.unfinished.push(token.0);
            }
        } else {
            self.shared.calls.close += 1;
            self.worker.close(Tally { failed: true, ..Tally::default() });
        }
    }
}
