//! Waking a loop from another thread.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

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
        let waker = mio::Waker::new(self.poll.registry(), WAKEUP)?;
        let waker = Waker { waker, wakes: AtomicU64::new(0) };
        Ok(Arc::clone(self.waker.insert(Arc::new(waker))))
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

    /// How often it was asked to.
    pub(super) fn wakes(&self) -> u64 {
        self.wakes.load(Relaxed)
    }
}
