//! The ring, and all that is `unsafe` about it: what the kernel was told to do
//! with our memory and our sockets, it does later, and no borrow tells the
//! compiler of that.
//!
//! So the ring owns what the kernel works on. A [`Line`] holds a connection and
//! the buffers of its operations, and is dropped when the last of them has
//! completed, however early it was closed. The buffers that all lines receive
//! into belong to the [`Pool`]. Whoever uses the ring says a line's key, lends
//! bytes and is lent bytes, and cannot get it wrong.

mod line;
mod operation;
mod pool;
mod setup;

use std::{
    collections::VecDeque,
    io, mem,
    net::TcpStream,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
    ptr, slice,
    time::Duration,
};

use io_uring::{
    IoUring, cqueue, opcode,
    squeue::Entry,
    types::{CancelBuilder, Fd, SubmitArgs, Timespec},
};
use server::{
    Connection, Listener, READ_BYTES, Stop, SystemCalls,
    system::{Errno, PollFlags, SendFlags, SocketFlags},
};

pub use setup::{Ways, check};

use line::{Line, open};
use operation::{Operation, label, read_label};
use pool::Pool;
use setup::make;

/// Bytes received at once, as the kernel is told them.
#[expect(clippy::cast_possible_truncation, reason = "it is 16 KiB")]
const READ_LENGTH: u32 = READ_BYTES as u32;
/// Buffers kept for later sends; one more is freed.
const SPARES: usize = 64;
/// One that has grown beyond this is freed, too.
const SPARE_BYTES: usize = 16 << 10;

/// How long and how often a ring that is dropped waits for what is under way.
const DROP_STEP: Duration = Duration::from_millis(10);
const DROP_TRIES: usize = 100;

/// Accepted sockets are not inherited by other programs.
const CLOEXEC: i32 = SocketFlags::CLOEXEC.bits().cast_signed();
/// The peer's end is an error of the send, not a signal to the process.
const NOSIGNAL: i32 = SendFlags::NOSIGNAL.bits().cast_signed();

/// Names a line. It is not given anew before the line is closed and quiet.
pub type Key = usize;

/// What the kernel says is done.
#[derive(Debug)]
pub enum Completion {
    /// Somebody was accepted, or nobody can be.
    Accepted(io::Result<TcpStream>),
    /// The stop is requested.
    Stopping,
    /// So many bytes are lent by the ring; 0 is the end of the input. Receiving
    /// goes on if it is asked for again.
    Received(Key, io::Result<usize>),
    /// Receiving has ended, of itself or because it was to pause, and brought nothing.
    Paused(Key),
    /// So many bytes are sent; what is left is being sent.
    Sent(Key, io::Result<usize>),
    /// The socket takes bytes again, or is broken.
    Writable(Key),
}

/// Whose bytes the last completion brought.
#[derive(Clone, Copy, Debug)]
enum Lent {
    Nothing,
    /// A buffer of the pool, which goes back to the kernel.
    OfPool(u16, usize),
    OfLine(Key, usize),
}

/// An `io_uring`, the lines served through it, and their buffers.
pub struct Ring<'a> {
    /// First, so that it is dropped before what it works on.
    uring: IoUring,
    listener: &'a Listener,
    stop: &'a Stop,
    /// `None`: each line receives into its own buffer.
    pool: Option<Pool>,
    lines: Vec<Option<Line>>,
    free: Vec<Key>,
    lent: Lent,
    spares: Vec<Vec<u8>>,
    /// What did not fit among the submissions.
    backlog: VecDeque<Entry>,
    /// Operations whose last completion has not been taken.
    in_flight: usize,
    is_accepting: bool,
    /// What was asked of the system so far.
    pub calls: SystemCalls,
}

