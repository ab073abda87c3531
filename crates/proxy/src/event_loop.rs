//! A loop: waits for both sides of many pairs at once, and passes on what is ready.

use std::{
    io,
    net::Shutdown,
    os::fd::AsRawFd,
    sync::Arc,
    time::{Duration, Instant},
};

use mio::{Events, Interest, Poll, Token, event::Event, net::TcpStream, unix::SourceFd};
use server::{Attempt, LISTENER, Listener, Mode, Seat, SystemCalls, Tally, Waker, Worker};
use slab::Slab;
use socket2::{SockRef, Socket};

use crate::{
    Proxy,
    door::{Door, Guest},
    relay::{Line, Readiness, Relay, Shared, Turn},
    upstream::Dial,
};

const STOP: Token = Token(usize::MAX - 3);

/// Events taken from the kernel in one turn.
pub(crate) const EVENTS: usize = 1024;
/// Connections accepted in one turn: those that are open have theirs too.
const ACCEPTS: usize = 64;
/// How often overdue pairs are looked for, if there can be any.
const SWEEP: Duration = Duration::from_millis(50);

/// Serves `listener` with one loop, until the stop is requested and no pair is left.
///
/// # Errors
///
/// Fails if the kernel has no descriptor for the loop, or the listener is broken.
// ANCHOR: serve
pub(crate) fn serve(listener: &Listener, proxy: &Proxy) -> io::Result<()> {
    let mut pairs = Loop::new(proxy, proxy.context.stats.worker("loop"))?;
    pairs.listen(listener)?;
    let mut door = Door::new(listener, Mode::Nonblocking, proxy);
    let mut events = Events::with_capacity(EVENTS);
    let mut accept_in = None; // When to accept, if somebody waits in the backlog.
    while !(door.is_done() && pairs.is_empty()) {
        pairs.wait(&mut events, accept_in)?;
        for event in &events {
            match event.token() {
                LISTENER => accept_in = Some(Duration::ZERO),
                _ => pairs.ready(event),
            }
        }
        if accept_in.is_some() {
            accept_in = pairs.accept(&mut door)?;
        }
        pairs.resume();
    }
    Ok(())
}
// ANCHOR_END: serve

/// The pairs of one loop, and what it waits with.
#[derive(Debug)]
pub(crate) struct Loop<'a> {
    poll: Poll,
    /// The events of a pair carry twice its key for the client, one more for upstream.
    pairs: Slab<Pair>,
    /// Pairs that could go on but gave way to others.
    unfinished: Vec<usize>,
    shared: Shared,
    proxy: &'a Proxy,
    worker: Arc<Worker>,
    /// Pairs that wait for the upstream server; they have deadlines of their own.
    connecting: usize,
    sweep_due: Option<Instant>,
    /// When the last wait ended: what has come since then is not yet known, so
    /// nobody is called silent by a later clock.
    woken: Instant,
    /// Kept even if nobody else does: closing it would take back a wakeup that
    /// the loop has not seen yet.
    waker: Option<Arc<Waker>>,
}

/// A client and its upstream connection.
#[derive(Debug)]
struct Pair {
    relay: Relay<TcpStream>,
    /// The number of the address to try next, while not connected.
    connecting: Option<usize>,
    /// When to give up on it.
    deadline: Option<Instant>,
    /// It waits for its next turn among the unfinished.
    queued: bool,
    _seat: Seat,
}

/// How a pair ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Both ends were passed on.
    InOrder,
    /// Nothing came from either side for too long.
    Idle,
    /// One side is gone.
    Broken,
    /// There is no upstream connection.
    Unreachable,
    /// The drain is over.
    Cut,
}

impl Line for TcpStream {
    fn finish(&mut self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }
}

impl<'a> Loop<'a> {
    /// A loop without pairs.
    ///
    /// # Errors
    ///
    /// Fails if there is no descriptor left.
    pub(crate) fn new(proxy: &'a Proxy, worker: Arc<Worker>) -> io::Result<Self> {
        let poll = Poll::new()?;
        let stop = proxy.context.stop.as_raw_fd();
        poll.registry().register(&mut SourceFd(&stop), STOP, Interest::READABLE)?;
        let mut shared = Shared::default();
        shared.calls.control += 1;
        Ok(Self {
            poll,
            pairs: Slab::new(),
            unfinished: Vec::new(),
            shared,
            proxy,
            worker,
            connecting: 0,
            sweep_due: None,
            woken: Instant::now(),
            waker: None,
        })
    }

    /// Makes `listener` wake this loop.
    fn listen(&mut self, listener: &Listener) -> io::Result<()> {
        self.shared.calls.control += 1;
        let listener = listener.as_raw_fd();
        self.poll.registry().register(&mut SourceFd(&listener), LISTENER, Interest::READABLE)
    }

