//! The backlog at a stop: whom the kernel had taken in for us is served, and nobody else.
//!
//! To close a listening socket resets whoever waits in its backlog, with all that they
//! have sent already. So before it is closed, it is emptied: into a queue, whence those
//! who accept take the connections as if they came from the kernel. They cannot empty it
//! themselves: one that is busy with a connection would come too late for newcomers, who
//! are to learn at once that they are refused.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{
            AtomicBool,
            Ordering::{Acquire, Relaxed, Release},
        },
    },
    time::Duration,
};

use nix::libc::{BPF_ABS, BPF_B, BPF_JMP, BPF_JSET, BPF_K, BPF_LD, BPF_RET};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    net::{Shutdown, shutdown},
};
use socket2::{SockFilter, SockRef};

use crate::{
    Attempt, Connection, Context, Listener, Mode,
    accept::{BACKLOG, LOOK},
};

/// Where a TCP header has its flags, and the one that begins a handshake.
const FLAGS_AT: u32 = 13;
const SYN: u32 = 2;
/// How much of a segment passes the filter.
const NOTHING: u32 = 0;
const EVERYTHING: u32 = u32::MAX;

/// Who was taken out of a backlog, for those who accept.
#[derive(Debug, Default)]
pub(crate) struct Late {
    waiting: Mutex<VecDeque<Connection>>,
    /// Somebody may be there.
    has_begun: AtomicBool,
    /// Nobody is added any more, here or by the kernel.
    is_closed: AtomicBool,
    /// Nobody is to be served any more.
    is_over: AtomicBool,
}

impl Late {
    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.load(Acquire)
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Connection>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listener {
    /// Takes whoever is in the backlog out of it, for those who accept, and refuses
    /// everybody else from now on. Tells whether that is done: if not, for want of
    /// descriptors or of another process's time, it is to be tried again.
    ///
    /// To be called before the stop is requested: who is stopping then knows who is left.
    pub fn close(&self, context: &Context) -> bool {
        // First of all sockets: whom one refuses the kernel would deal to the next.
        self.all().for_each(Self::begin_to_close);
        self.all().filter(|listener| !listener.try_to_close(context)).count() == 0
    }

    /// Gives up whoever is left, at the end of the drain.
    pub(crate) fn give_up(&self) {
        for listener in self.all() {
            listener.late.is_over.store(true, Relaxed);
            listener.shut();
        }
    }

    /// Whether it is closed, which it is at the stop: nobody comes any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.late.is_closed()
    }

    /// Whether it is closed and nobody is left to be accepted.
    #[must_use]
    pub fn is_done(&self) -> bool {
        let Late { is_over, .. } = &self.late;
        self.late.is_closed() && (is_over.load(Relaxed) || self.late.waiting().is_empty())
    }

    /// When those who accept are to look again, during a stop.
    pub(crate) fn looks_again_in(&self) -> Duration {
        let somebody_waits = !self.late.waiting().is_empty();
        if somebody_waits || self.is_done() { Duration::ZERO } else { LOOK }
    }

    /// Somebody who was taken out of the backlog as it was closed.
    pub fn next_late(&self) -> Option<Connection> {
        let Late { has_begun, is_over, .. } = &self.late;
        if !has_begun.load(Relaxed) || is_over.load(Relaxed) {
            return None;
        }
        self.late.waiting().pop_front()
    }

    /// From now on no handshake begins, so that the backlog has an end. A newcomer that
    /// tries again, which takes it a second, is refused.
    fn begin_to_close(&self) {
        if self.inherited || self.late.is_closed() {
            return;
        }
        let filter = [
            SockFilter::new(code(BPF_LD | BPF_B | BPF_ABS), 0, 0, FLAGS_AT),
            SockFilter::new(code(BPF_JMP | BPF_JSET | BPF_K), 0, 1, SYN),
            SockFilter::new(code(BPF_RET | BPF_K), 0, 0, NOTHING),
            SockFilter::new(code(BPF_RET | BPF_K), 0, 0, EVERYTHING),
        ];
        // Without it, who comes between the last accept and the end is reset.
        let _ = SockRef::from(&self.socket).attach_filter(&filter);
    }

    fn try_to_close(&self, context: &Context) -> bool {
        if self.late.is_closed() {
            return true;
        }
        // Processes that were given it empty it themselves.
        let is_given = self.is_given.load(Relaxed);
        let is_empty = if is_given { !self.somebody_waits() } else { self.empty(context) };
        if !is_empty {
            return false;
        }
        self.shut();
        true
    }

    /// Accepts whoever waits; tells whether that was everybody.
    fn empty(&self, context: &Context) -> bool {
        self.late.has_begun.store(true, Relaxed);
        for _ in 0..=BACKLOG {
            match self.accept_from_kernel(Mode::Blocking, context) {
                Ok(Some(Attempt::Accepted(late))) => self.late.waiting().push_back(late),
                Ok(Some(Attempt::Refused) | None) => {}
                Ok(Some(Attempt::Exhausted)) => return false,
                // One that is broken has nobody either.
                Ok(Some(Attempt::Empty)) | Err(_) => return true,
            }
        }
        true
    }

    fn somebody_waits(&self) -> bool {
        let at_once = Timespec::default();
        let mut socket = [PollFd::new(&self.socket, PollFlags::IN)];
        poll(&mut socket, Some(&at_once)).is_ok_and(|ready| ready > 0)
    }

    fn shut(&self) {
        // In this order: the end wakes those who accept, and they look.
        self.late.is_closed.store(true, Release);
        if !self.inherited {
            // Else its owner does, or starts another process for it. Fails only if it is
            // done already.
            let _ = shutdown(&self.socket, Shutdown::Both);
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "operation codes are below 256")]
fn code(code: u32) -> u16 {
    code as u16
}