impl<'a> Ring<'a> {
    /// A ring for the thread that will begin with it, and which alone may use it then.
    ///
    /// # Errors
    ///
    /// Fails if the kernel has no `io_uring`, or does not allow it; says what to do.
    pub fn new(listener: &'a Listener, stop: &'a Stop, ways: Ways) -> io::Result<Self> {
        let uring = make(ways)?;
        let mut calls = SystemCalls::default();
        // A kernel that knows rings of a single issuer (6.0) knows how to receive
        // again and again, too; and to accept so (5.19), which cannot be asked.
        let pool = if uring.params().is_setup_single_issuer() {
            calls.control += 1;
            Pool::new(&uring).ok()
        } else {
            None
        };
        Ok(Self {
            uring,
            listener,
            stop,
            pool,
            lines: Vec::new(),
            free: Vec::new(),
            lent: Lent::Nothing,
            spares: Vec::new(),
            backlog: VecDeque::new(),
            in_flight: 0,
            is_accepting: false,
            calls,
        })
    }

    /// Makes the ring the calling thread's, and lets the stop end a wait.
    ///
    /// # Errors
    ///
    /// Fails if the kernel refuses.
    pub fn begin(&mut self) -> io::Result<()> {
        self.calls.control += 1;
        self.uring.submitter().register_enable_rings()?;
        let stop = Fd(self.stop.as_raw_fd());
        self.push(opcode::PollAdd::new(stop, poll(PollFlags::IN)).build(), Operation::Stop, 0);
        Ok(())
    }

    /// Accepts who comes, from now on or once: until it is asked again.
    pub fn accept(&mut self) {
        if mem::replace(&mut self.is_accepting, true) {
            return;
        }
        let listener = Fd(self.listener.as_raw_fd());
        let entry = if self.pool.is_some() {
            opcode::AcceptMulti::new(listener).flags(CLOEXEC).build()
        } else {
            let nobody_asks = (ptr::null_mut(), ptr::null_mut());
            opcode::Accept::new(listener, nobody_asks.0, nobody_asks.1).flags(CLOEXEC).build()
        };
        self.push(entry, Operation::Accept, 0);
    }

    /// Takes a connection in.
    pub(crate) fn adopt(&mut self, connection: Connection) -> Key {
        let line = Some(Line::new(connection));
        if let Some(key) = self.free.pop() {
            self.lines[key] = line;
            return key;
        }
        self.lines.push(line);
        self.lines.len() - 1
    }

