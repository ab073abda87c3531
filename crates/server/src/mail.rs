//! What other threads leave for a loop: in a queue, with a wakeup for the loop, which
//! may be asleep.

use std::{iter, sync::Arc};

use crossbeam_channel::{Receiver, Sender, TryRecvError, unbounded};

use crate::Waker;

/// Where others leave mail for a loop. The loop's [`Inbox`] is closed when this is
/// dropped.
#[derive(Debug)]
pub struct Mailbox<T> {
    /// Unbounded, since nobody must wait for one loop while others are free; what is in
    /// it is bounded by what comes in: connections, or jobs that may be out. First, so
    /// that it is closed before the loop is woken for that.
    mail: Sender<T>,
    bell: Bell,
}

/// Where a loop finds its mail.
#[derive(Debug)]
pub struct Inbox<T> {
    mail: Receiver<T>,
    is_open: bool,
}

/// Wakes the loop, a last time when it is dropped.
#[derive(Debug)]
struct Bell(Arc<Waker>);

/// Both ends of a queue whose reader sleeps in a loop, and is woken by `waker`.
#[must_use]
pub fn mailbox<T>(waker: Arc<Waker>) -> (Mailbox<T>, Inbox<T>) {
    let (sender, receiver) = unbounded();
    let mailbox = Mailbox { mail: sender, bell: Bell(waker) };
    (mailbox, Inbox { mail: receiver, is_open: true })
}

impl<T> Mailbox<T> {
    /// Leaves something for the loop. If that has ended, it is dropped: whoever had
    /// the loop run knows, and its connections are gone.
    // ANCHOR: send
    pub fn send(&self, mail: T) {
        if self.mail.send(mail).is_ok() {
            self.bell.ring();
        }
    }
    // ANCHOR_END: send
}

impl<T> Inbox<T> {
    /// What has come since it was last asked.
    pub fn take(&mut self) -> impl Iterator<Item = T> {
        iter::from_fn(|| match self.mail.try_recv() {
            Ok(mail) => Some(mail),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => {
                self.is_open = false;
                None
            }
        })
    }

    /// Whether more may come.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.is_open
    }
}

impl Bell {
    fn ring(&self) {
        // Fails only for a descriptor that is closed, and this one is ours.
        let _ = self.0.wake();
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        self.ring();
    }
}
