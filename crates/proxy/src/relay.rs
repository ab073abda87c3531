//! One pair of sockets: what comes from either is passed on to the other. It
//! never waits, and knows no loop: it is told what the sockets are ready for,
//! and does what it can.

use std::io::{self, ErrorKind, Read, Write};

use server::{READ_BYTES, SystemCalls};

/// Steps (a read and a write) in one direction before others have their turn.
const TURN: usize = 16;

/// A socket, as a relay needs it: reading and writing never wait.
pub(crate) trait Line: Read + Write {
    /// Says to its peer that nothing more follows.
    fn finish(&mut self) -> io::Result<()>;
}

/// What all pairs of a loop share: a buffer, and the count of system calls.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) buffer: Box<[u8]>,
    pub(crate) calls: SystemCalls,
}

impl Default for Shared {
    fn default() -> Self {
        Self { buffer: vec![0; READ_BYTES].into(), calls: SystemCalls::default() }
    }
}

/// What a turn came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// It waits for the next event.
    Waiting,
    /// It could go on, but others have their turn first.
    Unfinished,
    /// Both sides have ended, and both ends are passed on.
    Done,
}

/// What an event tells of one socket.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "four facts, none of which implies another")]
pub(crate) struct Readiness {
    /// It may hold bytes, or its end.
    pub(crate) readable: bool,
    /// Its end has arrived, perhaps behind bytes.
    pub(crate) read_closed: bool,
    /// It may take bytes.
    pub(crate) writable: bool,
    /// The connection is gone: by a reset, as a rule.
    pub(crate) broken: bool,
}

/// Two sockets, and what is on its way between them.
#[derive(Debug)]
pub(crate) struct Relay<S> {
    pub(crate) client: S,
    pub(crate) upstream: S,
    /// From the client to the upstream server.
    pub(crate) up: Direction,
    /// From the upstream server to the client.
    pub(crate) down: Direction,
    broken: bool,
}

/// One way through the proxy: from its source to its sink.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each side is ready, or has ended, by itself")]
pub(crate) struct Direction {
    /// What was read and the sink did not take. Empty while all is well: an idle
    /// pair owns no buffer.
    kept: Vec<u8>,
    /// So much of it the sink has taken since.
    taken: usize,
    /// The source may hold bytes. Edges are told once, so this is remembered.
    readable: bool,
    /// The end of the source has arrived behind those bytes.
    read_closed: bool,
    /// The sink may have room.
    writable: bool,
    /// The end of the source was read.
    ended: bool,
    /// It was passed on to the sink.
    shut: bool,
    /// Bytes that the sink has taken.
    pub(crate) passed: u64,
}

impl<S: Line> Relay<S> {
    /// A pair of which nothing is known to be ready.
    pub(crate) fn new(client: S, upstream: S) -> Self {
        let (up, down) = (Direction::default(), Direction::default());
        Self { client, upstream, up, down, broken: false }
    }

    /// Remembers what an event tells of the client.
    pub(crate) fn notice_client(&mut self, ready: Readiness) {
        self.broken |= ready.broken;
        self.up.source_is(ready);
        self.down.sink_is(ready);
    }

    /// Remembers what an event tells of the upstream server.
    pub(crate) fn notice_upstream(&mut self, ready: Readiness) {
        self.broken |= ready.broken;
        self.down.source_is(ready);
        self.up.sink_is(ready);
    }

    /// Passes on what can be, in both directions.
    ///
    /// # Errors
    ///
    /// Fails if either connection is gone. What had come from it before, and can
    /// be passed on, is.
    // ANCHOR: advance
    pub(crate) fn advance(&mut self, shared: &mut Shared) -> io::Result<Turn> {
        let up = self.up.pass(&mut self.client, &mut self.upstream, shared);
        let down = self.down.pass(&mut self.upstream, &mut self.client, shared);
        // A write that fails takes the socket's error with it, and the next read
        // finds an end. So ends are passed on only if nothing has failed: else a
        // reset would reach the other side as the end of a whole answer.
        if up? == Turn::Unfinished || down? == Turn::Unfinished {
            return Ok(Turn::Unfinished);
        }
        if self.broken {
            return Err(ErrorKind::ConnectionReset.into());
        }
        let up_is_shut = self.up.shut(&mut self.upstream, shared)?;
        let down_is_shut = self.down.shut(&mut self.client, shared)?;
        Ok(if up_is_shut && down_is_shut { Turn::Done } else { Turn::Waiting })
    }
    // ANCHOR_END: advance
}

impl Direction {
    fn source_is(&mut self, ready: Readiness) {
        self.readable |= ready.readable || ready.read_closed || ready.broken;
        self.read_closed |= ready.read_closed;
    }

    fn sink_is(&mut self, ready: Readiness) {
        self.writable |= ready.writable;
    }

    /// Reads and writes in turns, until the source has no more or the sink takes
    /// no more. While the sink takes nothing, nothing is read: the source's
    /// buffer in the kernel fills, and its peer has to wait.
    // ANCHOR: pass
    fn pass(
        &mut self,
        source: &mut impl Read,
        sink: &mut impl Write,
        Shared { buffer, calls }: &mut Shared,
    ) -> io::Result<Turn> {
        for _ in 0..TURN {
            if !self.writable || (self.kept.is_empty() && !self.may_read()) {
                return Ok(Turn::Waiting);
            }
            if self.kept.is_empty() {
                let length = self.read(source, buffer, calls)?;
                let taken = self.write(sink, &buffer[..length], calls)?;
                self.kept.extend_from_slice(&buffer[taken..length]);
            } else {
                let kept = std::mem::take(&mut self.kept);
                self.taken += self.write(sink, &kept[self.taken..], calls)?;
                if self.taken < kept.len() {
                    self.kept = kept;
                } else {
                    self.taken = 0; // The memory goes, too.
                }
            }
        }
        Ok(Turn::Unfinished)
    }
    // ANCHOR_END: pass

    fn may_read(&self) -> bool {
        self.readable && !self.ended
    }

    fn read(
        &mut self,
        source: &mut impl Read,
        buffer: &mut [u8],
        calls: &mut SystemCalls,
    ) -> io::Result<usize> {
        calls.read += 1;
        match source.read(buffer) {
            Ok(length) => {
                self.ended = length == 0;
                // A read that does not fill the buffer has emptied the socket, and
                // what comes later is told; but no end that is there already.
                self.readable = length == buffer.len() || self.read_closed;
                Ok(length)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.readable = false;
                Ok(0)
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// Writes what the sink takes; returns how many bytes that was.
    fn write(
        &mut self,
        sink: &mut impl Write,
        bytes: &[u8],
        calls: &mut SystemCalls,
    ) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        calls.write += 1;
        match sink.write(bytes) {
            Ok(0) => Err(ErrorKind::WriteZero.into()),
            Ok(taken) => {
                self.passed += taken as u64;
                // Less than all means full: when there is room, an event tells.
                self.writable = taken == bytes.len();
                Ok(taken)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.writable = false;
                Ok(0)
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// Passes the end on, once all before it is; tells whether that is done.
    // ANCHOR: shut
    fn shut(&mut self, sink: &mut impl Line, shared: &mut Shared) -> io::Result<bool> {
        if self.ended && self.kept.is_empty() && !self.shut {
            shared.calls.control += 1;
            sink.finish()?;
            self.shut = true;
        }
        Ok(self.shut)
    }
    // ANCHOR_END: shut
}

#[cfg(test)]
mod tests;
