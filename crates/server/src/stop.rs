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
    blocked: Mutex<Slab<Arc<TcpStream>>>,
}

impl Stop {
    /// A stop that nobody has asked for, which will give connections `drain` to finish.
    ///
    /// # Errors
    ///
    /// Fails if there is no descriptor left for the signal.
    pub fn new(drain: Duration) -> io::Result<Self> {
        let signal = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self { signal, drain, deadline: OnceLock::new(), blocked: Mutex::default() })
    }

    /// Asks every thread to stop accepting and to finish what it has.
    pub fn request(&self) {
        self.deadline.get_or_init(|| Instant::now() + self.drain);
        // An eventfd refuses only when its counter is full: then it is readable already.
        let _ = rustix::io::write(&self.signal, &1_u64.to_ne_bytes());
        self.shut_down(Shutdown::Read);
    }

    /// Cuts the connections that threads are still blocked on.
    pub(crate) fn cut(&self) {
        self.shut_down(Shutdown::Both);
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
        let key = self.lock().insert(Arc::clone(stream));
        // Looked at after the insertion: either `request` finds the stream, or
        // it came before and is seen here.
        if self.is_requested() {
            let _ = stream.shutdown(Shutdown::Read);
        }
        Watch { stop: self, key }
    }

    fn shut_down(&self, half: Shutdown) {
        for (_, stream) in self.lock().iter() {
            // Fails only on a connection that is gone: nobody blocks on that.
            let _ = stream.shutdown(half);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Slab<Arc<TcpStream>>> {
        self.blocked.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
pub(crate) struct Watch<'a> {
    stop: &'a Stop,
    key: usize,
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.stop.lock().remove(self.key);
    }
}
