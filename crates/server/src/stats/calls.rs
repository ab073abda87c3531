//! System calls, counted by those who make them.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

/// System calls made for connections: counted round the socket layer, in plain
/// integers, by the thread that makes them.
///
/// Counted is every call on a listener, a connection, an epoll set or a waker,
/// whether it succeeds or not, but for those that create or close anything but
/// connections. Not counted is all else: threads, locks (`futex`), memory,
/// sleeping, clocks, signals, files, and what a stop request does to wake those
/// who block. `strace -f -c` agrees to within these.
///
/// What a ring is told to do is no system call of its own: where `io_uring`
/// accepts, receives and sends, `accept`, `read` and `write` stay near 0, and
/// each `io_uring_enter`, which submits all that and waits, is one `wait`.
/// Comparing single kinds with another model's then means little; the sum does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SystemCalls {
    /// `accept4`, those that found nobody included.
    pub accept: u64,
    /// Reads from connections (`recvfrom`), those that found nothing included.
    pub read: u64,
    /// Writes to connections (`sendto`), those that found no room included.
    pub write: u64,
    /// Waits for readiness (`epoll_wait`, `poll`), and for completions
    /// (`io_uring_enter`, even if it only submits). A thread that blocks in
    /// `read` waits there.
    pub wait: u64,
    /// Wakeups of another thread's loop (`write` to an `eventfd`).
    pub wake: u64,
    /// Changes to sockets, epoll sets and rings: `epoll_ctl`, `setsockopt`, `ioctl`,
    /// `shutdown`, `io_uring_register`.
    pub control: u64,
    /// Connections closed (`close`).
    pub close: u64,
}

impl AddAssign for SystemCalls {
    fn add_assign(&mut self, other: Self) {
        self.accept += other.accept;
        self.read += other.read;
        self.write += other.write;
        self.wait += other.wait;
        self.wake += other.wake;
        self.control += other.control;
        self.close += other.close;
    }
}
