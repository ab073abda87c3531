//! What an `eventfd` in an epoll set is to a loop: any number of wakeups since the last
//! wait are one event, and none that came before the wait is lost.

use std::io;

use loom::sync::{Condvar, Mutex};

#[derive(Debug)]
pub(crate) struct Waker {
    rung: Mutex<bool>,
    changed: Condvar,
}

impl Waker {
    pub(crate) fn new() -> Self {
        Self { rung: Mutex::new(false), changed: Condvar::new() }
    }

    /// Fallible as the real one.
    #[expect(clippy::unnecessary_wraps)]
    pub(crate) fn wake(&self) -> io::Result<()> {
        *self.rung.lock().unwrap() = true;
        self.changed.notify_one();
        Ok(())
    }

    /// As `epoll_wait` does, until somebody has rung.
    pub(crate) fn wait(&self) {
        let mut rung = self.rung.lock().unwrap();
        while !*rung {
            rung = self.changed.wait(rung).unwrap();
        }
        *rung = false;
    }
}
