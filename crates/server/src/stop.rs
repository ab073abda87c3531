//! The request to stop: asked once, seen by every thread, however it waits.
//!
//! A loop or an acceptor waits for descriptors, so it gets one more: an
//! `eventfd` that becomes readable and stays so. A thread blocked in `read`
//! waits for its socket alone, so the socket's receiving half is shut down:
//! what has arrived is still read and answered, then `read` returns 0. A loop
//! does the same to its connections itself, and so stopping means the same in
//! every model: what the peer had sent is answered.

use std::{
    io,
    net::{Shutdown, TcpStream},
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use rustix::event::{EventfdFlags, eventfd};
use slab::Slab;

/// The request to stop.
#[derive(Debug)]
pub struct Stop {
    signal: OwnedFd,
    drain: Duration,
    deadline: OnceLock<Instant>,
    /// Why it was asked for, if by the server itself.
    failure: OnceLock<String>,
    blocked: Mutex<Slab<Blocked>>,
}

/// A stream that a thread blocks on.
#[derive(Debug)]
struct Blocked {
    stream: Arc<TcpStream>,
    /// Nothing is said to it before the drain is over.
    drains: bool,
}

impl Stop {
    /// A stop that nobody has asked for, which will give connections `drain` to finish.
    ///
    /// # Errors
    ///
    /// Fails if there is no descriptor left for the signal.
    pub fn new(drain: Duration) -> io::Result<Self> {
        let signal = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let (deadline, failure) = (OnceLock::new(), OnceLock::new());
        Ok(Self { signal, drain, deadline, failure, blocked: Mutex::default() })
    }

    /// The drain begins now: the stop counts as requested, and [`Stop::request`] is to
    /// follow. In between, listeners are closed.
    pub(crate) fn begin(&self) {
        self.deadline.get_or_init(|| Instant::now() + self.drain);
    }

    /// Asks every thread to stop accepting and to finish what it has.
    pub fn request(&self) {
        self.begin();
        // An eventfd refuses only when its counter is full: then it is readable already.
        let _ = rustix::io::write(&self.signal, &1_u64.to_ne_bytes());
        for (_, blocked) in self.lock().iter().filter(|(_, blocked)| !blocked.drains) {
            shut_down(&blocked.stream, Shutdown::Read);
        }
    }

    /// As [`Stop::request`], by a part of the server that cannot go on, and without
    /// which the others should not.
    pub(crate) fn fail(&self, why: String) {
        self.failure.get_or_init(|| why); // What fails next may do so for that.
        self.request();
    }

    /// Why the server has stopped by itself; `None` if it has not.
    #[must_use]
    pub fn failure(&self) -> Option<&str> {
        self.failure.get().map(String::as_str)
    }

    /// Cuts the connections that threads are still blocked on.
    pub(crate) fn cut(&self) {
        for (_, Blocked { stream, drains }) in self.lock().iter() {
            // Who is left to drain ends it himself, once he is awake.
            shut_down(stream, if *drains { Shutdown::Read } else { Shutdown::Both });
        }
    }

    /// Whether the stop was asked for.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.deadline.get().is_some()
    }

    /// Whether the drain is over: connections that are still busy are cut.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.deadline.get().is_some_and(|&deadline| deadline <= Instant::now())
    }

    /// When the drain is over; `None` as long as the stop was not asked for.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline.get().copied()
    }

    /// Wakes the thread that blocks on `stream` when the stop is asked for;
    /// until the guard is dropped.
    pub(crate) fn watch(&self, stream: &Arc<TcpStream>) -> Watch<'_> {
        let key = self.lock().insert(Blocked { stream: Arc::clone(stream), drains: false });
        // Looked at after the insertion: either `request` finds the stream, or
        // it came before and is seen here.
        if self.is_requested() {
            shut_down(stream, Shutdown::Read);
        }
        Watch { stop: self, key }
    }

    /// Wakes the thread that reads from `stream` when the drain is over, and not
    /// before: what it passes on is not its own, and is not at its end when the
    /// stop is asked for. [`Stop::is_over`] tells it why it was woken.
    pub fn watch_drain(&self, stream: &Arc<TcpStream>) -> Watch<'_> {
        let key = self.lock().insert(Blocked { stream: Arc::clone(stream), drains: true });
        if self.is_over() {
            shut_down(stream, Shutdown::Read);
        }
        Watch { stop: self, key }
    }

    fn lock(&self) -> MutexGuard<'_, Slab<Blocked>> {
        self.blocked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn shut_down(stream: &TcpStream, half: Shutdown) {
    // Fails only on a connection that is gone: nobody blocks on that.
    let _ = stream.shutdown(half);
}

impl AsFd for Stop {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.signal.as_fd()
    }
}

impl AsRawFd for Stop {
    fn as_raw_fd(&self) -> RawFd {
        self.signal.as_raw_fd()
    }
}

/// Keeps a blocked thread's stream known to [`Stop`].
#[derive(Debug)]
#[must_use = "the stream is known until this is dropped"]
pub struct Watch<'a> {
    stop: &'a Stop,
    key: usize,
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.stop.lock().remove(self.key);
    }
}
