//! The loop: waits, sends what is due, reads and verifies what came.
//!
//! An answer costs one `read`, one `write`, a share of one `epoll_wait` and one
//! reading of the clock, and allocates nothing. Sockets are edge-triggered with
//! both interests registered once. A read that returns less than the buffer has
//! drained the socket, so no second read is owed: later bytes, and the end of
//! the stream, come as edges of their own.

use std::{
    io::{ErrorKind, Read},
    time::Duration,
};

use mio::{Events, event::Event};

use crate::{
    clock::{nanoseconds, patience},
    error::Error,
    fault::{Cause, Fault},
    generator::{Generator, NAP},
    pacing::Pacing,
};

/// A turn of the loop that takes so much longer than it meant to sleep means
/// that the generator was not running, or not keeping up.
const STALL_NS: u64 = 100_000_000;

impl Generator<'_> {
    /// Runs traffic until `until`; earlier if the run is over, if no connection is
    /// left on any thread, or when `drained` asks for it and no answer is owed any more.
    pub(crate) fn drive(
        &mut self,
        events: &mut Events,
        until: u64,
        drained: bool,
    ) -> Result<(), Error> {
        let mut now = self.clock.now();
        while now < until && (self.live > 0 || self.crew.has_live()) && !self.crew.is_over() {
            if drained && self.outstanding == 0 {
                break;
            }
            self.dispatch(now, until);
            let wait = self.wait(now, until);
            self.poll(events, wait)?;
            for event in &*events {
                self.socket_event(event);
            }
            if self.warming {
                self.crew.note(self.share.first, self.ledger.answered_total);
            }
            let before = now;
            now = self.clock.now();
            let over = (now - before).saturating_sub(nanoseconds(wait));
            if over > STALL_NS && self.ledger.is_in_window(before) {
                self.stalled_ns += over;
            }
        }
        Ok(())
    }

    fn wait(&self, now: u64, until: u64) -> Duration {
        let due = if self.sending { self.pacing.due() } else { until };
        if due < until {
            patience(now, due).min(NAP)
        } else {
            // The end of a phase needs no spinning: up to a millisecond late.
            Duration::from_nanos(until.saturating_sub(now)).min(NAP)
        }
    }

    /// Sends what has become due by `now`.
    pub(crate) fn dispatch(&mut self, now: u64, until: u64) {
        while self.sending {
            let due = self.pacing.due();
            if due > now || due >= until {
                return;
            }
            let Some((due, id)) = self.pacing.take() else { return };
            let connection = &mut self.connections[id];
            let is_open_loop = matches!(self.pacing, Pacing::Open(_));
            connection.account.asked_at = connection.account.asked_at.min(due);
            let live = connection.is_live();
            let busy = connection.exchange.outstanding;
            if live && busy {
                connection.waiting.push_back(due);
            }
            let now = self.clock.now();
            if is_open_loop && self.ledger.is_in_window(due) {
                self.ledger.arrivals += 1;
                if live {
                    self.ledger.lag.count(now.saturating_sub(due));
                }
            }
            if live && !busy {
                self.send(id, if is_open_loop { due } else { now }, now);
            }
        }
    }

    #[inline]
    pub(crate) fn send(&mut self, id: usize, intended: u64, now: u64) {
        if self.connections[id].asked >= self.requests_each && !self.renew(id) {
            return;
        }
        let connection = &mut self.connections[id];
        connection.asked = connection.asked.saturating_add(1);
        connection.exchange.begin(&self.script, self.share.number(id), intended, now);
        self.outstanding += 1;
        self.ledger.sent += u64::from(self.ledger.is_in_window(intended));
        self.write(id);
    }

    #[inline]
    pub(crate) fn socket_event(&mut self, event: &Event) {
        let id = event.token().0;
        let closed = event.is_read_closed() || event.is_error();
        if event.is_readable() || closed {
            self.read(id, closed);
        }
        if event.is_writable() && self.connections[id].exchange.is_unwritten(&self.script) {
            self.write(id);
        }
    }

    #[inline]
    fn write(&mut self, id: usize) {
        let connection = &mut self.connections[id];
        let Some(stream) = &mut connection.stream else { return };
        match connection.exchange.write(stream, &self.script) {
            Ok(bytes) => self.ledger.bytes_out += bytes as u64,
            Err(why) => self.fail(id, &Fault::io("writing", &why)),
        }
    }

    #[inline]
    fn read(&mut self, id: usize, closed: bool) {
        loop {
            let connection = &mut self.connections[id];
            let Some(stream) = &mut connection.stream else { return };
            let read = if id < self.plan.stamped {
                self.stamps.read(stream, &mut self.buffer)
            } else {
                stream.read(&mut self.buffer).map(|bytes| (bytes, None))
            };
            let (bytes, stamp) = match read {
                Ok((0, _)) => {
                    let owed =
                        if connection.exchange.outstanding { "owing" } else { "without owing" };
                    let text = format!("the server closed the connection, {owed} an answer");
                    return self.fail(id, &Fault::new(Cause::ClosedEarly, text));
                }
                Ok(read) => read,
                Err(why) if why.kind() == ErrorKind::WouldBlock => return,
                Err(why) if why.kind() == ErrorKind::Interrupted => continue,
                Err(why) => return self.fail(id, &Fault::io("reading", &why)),
            };
            let now = self.clock.now();
            if let Some(stamp) = stamp
                && self.ledger.is_in_window(now)
            {
                self.ledger.receive_lag.saturating_record(nanoseconds(stamp.age()));
            }
            self.ledger.bytes_in += bytes as u64;
            connection.account.first_byte_at = connection.account.first_byte_at.min(now);
            match connection.exchange.receive(&self.buffer[..bytes], &mut self.script) {
                Ok(true) => self.complete(id, now),
                Ok(false) => {}
                Err(fault) => return self.fail(id, &fault),
            }
            if bytes < self.buffer.len() && !closed {
                return;
            }
        }
    }

    /// Accounts for a complete answer and has the connection's next request sent.
    #[inline]
    fn complete(&mut self, id: usize, now: u64) {
        let connection = &mut self.connections[id];
        self.outstanding -= 1;
        connection.account.served = true;
        self.ledger.answered_total += 1;
        if self.ledger.is_in_window(now) {
            connection.account.answered += 1;
            self.ledger.answered += 1;
        }
        let exchange = &connection.exchange;
        if self.ledger.is_in_window(exchange.intended) {
            let slow = self.script.template(exchange.template).slow;
            self.ledger.record(slow, exchange.intended, exchange.sent, now);
        }
        match &mut self.pacing {
            Pacing::Closed(turns) => {
                if turns.goes_on(self.share.number(id), id, now) && self.sending {
                    self.send(id, now, now);
                }
            }
            Pacing::Open(_) => {
                // What was due in the window is sent after it too, in the grace period.
                if let Some(due) = connection.waiting.pop_front() {
                    self.send(id, due, now);
                }
            }
            Pacing::Silent => {}
        }
    }

    /// Ends one connection. The run goes on.
    #[cold]
    pub(crate) fn fail(&mut self, id: usize, fault: &Fault) {
        let connection = &mut self.connections[id];
        if connection.account.established {
            self.live -= 1;
            self.crew.went();
        } else if connection.stream.is_some() {
            self.connecting -= 1;
        }
        if connection.exchange.outstanding {
            connection.exchange.outstanding = false;
            self.outstanding -= 1;
        }
        connection.stream = None; // Closes it, which also ends its registration.
        self.ledger.errors.count(&format!("connection {}", self.share.number(id)), fault);
    }
}
