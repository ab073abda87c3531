//! The reactor: waits for many connections at once, and serves those that are ready.
//!
//! Readiness comes from epoll, edge-triggered, through `mio`: a connection is
//! registered once, for reading and writing, and never again, so that a request
//! costs one `read`, one `write` and its share of one `epoll_wait`.

mod deadlines;
mod intake;
mod returns;
mod wakeup;

use std::{
    collections::VecDeque,
    io,
    os::fd::AsRawFd,
    sync::Arc,
    time::{Duration, Instant},
};

use mio::{Events, Interest, Poll, Token, event::Event, unix::SourceFd};
use slab::Slab;

pub use self::wakeup::Waker;
use crate::{
    Context, Listener, READ_BYTES, SystemCalls, Worker,
    dispatch::Outbox,
    nonblocking::{Peer, Runs, Shared, Turn},
    stats::Tally,
};

/// The token of the listener's events.
pub const LISTENER: Token = Token(usize::MAX - 1);
/// The token of the events that [`Reactor::waker`] causes.
pub const WAKEUP: Token = Token(usize::MAX - 2);
const STOP: Token = Token(usize::MAX - 3);

/// Events taken from the kernel in one turn.
const EVENTS: usize = 1024;
/// One long answer must not size the loop's buffer for ever.
const OUTPUT_BYTES: usize = 64 << 10;

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
    /// Where it accepts, if it does that itself.
    listener: Option<&'a Listener>,
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
            input: vec![0; READ_BYTES].into(), // One for all connections.
            output: Vec::new(),
            calls: SystemCalls { control: 1, ..SystemCalls::default() },
            runs: Runs::Inline,
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
            listener: None,
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
        reactor.shared.runs = Runs::Batches(Outbox { room, batches: Vec::new() });
        Ok(reactor)
    }

    /// A reactor that reads and answers, but runs no job: those are left in
    /// [`Reactor::errands`], for others to run and to give back.
    ///
    /// # Errors
    ///
    /// As [`Reactor::new`].
    pub fn offloading(context: &'a Context, worker: Arc<Worker>) -> io::Result<Self> {
        let mut reactor = Self::new(context, worker)?;
        reactor.shared.runs = Runs::Jobs(Vec::new());
        Ok(reactor)
    }

    /// Lets another worker turn this loop from now on, and have the credit.
    pub fn hand_over(&mut self, worker: &Arc<Worker>) {
        self.worker = Arc::clone(worker);
        self.woken = Instant::now();
    }

    /// Room for what one turn takes from the kernel; see [`Reactor::wait`].
    #[must_use]
    pub fn events(&self) -> Events {
        Events::with_capacity(EVENTS)
    }

    /// Whether no connection is left; during a stop, nor in the backlog.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let accepts = self.listener.is_some_and(|listener| !listener.is_done());
        self.peers.is_empty() && !(accepts && self.context.stop.is_requested())
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
        // Who is woken by a signal, as after a stop of the process, has not been told what
        // came meanwhile.
        if polled.is_ok() && self.has_deadlines() {
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
    /// those whose time is up. During a stop, takes in who was left in the backlog.
    pub fn resume(&mut self) {
        if self.context.stop.is_requested() {
            self.adopt_late();
        }
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

    fn advance(&mut self, key: usize) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        let was_lingering = peer.is_lingering();
        let turn = peer.advance(&mut self.shared, self.context);
        self.shared.output.shrink_to(OUTPUT_BYTES);
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

    fn keys(&self) -> Vec<usize> {
        self.peers.iter().map(|(key, _)| key).collect()
    }
}

impl Drop for Reactor<'_> {
    fn drop(&mut self) {
        let wakes = self.waker.as_ref().map_or(0, |waker| waker.wakes());
        self.shared.calls.wake += wakes;
        self.context.stats.add(self.shared.calls);
    }
}

#[cfg(test)]
mod tests;
