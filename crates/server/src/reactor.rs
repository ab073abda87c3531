//! The reactor: waits for many connections at once, and serves those that are ready.
//!
//! Readiness comes from epoll, edge-triggered, through `mio`: a connection is
//! registered once, for reading and writing, and never again, so that a request
//! costs one `read`, one `write` and its share of one `epoll_wait`.

use std::{
    collections::VecDeque,
    io,
    os::fd::AsRawFd,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use mio::{Events, Interest, Poll, Token, event::Event, unix::SourceFd};
use slab::Slab;

use crate::{
    Answer, Attempt, Batch, Connection, Context, Listener, SystemCalls, Worker,
    dispatch::{Outbox, Ticket},
    nonblocking::{Peer, Shared, Turn},
    stats::Tally,
};

/// The token of the listener's events.
pub const LISTENER: Token = Token(usize::MAX - 1);
/// The token of the events that [`Reactor::waker`] causes.
pub const WAKEUP: Token = Token(usize::MAX - 2);
const STOP: Token = Token(usize::MAX - 3);

/// Bytes read at once; one buffer for all connections of a loop.
const READ_BYTES: usize = 64 << 10;
/// Connections accepted in one turn: those that are open have theirs too.
const ACCEPTS: usize = 64;
/// How often overdue connections are looked for, if there can be any.
const SWEEP: Duration = Duration::from_millis(100);

/// Wakes a loop that sleeps; see [`Reactor::waker`].
#[derive(Debug)]
pub struct Waker {
    waker: mio::Waker,
    /// Shared by those who wake: beside the system call it costs nothing.
    wakes: AtomicU64,
}

/// An event loop's connections, and what it waits with.
#[derive(Debug)]
pub struct Reactor<'a> {
    poll: Poll,
    peers: Slab<Peer>,
    /// Connections that could go on but gave way to others.
    unfinished: Vec<usize>,
    /// Connections that could go on but have no room in the outbox, oldest first.
    crowded: VecDeque<usize>,
    /// Connections taken in so far.
    serial: u64,
    shared: Shared,
    context: &'a Context,
    worker: Arc<Worker>,
    /// Peers that are read until they close; they have deadlines of their own.
    lingering: usize,
    sweep_due: Option<Instant>,
    /// When the last wait ended: what has come since then is not yet known, so
    /// nobody is called silent by a later clock.
    woken: Instant,
    /// Kept even if nobody else does: closing it would take back a wakeup that
    /// the loop has not seen yet.
    waker: Option<Arc<Waker>>,
}

impl<'a> Reactor<'a> {
    /// A reactor without connections.
    ///
    /// # Errors
    ///
    /// Fails if there is no descriptor left.
    pub fn new(context: &'a Context, worker: Arc<Worker>) -> io::Result<Self> {
        let poll = Poll::new()?;
        let stop = context.stop.as_raw_fd();
        poll.registry().register(&mut SourceFd(&stop), STOP, Interest::READABLE)?;
        let shared = Shared {
            input: vec![0; READ_BYTES].into(),
            output: Vec::new(),
            calls: SystemCalls { control: 1, ..SystemCalls::default() },
            outbox: None,
        };
        Ok(Self {
            poll,
            peers: Slab::new(),
            unfinished: Vec::new(),
            crowded: VecDeque::new(),
            serial: 0,
            shared,
            context,
            worker,
            lingering: 0,
            sweep_due: None,
            woken: Instant::now(),
            waker: None,
        })
    }

    /// A reactor that runs no requests: what it reads is left in
    /// [`Reactor::batches`], for others to run and to give back. At most `room`
    /// batches are out at once; beyond that, nobody is read.
    ///
    /// # Errors
    ///
    /// As [`Reactor::new`].
    pub fn dispatching(context: &'a Context, worker: Arc<Worker>, room: usize) -> io::Result<Self> {
        let mut reactor = Self::new(context, worker)?;
        reactor.shared.outbox = Some(Outbox { room, batches: Vec::new() });
        Ok(reactor)
    }

