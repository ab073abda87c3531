//! The loop: waits, sends what is due, reads and verifies what came.
//!
//! An answer costs one `read`, one `write`, a share of one `epoll_wait` and one
//! reading of the clock, and allocates nothing. Where several are in flight, those
//! that come together share even that. Sockets are edge-triggered with
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
    exchange::Exchange,
    fault::{Cause, Fault},
    generator::{Generator, NAP},
    pacing::Pacing,
};

/// A turn of the loop that takes so much longer than it meant to sleep means
/// that the generator was not running, or not keeping up.
const STALL_NS: u64 = 100_000_000;

impl Generator<'_> {
    /// Runs traffic until `until`; earlier if the run is over, if no connection is
    /// left on any thread, or when `drained` asks for it and no answer is owed any more,
    /// but by those that were given up before.
    pub(crate) fn drive(
        &mut self,
        events: &mut Events,
        until: u64,
        drained: bool,
    ) -> Result<(), Error> {
        let mut now = self.clock.now();
        while now < until && (self.live > 0 || self.crew.has_live()) && !self.crew.is_over() {
            if drained && self.outstanding <= self.given_up {
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
            let busy = connection.exchanges.owed() >= self.in_flight;
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
        self.ask(id, intended, now);
        self.write(id);
    }

    /// Begins a request, which is written with those that are begun with it.
    #[inline]
    fn ask(&mut self, id: usize, intended: u64, now: u64) {
        let connection = &mut self.connections[id];
        if connection.asked >= self.requests_each {
            if connection.exchanges.owed() > 0 {
                connection.waiting.push_back(intended);
                return;
            }
            if !self.renew(id) {
                return;
            }
        }
        let connection = &mut self.connections[id];
        if connection.stream.is_none() {
            return; // It could not be renewed for the request before.
        }
        connection.asked = connection.asked.saturating_add(1);
        connection.exchanges.begin(&self.script, intended, now);
        self.outstanding += 1;
        self.ledger.sent += u64::from(self.ledger.is_in_window(intended));
    }

    #[inline]
    pub(crate) fn socket_event(&mut self, event: &Event) {
        let id = event.token().0;
        let closed = event.is_read_closed() || event.is_error();
        if event.is_readable() || closed {
            self.read(id, closed);
        }
        if event.is_writable() && self.connections[id].exchanges.is_unwritten() {
            self.write(id);
        }
    }

    #[inline]
    fn write(&mut self, id: usize) {
        let connection = &mut self.connections[id];
        let Some(stream) = &mut connection.stream else { return };
        match connection.exchanges.write(stream, &self.script, &mut self.buffer) {
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
                    let owed = connection.exchanges.owed() > 0;
                    let owed = if owed { "owing" } else { "without owing" };
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
            match self.verify(id, bytes, now) {
                Ok(0) => {}
                Ok(answers) => self.go_on(id, answers, now),
                Err(fault) => return self.fail(id, &fault),
            }
            if bytes < self.buffer.len() && !closed {
                return;
            }
        }
    }

    /// Verifies what was read, accounts for each answer that is complete, and says
    /// how many those are. Nothing is asked meanwhile: what follows the last answer
    /// that is owed was not asked for.
    #[inline]
    fn verify(&mut self, id: usize, bytes: usize, now: u64) -> Result<usize, Fault> {
        let (mut from, mut answers) = (0, 0);
        while from < bytes {
            let exchanges = &mut self.connections[id].exchanges;
            let (used, answered) = exchanges.take(&self.buffer[from..bytes], &mut self.script)?;
            from += used;
            if let Some(exchange) = answered {
                self.complete(id, exchange, now);
                answers += 1;
            }
        }
        Ok(answers)
    }

    #[inline]
    fn complete(&mut self, id: usize, exchange: Exchange, now: u64) {
        let account = &mut self.connections[id].account;
        self.outstanding -= 1;
        account.served = true;
        self.answered_at = now;
        self.ledger.answered_total += 1;
        if self.ledger.is_in_window(now) {
            account.answered += 1;
            self.ledger.answered += 1;
        }
        if self.ledger.is_in_window(exchange.intended) {
            let slow = self.script.template(exchange.template()).slow;
            self.ledger.record(slow, exchange.intended, exchange.sent, now);
        }
    }

    /// Has a connection ask further, which just got so many answers.
    #[inline]
    fn go_on(&mut self, id: usize, answers: usize, now: u64) {
        match self.pacing {
            Pacing::Closed(_) => self.ask_again(id, answers, now),
            Pacing::Open(_) => {
                // What was due in the window is sent after it too, in the grace period.
                while self.connections[id].exchanges.owed() < self.in_flight {
                    let Some(due) = self.connections[id].waiting.pop_front() else { break };
                    self.ask(id, due, now);
                }
            }
            Pacing::Silent => {}
        }
        self.write(id);
    }

    /// Has those of a closed loop ask who waited for a new connection, if it can be
    /// made now, and those who were answered.
    #[inline]
    fn ask_again(&mut self, id: usize, answers: usize, now: u64) {
        if self.connections[id].exchanges.owed() == 0 {
            // Some may have to wait for yet another.
            for _ in 0..self.connections[id].waiting.len() {
                let due = self.connections[id].waiting.pop_front();
                if let Some(due) = due.filter(|_| self.sending) {
                    self.ask(id, due, now);
                }
            }
        }
        let number = self.share.number(id);
        for _ in 0..answers {
            let goes_on = self.pacing.goes_on(number, id, now);
            // Not beyond the window, though its end is noticed only after this turn.
            if goes_on && self.sending && now < self.ledger.end {
                self.ask(id, now, now);
            }
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
        self.outstanding -= connection.exchanges.abandon();
        connection.stream = None; // Closes it, which also ends its registration.
        self.ledger.errors.count(&format!("connection {}", self.share.number(id)), fault);
    }
}
