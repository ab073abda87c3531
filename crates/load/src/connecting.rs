//! The ramp: all connections are made before any of them is used.

use std::{io, time::Duration};

use mio::{Events, Interest, Token, event::Event};
use nix::errno::Errno;

use crate::{
    clock::nanoseconds,
    error::Error,
    fault::{Cause, Fault},
    generator::{Generator, NAP},
    stamps::Stamps,
};

impl Generator<'_> {
    /// Makes the thread's connections, its part of a burst at a time, until each is
    /// established or has failed or the time for it is up.
    pub(crate) fn connect(&mut self, events: &mut Events, since: u64) -> Result<(), Error> {
        let deadline = since.saturating_add(nanoseconds(self.plan.connect_timeout));
        let burst = self.share.of(self.plan.connect_burst);
        let mut begun = 0;
        while begun < self.connections.len() || self.connecting > 0 {
            let now = self.clock.now();
            if now >= deadline || self.crew.is_over() {
                break;
            }
            while begun < self.connections.len() && self.connecting < burst {
                self.begin(begun)?;
                begun += 1;
            }
            if self.connecting > 0 {
                self.poll(events, Duration::from_nanos(deadline - now).min(NAP))?;
                for event in &*events {
                    self.connecting_event(event);
                }
            }
        }
        if !self.crew.is_over() {
            self.give_up(begun);
        }
        Ok(())
    }

    fn begin(&mut self, id: usize) -> Result<(), Error> {
        match self.dial(id, self.share.number(id) as usize) {
            Ok(()) => self.connecting += 1,
            Err(why) if is_out_of_descriptors(&why) => {
                return Err(Error::io("open another socket")(why));
            }
            Err(why) => self.fail(id, &Fault::io("connecting", &why)),
        }
        Ok(())
    }

    /// Begins the `nth` connection of the run for `id`.
    fn dial(&mut self, id: usize, nth: usize) -> io::Result<()> {
        let mut stream = self.sources.connect(nth)?;
        if id < self.plan.stamped {
            Stamps::ask(&stream);
        }
        // Both interests, once: the edge-triggered loop never has to change them.
        let interests = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut stream, Token(id), interests)?;
        self.connections[id].stream = Some(stream);
        Ok(())
    }

    /// Closes a connection that has had its answers, all of them read, and begins
    /// another in its place. Its request waits for room in the socket, of which
    /// there is none before the handshake; if that fails, reading says so.
    ///
    /// Says whether there is one.
    pub(crate) fn renew(&mut self, id: usize) -> bool {
        let connection = &mut self.connections[id];
        (connection.stream, connection.asked) = (None, 0);
        self.renewed += 1;
        let nth = self.plan.connections + self.share.number(self.renewed) as usize;
        match self.dial(id, nth) {
            Ok(()) => self.ledger.connections_made += 1,
            Err(why) => self.fail(id, &Fault::io("connecting", &why)),
        }
        self.connections[id].stream.is_some()
    }

    fn connecting_event(&mut self, event: &Event) {
        let id = event.token().0;
        let connection = &mut self.connections[id];
        if !connection.account.established {
            let Some(stream) = &connection.stream else { return };
            match stream.take_error() {
                Ok(None) if stream.peer_addr().is_ok() => {
                    connection.account.established = true;
                    self.connecting -= 1;
                    self.live += 1;
                    self.crew.came();
                    self.ledger.connections_made += 1;
                }
                Ok(None) => return, // Still shaking hands.
                Ok(Some(why)) | Err(why) => {
                    self.fail(id, &Fault::io("connecting", &why));
                    return;
                }
            }
        }
        // A server may turn a connection away as soon as it has it.
        self.socket_event(event);
    }

    /// Ends the handshakes that took too long, and those behind them that never began.
    fn give_up(&mut self, begun: usize) {
        for id in 0..self.connections.len() {
            let connection = &self.connections[id];
            if id >= begun || (connection.stream.is_some() && !connection.account.established) {
                let spent = humantime::format_duration(self.plan.connect_timeout);
                let text = format!("no handshake within the connect timeout of {spent}");
                self.fail(id, &Fault::new(Cause::ConnectTimeout, text));
            }
        }
    }
}

fn is_out_of_descriptors(why: &io::Error) -> bool {
    [Errno::EMFILE, Errno::ENFILE].iter().any(|&errno| why.raw_os_error() == Some(errno as i32))
}