    /// Lets another worker turn this loop from now on, and have the credit.
    pub fn hand_over(&mut self, worker: &Arc<Worker>) {
        self.worker = Arc::clone(worker);
        self.woken = Instant::now();
    }

    /// Makes `listener` wake this loop, with the token [`LISTENER`].
    ///
    /// # Errors
    ///
    /// Fails if the kernel refuses to watch it.
    pub fn listen(&mut self, listener: &Listener) -> io::Result<()> {
        self.shared.calls.control += 1;
        let listener = listener.as_raw_fd();
        self.poll.registry().register(&mut SourceFd(&listener), LISTENER, Interest::READABLE)
    }

    /// A waker with which another thread wakes this loop, with the token [`WAKEUP`].
    ///
    /// # Errors
    ///
    /// Fails if there is no descriptor left.
    pub fn waker(&mut self) -> io::Result<Arc<Waker>> {
        if let Some(waker) = &self.waker {
            return Ok(Arc::clone(waker));
        }
        self.shared.calls.control += 1;
        let waker = mio::Waker::new(self.poll.registry(), WAKEUP)?;
        let waker = Waker { waker, wakes: AtomicU64::new(0) };
        Ok(Arc::clone(self.waker.insert(Arc::new(waker))))
    }

    /// Takes in who waits at `listener`; tells when to go on, if somebody is left.
    ///
    /// # Errors
    ///
    /// As [`Listener::accept`].
    // ANCHOR: accept
    pub fn accept(&mut self, listener: &Listener) -> io::Result<Option<Duration>> {
        for _ in 0..ACCEPTS {
            match listener.accept_now(self.context)? {
                Attempt::Accepted(connection) => self.adopt(connection),
                Attempt::Refused => {}
                Attempt::Empty => return Ok(None),
                Attempt::Exhausted => return Ok(Some(Listener::EXHAUSTED_PAUSE)),
            }
        }
        Ok(Some(Duration::ZERO))
    }
    // ANCHOR_END: accept

    /// Takes a connection in. If it cannot be watched it is closed, and counted
    /// as failed.
    pub fn adopt(&mut self, connection: Connection) {
        let entry = self.peers.vacant_entry();
        let token = Token(entry.key());
        let ticket = Ticket { key: entry.key(), serial: self.serial };
        self.serial += 1;
        self.shared.calls.control += 2; // Its stream is made nonblocking, and registered.
        let adopted = Peer::new(connection, self.context, ticket).and_then(|mut peer| {
            let interest = Interest::READABLE | Interest::WRITABLE;
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

    /// Whether no connection is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.peers.is_empty()
    }

    /// Waits until something is ready, at most for `at_most`: the one place
    /// where a loop's thread sleeps.
    ///
    /// # Errors
    ///
    /// Fails if waiting itself is broken.
    pub fn wait(&mut self, events: &mut Events, at_most: Option<Duration>) -> io::Result<()> {
        self.shared.calls.wait += 1;
        let polled = self.poll.poll(events, self.patience(at_most));
        if self.has_deadlines() {
            self.woken = Instant::now();
        }
        match polled {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                events.clear();
                Ok(())
            }
            result => result,
        }
    }

    /// Serves the connection of an event; on the stop signal, begins to drain.
    pub fn ready(&mut self, event: &Event) {
        let Token(key) = event.token();
        if event.token() == STOP {
            return self.drain();
        }
        // An event may outlive its connection, if both were in one batch.
        if let Some(peer) = self.peers.get_mut(key) {
            peer.notice(event);
            if !peer.queued {
                self.advance(key);
            }
        }
    }

    /// Gives their next turn to connections that gave way to others, and ends
    /// those whose time is up.
    pub fn resume(&mut self) {
        for key in std::mem::take(&mut self.unfinished) {
            if let Some(peer) = self.peers.get_mut(key) {
                peer.queued = false;
                self.advance(key);
            }
        }
        if self.has_deadlines() {
            self.sweep();
        }
    }

    /// What was read since it was last asked; only if [`Reactor::dispatching`].
    pub fn batches(&mut self) -> impl Iterator<Item = Batch> {
        self.shared.outbox.iter_mut().flat_map(|outbox| outbox.batches.drain(..))
    }

    /// Sends the answer of a batch, and reads on.
    pub fn take_back(&mut self, Answer { ticket, ran }: Answer) {
        if let Some(outbox) = &mut self.shared.outbox {
            outbox.room += 1;
        }
        // Those who wait for room come first: this one has just had its turn.
        self.make_room();
        // The connection may be gone, and another in its place.
        let Some(peer) = self.peers.get_mut(ticket.key) else { return };
        if peer.ticket != ticket {
            return;
        }
        let Some((session, output)) = ran else { return self.close(ticket.key, true) };
        peer.session = Some(session);
        self.shared.output = output;
        self.advance(ticket.key);
    }

    fn make_room(&mut self) {
        while self.shared.outbox.as_ref().is_some_and(|outbox| outbox.room > 0)
            && let Some(key) = self.crowded.pop_front()
        {
            self.peers[key].queued = false;
            self.advance(key);
        }
    }

    fn advance(&mut self, key: usize) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        let was_lingering = peer.is_lingering();
        let turn = peer.advance(&mut self.shared, self.context);
        // One long answer must not size the loop's buffer for ever.
        self.shared.output.shrink_to(READ_BYTES);
        self.lingering += usize::from(peer.is_lingering() && !was_lingering);
        peer.touch(self.context.idle_timeout);
        match turn {
            Ok(Turn::Waiting) => {}
            Ok(Turn::Unfinished) => {
                if !std::mem::replace(&mut peer.queued, true) {
                    self.unfinished.push(key);
                }
            }
            Ok(Turn::Crowded) => {
                if !std::mem::replace(&mut peer.queued, true) {
                    self.crowded.push_back(key);
                }
            }
            Ok(Turn::Done) => self.close(key, false),
            Err(_) => self.close(key, true),
        }
    }