    /// Whether no line is left, nor one that is closed and not yet quiet; during a stop,
    /// nor anybody who waits for one.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let may_come = self.is_accepting || !self.listener.is_done();
        self.lines.len() == self.free.len() && !(may_come && self.stop.is_requested())
    }

    /// Somebody who waited in the backlog as the listener was closed.
    pub(crate) fn next_late(&self) -> Option<Connection> {
        self.listener.next_late()
    }

    /// The connection of a line that is not closed, and where to count what is
    /// asked of the system about it.
    pub(crate) fn connection(&mut self, key: Key) -> (&Connection, &mut SystemCalls) {
        (&open(&mut self.lines, key).connection, &mut self.calls)
    }

    /// Receives from the line: until it is paused or its input ends, or once.
    pub(crate) fn receive(&mut self, key: Key) {
        let line = open(&mut self.lines, key);
        if mem::replace(&mut line.is_receiving, true) {
            return;
        }
        let socket = line.socket();
        let entry = if self.pool.is_some() {
            opcode::RecvMulti::new(socket, Pool::GROUP).build()
        } else {
            if matches!(self.lent, Lent::OfLine(of, _) if of == key) {
                self.lent = Lent::Nothing; // It is the kernel's again.
            }
            if line.input.is_empty() {
                line.input = vec![0; READ_BYTES];
            }
            opcode::Recv::new(socket, line.input.as_mut_ptr(), READ_LENGTH).build()
        };
        self.push(entry, Operation::Receive, key);
    }

    /// Whether it receives, or is still to be paused.
    pub(crate) fn is_receiving(&self, key: Key) -> bool {
        self.line(key).is_receiving
    }

    /// Receives no more than what has come. A receive that ends by itself is not told to.
    pub(crate) fn pause(&mut self, key: Key) {
        let line = open(&mut self.lines, key);
        let goes_on = self.pool.is_some() && line.is_receiving;
        if goes_on && !mem::replace(&mut line.is_pausing, true) {
            self.cancel(key, Operation::Receive);
        }
    }

    /// The bytes of the completion that was taken last.
    pub(crate) fn bytes(&self) -> &[u8] {
        match (self.lent, &self.pool) {
            (Lent::OfPool(buffer, length), Some(pool)) => {
                // SAFETY: the kernel has given the buffer to us with the last
                // completion, and gets it back only by `give_back`, which needs
                // the ring mutably, as long as nobody holds these bytes.
                unsafe { slice::from_raw_parts(pool.buffer(buffer), length) }
            }
            (Lent::OfLine(key, length), _) => {
                // Its receive has completed; another one would have ended the loan.
                self.lines[key].as_ref().map_or(&[], |line| &line.input[..length])
            }
            _ => &[],
        }
    }

    /// An empty buffer, to send.
    pub(crate) fn spare(&mut self) -> Vec<u8> {
        self.spares.pop().unwrap_or_default()
    }

    /// Sends `bytes`, all of them. The line must not be sending.
    pub(crate) fn send(&mut self, key: Key, bytes: Vec<u8>) {
        let line = open(&mut self.lines, key);
        assert!(!line.is_sending, "the kernel has a buffer of this line");
        line.sending = bytes;
        line.sent = 0;
        self.push_send(key);
    }

    fn push_send(&mut self, key: Key) {
        let line = open(&mut self.lines, key);
        line.is_sending = true;
        let rest = &line.sending[line.sent..];
        let length = u32::try_from(rest.len()).unwrap_or(u32::MAX);
        let send = opcode::Send::new(line.socket(), rest.as_ptr(), length);
        let entry = send.flags(NOSIGNAL).build();
        self.push(entry, Operation::Send, key);
    }

    /// Whether the line has bytes to send.
    pub(crate) fn is_sending(&self, key: Key) -> bool {
        self.line(key).is_sending
    }

    /// Bytes of the line that the socket has not taken.
    pub(crate) fn unsent(&self, key: Key) -> usize {
        let line = self.line(key);
        line.sending.len() - line.sent
    }

    /// Tells once when the socket is writable, or broken.
    pub(crate) fn watch_writable(&mut self, key: Key) {
        let line = open(&mut self.lines, key);
        if !mem::replace(&mut line.is_watched, true) {
            let entry = opcode::PollAdd::new(line.socket(), poll(PollFlags::OUT)).build();
            self.push(entry, Operation::Watch, key);
        }
    }

    /// Closes the line as soon as the kernel has done with it. Nothing is heard of it.
    pub(crate) fn close(&mut self, key: Key) {
        let line = open(&mut self.lines, key);
        line.is_closed = true;
        let under_way = [
            (line.is_receiving && !line.is_pausing, Operation::Receive),
            (line.is_sending, Operation::Send),
            (line.is_watched, Operation::Watch),
        ];
        for (_, operation) in under_way.into_iter().filter(|(is, _)| *is) {
            self.cancel(key, operation);
        }
        self.settle(key);
    }

    fn cancel(&mut self, key: Key, operation: Operation) {
        if let Some(line) = &mut self.lines[key] {
            line.cancels += 1;
        }
        let target = CancelBuilder::user_data(label(operation, key));
        self.push(opcode::AsyncCancel2::new(target).build(), Operation::Cancel, key);
    }

    /// Drops a line that is closed and quiet.
    // ANCHOR: settle
    fn settle(&mut self, key: Key) {
        if let Some(line) = &self.lines[key]
            && line.is_closed
            && line.is_quiet()
        {
            if matches!(self.lent, Lent::OfLine(of, _) if of == key) {
                self.lent = Lent::Nothing;
            }
            self.lines[key] = None;
            self.free.push(key);
            self.calls.close += 1;
        }
    }
    // ANCHOR_END: settle

    /// Lets the kernel begin what it was told, without waiting.
    ///
    /// # Errors
    ///
    /// As [`Ring::wait`].
    pub(crate) fn submit(&mut self) -> io::Result<()> {
        self.refill();
        if self.uring.submission().is_empty() { Ok(()) } else { self.enter(IoUring::submit) }
    }

    /// Submits, and waits for a completion, at most for `at_most`: the one place
    /// where a worker sleeps.
    ///
    /// # Errors
    ///
    /// Fails if the ring is broken.
    pub fn wait(&mut self, at_most: Option<Duration>) -> io::Result<()> {
        self.refill();
        if !self.backlog.is_empty() {
            return self.enter(IoUring::submit); // There is more to tell before it may sleep.
        }
        let Some(at_most) = at_most else {
            return self.enter(|uring| uring.submit_and_wait(1));
        };
        let at_most = Timespec::from(at_most);
        let args = SubmitArgs::new().timespec(&at_most);
        self.enter(|uring| uring.submitter().submit_with_args(1, &args))
    }

    fn enter(&mut self, call: impl FnOnce(&IoUring) -> io::Result<usize>) -> io::Result<()> {
        self.calls.wait += 1;
        match call(&self.uring) {
            // Interrupted, out of time, short of memory, or with more completions
            // than fit: these come first, then it is tried again.
            Err(error) if is_for_now(&error) => Ok(()),
            result => result.map(drop),
        }
    }

    fn refill(&mut self) {
        while let Some(entry) = self.backlog.pop_front() {
            if !self.try_push(&entry) {
                self.backlog.push_front(entry);
                return;
            }
        }
    }

    fn push(&mut self, entry: Entry, operation: Operation, key: Key) {
        self.in_flight += 1;
        let entry = entry.user_data(label(operation, key));
        if !self.backlog.is_empty() || !self.try_push(&entry) {
            self.backlog.push_back(entry);
        }
    }

    // ANCHOR: try_push
    fn try_push(&mut self, entry: &Entry) -> bool {
        // SAFETY: an entry points to nothing, or to a buffer of its line. It
        // stays where it is, unchanged and unread, until the completion is
        // taken: no other operation of its kind begins while `is_sending` or
        // `is_receiving`; `settle` drops no line before; `drop` frees nothing
        // before. The descriptor is the line's, which lives as long, or the
        // listener's or the stop's, which outlive the ring.
        unsafe { self.uring.submission().push(entry) }.is_ok()
    }
    // ANCHOR_END: try_push

    /// The next thing that is done, if there is one.
    pub fn next_completion(&mut self) -> Option<Completion> {
        self.give_back();
        loop {
            let entry = self.uring.completion().next()?;
            if let Some(completion) = self.take(&entry) {
                return Some(completion);
            }
            self.give_back();
        }
    }

    /// Gives the kernel back the buffer whose bytes were lent.
    fn give_back(&mut self) {
        if let Lent::OfPool(buffer, _) = mem::replace(&mut self.lent, Lent::Nothing)
            && let Some(pool) = &mut self.pool
        {
            pool.provide(buffer);
        }
    }

    fn take(&mut self, entry: &cqueue::Entry) -> Option<Completion> {
        let (operation, key) = read_label(entry.user_data())?;
        let goes_on = cqueue::more(entry.flags());
        self.in_flight -= usize::from(!goes_on);
        let result = usize::try_from(entry.result())
            .map_err(|_| io::Error::from_raw_os_error(-entry.result()));
        match operation {
            Operation::Accept => {
                self.is_accepting = goes_on;
                Some(Completion::Accepted(result.map(|_| adopt(entry))))
            }
            Operation::Stop => Some(Completion::Stopping),
            Operation::Receive => self.received(key, result, entry.flags()),
            Operation::Send => self.sent(key, result),
            Operation::Watch => {
                self.lines[key].as_mut()?.is_watched = false;
                self.tell(key, Completion::Writable(key))
            }
            Operation::Cancel => {
                self.lines.get_mut(key)?.as_mut()?.cancels -= 1;
                self.settle(key);
                None
            }
        }
    }

    /// The completion, if anybody still wants it.
    fn tell(&mut self, key: Key, completion: Completion) -> Option<Completion> {
        if self.lines[key].as_ref()?.is_closed {
            self.settle(key);
            return None;
        }
        Some(completion)
    }

    fn received(&mut self, key: Key, result: io::Result<usize>, flags: u32) -> Option<Completion> {
        let length = *result.as_ref().unwrap_or(&0);
        self.lent = match (cqueue::buffer_select(flags), &self.pool) {
            (Some(buffer), Some(_)) => {
                assert!(Pool::holds(buffer, length), "the kernel names a buffer that is not there");
                Lent::OfPool(buffer, length)
            }
            _ => Lent::OfLine(key, length),
        };
        let line = self.lines[key].as_mut()?;
        if !cqueue::more(flags) {
            line.is_receiving = false;
            line.is_pausing = false;
        }
        let errno = result.as_ref().err().and_then(Errno::from_io_error);
        let completion = match errno {
            // Without a free buffer it ends, and can begin again: those that
            // were full are given back before the next call.
            Some(Errno::NOBUFS | Errno::CANCELED) => Completion::Paused(key),
            _ => Completion::Received(key, result),
        };
        self.tell(key, completion)
    }

    fn sent(&mut self, key: Key, result: io::Result<usize>) -> Option<Completion> {
        let line = self.lines[key].as_mut()?;
        line.is_sending = false;
        if let Ok(count) = result {
            line.sent += count;
            if line.sent < line.sending.len() {
                if !line.is_closed {
                    self.push_send(key);
                }
                return self.tell(key, Completion::Sent(key, Ok(count)));
            }
        }
        let mut buffer = mem::take(&mut line.sending);
        line.sent = 0;
        buffer.clear();
        if self.spares.len() < SPARES && buffer.capacity() <= SPARE_BYTES {
            self.spares.push(buffer);
        }
        self.tell(key, Completion::Sent(key, result))
    }

    fn line(&self, key: Key) -> &Line {
        self.lines[key].as_ref().expect("the line is open")
    }
}