    /// A waker with which another thread wakes this loop.
    ///
    /// # Errors
    ///
    /// Fails if there is no descriptor left.
    pub(crate) fn waker(&mut self) -> io::Result<Arc<Waker>> {
        self.shared.calls.control += 1;
        let waker = Arc::new(Waker::new(self.poll.registry())?);
        Ok(Arc::clone(self.waker.insert(waker)))
    }

    /// Takes in who waits at the door; tells when to go on, if somebody is left.
    fn accept(&mut self, door: &mut Door) -> io::Result<Option<Duration>> {
        for _ in 0..ACCEPTS {
            match door.accept_now()? {
                Attempt::Accepted(guest) => self.adopt(guest),
                Attempt::Refused => {}
                Attempt::Empty => return Ok(None),
                Attempt::Exhausted => return Ok(Some(Listener::EXHAUSTED_PAUSE)),
            }
        }
        Ok(Some(Duration::ZERO))
    }

    /// Takes a guest in, who does not block, and begins to connect for it.
    // ANCHOR: adopt
    pub(crate) fn adopt(&mut self, Guest { client, socket }: Guest) {
        let (stream, seat) = client.into_parts();
        self.shared.calls.control += 2; // The other is made nonblocking, and connected.
        let upstream = &self.proxy.upstream;
        let Ok(dial) = upstream.dial(socket, 0) else {
            reset(&stream, &mut self.shared.calls);
            self.shared.calls.close += 2;
            upstream.fail();
            return self.worker.close(Tally::default());
        };
        let (socket, connecting) = socket_of(dial);
        let deadline = match connecting {
            Some(_) => Some(Instant::now() + upstream.patience),
            None => self.idle_deadline(),
        };
        self.connecting += usize::from(connecting.is_some());
        let relay = Relay::new(TcpStream::from_std(stream), socket);
        let pair = Pair { relay, connecting, deadline, queued: false, _seat: seat };
        let key = self.pairs.insert(pair);
        if self.watch(key).is_err() {
            self.close(key, End::Broken);
        }
    }
    // ANCHOR_END: adopt

    /// Registers both sides, once and for all: whatever is ready already is told.
    fn watch(&mut self, key: usize) -> io::Result<()> {
        let (client, upstream) = (Token(2 * key), Token(2 * key + 1));
        let both = Interest::READABLE | Interest::WRITABLE;
        let relay = &mut self.pairs[key].relay;
        self.shared.calls.control += 2;
        self.poll.registry().register(&mut relay.client, client, both)?;
        self.poll.registry().register(&mut relay.upstream, upstream, both)
    }

    /// Whether no pair is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// Waits until something is ready, at most for `at_most`: the one place
    /// where the loop's thread sleeps.
    ///
    /// # Errors
    ///
    /// Fails if waiting itself is broken.
    pub(crate) fn wait(
        &mut self,
        events: &mut Events,
        at_most: Option<Duration>,
    ) -> io::Result<()> {
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

    /// Passes on what the pair of an event has ready.
    // ANCHOR: ready
    pub(crate) fn ready(&mut self, event: &Event) {
        let Token(number) = event.token();
        let (key, is_client) = (number / 2, number % 2 == 0);
        // An event may outlive its pair, if both were in one batch. That of the
        // stop has no pair: it has woken the loop, which is what it is for.
        let Some(pair) = self.pairs.get_mut(key) else { return };
        let ready = readiness(event);
        if is_client {
            pair.relay.notice_client(ready);
            if pair.connecting.is_some() && ready.broken {
                return self.close(key, End::Broken);
            }
        } else if pair.connecting.is_some() {
            return self.connected(key, ready);
        } else {
            pair.relay.notice_upstream(ready);
        }
        if pair.connecting.is_none() && !pair.queued {
            self.advance(key);
        }
    }
    // ANCHOR_END: ready

    /// The upstream server has answered, or cannot: then it has another address,
    /// or none.
    fn connected(&mut self, key: usize, ready: Readiness) {
        let pair = &mut self.pairs[key];
        let Some(next) = pair.connecting else { return };
        self.shared.calls.control += 1;
        match pair.relay.upstream.take_error() {
            Ok(None) if !ready.writable => {}
            Ok(None) => {
                pair.connecting = None;
                self.connecting -= 1;
                pair.relay.notice_upstream(ready);
                self.advance(key);
            }
            Ok(Some(error)) | Err(error) => {
                if self.redial(key, next, error).is_err() {
                    self.close(key, End::Unreachable);
                }
            }
        }
    }

    fn redial(&mut self, key: usize, next: usize, error: io::Error) -> io::Result<()> {
        let (socket, connecting) = socket_of(self.proxy.upstream.redial(next, error)?);
        let pair = &mut self.pairs[key];
        self.connecting -= usize::from(connecting.is_none());
        pair.connecting = connecting;
        if connecting.is_none() {
            pair.deadline = self.proxy.context.idle_timeout.map(|timeout| self.woken + timeout);
        }
        pair.relay.upstream = socket; // The old one leaves the epoll set as it closes.
        self.shared.calls.control += 5;
        self.shared.calls.close += 1;
        let both = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut pair.relay.upstream, Token(2 * key + 1), both)
    }