    fn close(&mut self, key: usize, failed: bool) {
        // What was not sent belongs to this connection alone.
        self.shared.output.clear();
        let peer = self.peers.remove(key);
        self.lingering -= usize::from(peer.is_lingering());
        if peer.queued {
            self.unfinished.retain(|&other| other != key);
            self.crowded.retain(|&other| other != key);
        }
        let cut = failed && self.context.stop.is_over();
        self.worker.close(Tally { failed, cut, ..peer.account() });
        self.shared.calls.close += 1;
        // Dropping the stream closes it, which takes it out of the epoll set.
    }

    fn drain(&mut self) {
        for key in self.keys() {
            self.peers[key].stop_reading(&mut self.shared.calls);
            self.advance(key);
        }
    }

    fn has_deadlines(&self) -> bool {
        self.context.idle_timeout.is_some()
            || self.lingering > 0
            || self.context.stop.is_requested()
    }

    fn patience(&self, at_most: Option<Duration>) -> Option<Duration> {
        if !self.unfinished.is_empty() {
            return Some(Duration::ZERO);
        }
        let sweep = self.has_deadlines().then_some(SWEEP);
        [at_most, sweep].into_iter().flatten().min()
    }

    fn sweep(&mut self) {
        let now = self.woken;
        if self.sweep_due.is_some_and(|due| now < due) {
            return;
        }
        self.sweep_due = Some(now + SWEEP);
        let cut = self.context.stop.is_over();
        for key in self.keys() {
            if cut {
                self.close(key, true);
            } else if self.peers[key].is_overdue(now) {
                // Who lingered to the end has had its answer.
                let failed = !self.peers[key].is_lingering();
                match self.peers[key].time_out(&mut self.shared, self.context.idle_timeout) {
                    Turn::Done => self.close(key, failed),
                    Turn::Waiting | Turn::Unfinished | Turn::Crowded => self.advance(key),
                }
            }
        }
    }

    fn keys(&self) -> Vec<usize> {
        self.peers.iter().map(|(key, _)| key).collect()
    }
}