impl Drop for Ring<'_> {
    /// Takes back what the kernel has. What it will not give back in time is
    /// left to it for ever.
    fn drop(&mut self) {
        for line in self.lines.iter_mut().flatten() {
            line.is_closed = true;
        }
        for _ in 0..DROP_TRIES {
            while self.next_completion().is_some() {}
            if self.in_flight == 0 {
                return;
            }
            let everything = CancelBuilder::any();
            self.push(opcode::AsyncCancel2::new(everything).build(), Operation::Cancel, Key::MAX);
            if self.wait(Some(DROP_STEP)).is_err() {
                break;
            }
        }
        mem::forget(mem::take(&mut self.lines));
        mem::forget(self.pool.take());
    }
}

/// The connection that an accept has brought.
fn adopt(accepted: &cqueue::Entry) -> TcpStream {
    // SAFETY: the kernel has made this descriptor for us alone, and says so
    // once: `take` is the only caller, with a completion just taken.
    unsafe { OwnedFd::from_raw_fd(accepted.result()) }.into()
}

/// As the kernel wants to be told what to wait for.
fn poll(flags: PollFlags) -> u32 {
    flags.bits().into()
}

/// Whether it is worth trying again.
fn is_for_now(error: &io::Error) -> bool {
    let errno = Errno::from_io_error(error);
    matches!(errno, Some(Errno::INTR | Errno::TIME | Errno::AGAIN | Errno::BUSY))
}

#[cfg(test)]
mod tests;
