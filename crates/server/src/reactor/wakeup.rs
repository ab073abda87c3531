//! Waking a loop from another thread.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use mio::Registry;

use super::{Reactor, WAKEUP};

/// Wakes a loop that sleeps; see [`Reactor::waker`].
#[derive(Debug)]
pub struct Waker {
    waker: mio::Waker,
    /// Shared by those who wake: beside the system call it costs nothing.
    wakes: AtomicU64,
}

impl Reactor<'_> {
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
        let waker = Arc::new(Waker::new(self.poll.registry())?);
        Ok(Arc::clone(self.waker.insert(waker)))
    }
}

impl Waker {
    /// Of a loop with this registry, whose events it causes have the token [`WAKEUP`].
    /// The loop has to keep it: closing it would take back a wakeup that is not yet seen.
    ///
    /// # Errors
    ///
    /// Fails if there is no descriptor left.
    pub fn new(registry: &Registry) -> io::Result<Self> {
        Ok(Self { waker: mio::Waker::new(registry, WAKEUP)?, wakes: AtomicU64::new(0) })
    }

    /// Wakes the loop, or keeps it from falling asleep.
    ///
    /// # Errors
    ///
    /// Fails if the kernel does.
    pub fn wake(&self) -> io::Result<()> {
        self.wakes.fetch_add(1, Relaxed);
        self.waker.wake()
    }

    /// How often it was asked to.
    #[must_use]
    pub fn wakes(&self) -> u64 {
        self.wakes.load(Relaxed)
    }
}