impl Drop for Reactor<'_> {
    fn drop(&mut self) {
        let wakes = self.waker.as_ref().map_or(0, |waker| waker.wakes.load(Relaxed));
        self.shared.calls.wake += wakes;
        self.context.stats.add(self.shared.calls);
    }
}

impl Waker {
    /// Wakes the loop, or keeps it from falling asleep.
    ///
    /// # Errors
    ///
    /// Fails if the kernel does.
    pub fn wake(&self) -> io::Result<()> {
        self.wakes.fetch_add(1, Relaxed);
        self.waker.wake()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::TcpStream,
        num::NonZeroUsize,
    };

    use service::Service;

    use super::*;
    use crate::{Limits, QueueOrder, Stop};

    fn context() -> Context {
        Context {
            service: Service::Echo,
            workers: NonZeroUsize::MIN,
            queue_order: QueueOrder::Fifo,
            idle_timeout: None,
            limits: Limits::default(),
            stop: Arc::new(Stop::new(Duration::ZERO).unwrap()),
            stats: Arc::default(),
        }
    }

    /// A listener, and so many clients that it has not accepted yet.
    fn clients(count: usize) -> (Listener, Vec<TcpStream>) {
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let clients = (0..count).map(|_| connect(&listener)).collect();
        (listener, clients)
    }

    fn connect(listener: &Listener) -> TcpStream {
        let client = TcpStream::connect(listener.address().unwrap()).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        client
    }

    /// Turns the loop until it has so many batches, or has had time enough to.
    fn batches(reactor: &mut Reactor, count: usize) -> Vec<Batch> {
        let mut events = Events::with_capacity(8);
        let mut batches = Vec::new();
        for _ in 0..20 {
            reactor.wait(&mut events, Some(Duration::from_millis(10))).unwrap();
            events.iter().for_each(|event| reactor.ready(event));
            reactor.resume();
            batches.extend(reactor.batches());
            if batches.len() == count {
                break;
            }
        }
        batches
    }

    #[test]
    fn no_more_batches_are_out_than_there_is_room_for() {
        let context = context();
        let (listener, mut clients) = clients(3);
        let mut reactor = Reactor::dispatching(&context, Arc::default(), 2).unwrap();
        reactor.accept(&listener).unwrap();
        for client in &mut clients {
            client.write_all(b"ping").unwrap();
        }
        let mut out = batches(&mut reactor, 3);
        assert_eq!(out.len(), 2);
        // One back is room for the third, and not for another of its own.
        clients[0].write_all(b"more").unwrap();
        reactor.take_back(out.remove(0).run());
        let mut echoed = [0; 4];
        clients[0].read_exact(&mut echoed).unwrap();
        assert_eq!(&echoed, b"ping");
        out.extend(batches(&mut reactor, 2));
        assert_eq!(out.len(), 2);
        for batch in out {
            reactor.take_back(batch.run());
        }
        for client in &mut clients[1..] {
            client.read_exact(&mut echoed).unwrap();
            assert_eq!(&echoed, b"ping");
        }
        for batch in batches(&mut reactor, 1) {
            reactor.take_back(batch.run());
        }
        clients[0].read_exact(&mut echoed).unwrap();
        assert_eq!(&echoed, b"more");
    }

    #[test]
    fn an_answer_that_comes_too_late_is_nobody_elses() {
        let context = context();
        let (listener, mut clients) = clients(1);
        let mut reactor = Reactor::dispatching(&context, Arc::default(), 8).unwrap();
        reactor.accept(&listener).unwrap();
        clients[0].write_all(b"mine").unwrap();
        let late = batches(&mut reactor, 1).remove(0);
        reactor.close(late.ticket.key, true);
        let mut next = connect(&listener);
        reactor.accept(&listener).unwrap();
        next.write_all(b"next").unwrap();
        let batch = batches(&mut reactor, 1).remove(0);
        assert_eq!(batch.ticket.key, late.ticket.key, "its place was taken again");
        reactor.take_back(late.run());
        reactor.take_back(batch.run());
        let mut echoed = [0; 4];
        next.read_exact(&mut echoed).unwrap();
        assert_eq!(&echoed, b"next");
    }
}