    /// Gives their next turn to pairs that gave way to others, and ends those
    /// whose time is up.
    pub(crate) fn resume(&mut self) {
        for key in std::mem::take(&mut self.unfinished) {
            if let Some(pair) = self.pairs.get_mut(key) {
                pair.queued = false;
                self.advance(key);
            }
        }
        if self.has_deadlines() {
            self.sweep();
        }
    }

    fn advance(&mut self, key: usize) {
        let deadline = self.idle_deadline();
        let pair = &mut self.pairs[key];
        pair.deadline = deadline;
        match pair.relay.advance(&mut self.shared) {
            Ok(Turn::Waiting) => {}
            Ok(Turn::Unfinished) => {
                pair.queued = true;
                self.unfinished.push(key);
            }
            Ok(Turn::Done) => self.close(key, End::InOrder),
            Err(_) => self.close(key, End::Broken),
        }
    }

    fn close(&mut self, key: usize, end: End) {
        let Pair { relay, connecting, queued, .. } = self.pairs.remove(key);
        self.connecting -= usize::from(connecting.is_some());
        if queued {
            self.unfinished.retain(|&other| other != key);
        }
        match end {
            End::InOrder | End::Idle => {}
            // The other side must not take what it has got for all there was.
            End::Broken | End::Unreachable | End::Cut => {
                reset(&relay.client, &mut self.shared.calls);
                reset(&relay.upstream, &mut self.shared.calls);
            }
        }
        if end == End::Unreachable {
            self.proxy.upstream.fail();
        }
        self.shared.calls.close += 2;
        self.worker.close(Tally {
            bytes_in: relay.up.passed,
            bytes_out: relay.down.passed,
            failed: end == End::Broken,
            cut: end == End::Cut,
            ..Tally::default()
        });
    }

    fn idle_deadline(&self) -> Option<Instant> {
        self.proxy.context.idle_timeout.map(|timeout| Instant::now() + timeout)
    }

    fn has_deadlines(&self) -> bool {
        let context = &self.proxy.context;
        context.idle_timeout.is_some() || self.connecting > 0 || context.stop.is_requested()
    }

    fn patience(&self, at_most: Option<Duration>) -> Option<Duration> {
        if !self.unfinished.is_empty() {
            return Some(Duration::ZERO);
        }
        let sweep = (self.has_deadlines() && !self.is_empty()).then_some(SWEEP);
        [at_most, sweep].into_iter().flatten().min()
    }

    fn sweep(&mut self) {
        let now = self.woken;
        if self.sweep_due.is_some_and(|due| now < due) {
            return;
        }
        self.sweep_due = Some(now + SWEEP);
        let is_over = self.proxy.context.stop.is_over();
        let overdue = |pair: &Pair| !pair.queued && pair.deadline.is_some_and(|at| at <= now);
        let ended: Vec<(usize, bool)> = self
            .pairs
            .iter()
            .filter(|(_, pair)| is_over || overdue(pair))
            .map(|(key, pair)| (key, pair.connecting.is_some()))
            .collect();
        for (key, is_connecting) in ended {
            self.close(
                key,
                match (is_over, is_connecting) {
                    (true, _) => End::Cut,
                    (false, true) => End::Unreachable,
                    (false, false) => End::Idle,
                },
            );
        }
    }
}

impl Drop for Loop<'_> {
    fn drop(&mut self) {
        self.shared.calls.wake += self.waker.as_ref().map_or(0, |waker| waker.wakes());
        self.proxy.context.stats.add(self.shared.calls);
    }
}

fn readiness(event: &Event) -> Readiness {
    Readiness {
        readable: event.is_readable(),
        read_closed: event.is_read_closed(),
        writable: event.is_writable(),
        broken: event.is_error(),
    }
}

fn socket_of(dial: Dial) -> (TcpStream, Option<usize>) {
    let (socket, connecting): (Socket, _) = match dial {
        Dial::Connected(socket) => (socket, None),
        Dial::Connecting(socket, next) => (socket, Some(next)),
    };
    (TcpStream::from_std(socket.into()), connecting)
}

/// Makes closing the socket a reset.
fn reset(socket: &impl std::os::fd::AsFd, calls: &mut SystemCalls) {
    calls.control += 1;
    // Fails only on what is no socket.
    let _ = SockRef::from(socket).set_linger(Some(Duration::ZERO));
}
