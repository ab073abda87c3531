//! The requests of one connection and their answers: how far each has come.
//!
//! ```text
//!            ┌──────────────── owed ────────────────┐
//!  answered  │ written whole        │ not yet so    │  not begun
//! ───────────┼──────────────────────┼───────────────┼─────────────▶ sequence
//!            ▲ answers in order     ▲ `written` bytes
//!              come for the first,    of the first
//!              those by id for any
//! ```
//!
//! What a request is follows from the numbers of its connection and its own, so
//! of each that is owed only its instants are kept.

use std::{
    collections::VecDeque,
    io::{self, ErrorKind, IoSlice, Write},
    mem,
};

use crate::{
    decoder::Decoder,
    fault::{Cause, Fault},
    pattern::{Pattern, shown},
    rpc::{Call, Reply, id_at_the_end},
    script::{Answer, Script, same},
};

/// An HTTP answer of more bytes, interim answers included, is a runaway server's. It is
/// not kept, but would never end.
const LONGEST_ANSWER: usize = 256 * 1024 * 1024;

/// No line is bounded more narrowly.
const LINE_SURELY_FITS: usize = 64 << 10;

/// One request whose answer is owed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exchange {
    /// When the request was due, and when it was begun to be written.
    pub(crate) intended: u64,
    pub(crate) sent: u64,
    /// Which request of its connection it is, and of which kind.
    sequence: u32,
    template: u32,
}

impl Exchange {
    #[inline]
    pub(crate) fn template(&self) -> usize {
        self.template as usize
    }
}

/// The exchanges that a connection is in, as many as it may owe answers for.
#[derive(Debug)]
pub(crate) struct Exchanges {
    /// The connection's number.
    number: u32,
    /// Requests begun on this connection.
    sequence: u32,
    /// In the order in which they were begun.
    owed: VecDeque<Exchange>,
    /// How many of the last of them the kernel has not taken whole, and how many
    /// bytes it has of the first of those.
    unwritten: usize,
    written: usize,
    /// Bytes seen of the answer to the first; of an HTTP answer, of its body.
    received: usize,
    raw: usize,
    decoder: Decoder,
    /// The beginning of a line whose end has not arrived.
    cut: Vec<u8>,
}

impl Exchanges {
    pub(crate) fn new(number: u32) -> Self {
        Self {
            number,
            sequence: 0,
            owed: VecDeque::new(),
            unwritten: 0,
            written: 0,
            received: 0,
            raw: 0,
            decoder: Decoder::default(),
            cut: Vec::new(),
        }
    }

    /// Answers that are owed.
    #[inline]
    pub(crate) fn owed(&self) -> usize {
        self.owed.len()
    }

    /// When the requests were due whose answers are owed.
    pub(crate) fn owed_since(&self) -> impl Iterator<Item = u64> {
        self.owed.iter().map(|exchange| exchange.intended)
    }

    /// Gives up what is owed, and says how many answers that was.
    pub(crate) fn abandon(&mut self) -> usize {
        (self.unwritten, self.written) = (0, 0);
        mem::take(&mut self.owed).len()
    }

    #[inline]
    pub(crate) fn begin(&mut self, script: &Script, intended: u64, now: u64) {
        let (sequence, template) = (self.sequence, script.pick(self.number, self.sequence));
        self.sequence = sequence.wrapping_add(1);
        self.owed.push_back(Exchange { intended, sent: now, sequence, template });
        self.unwritten += 1;
    }

    /// Whether a part of a request still waits for room in the socket.
    #[inline]
    pub(crate) fn is_unwritten(&self) -> bool {
        self.unwritten > 0
    }

    /// Writes what the socket takes and says how much that was. Called again
    /// when the socket has room: until then answers are read, or a request
    /// larger than all buffers would never end.
    ///
    /// Several small requests go out in one piece, by way of `scratch`.
    #[inline]
    pub(crate) fn write(
        &mut self,
        to: &mut impl Write,
        script: &Script,
        scratch: &mut [u8],
    ) -> io::Result<usize> {
        let mut total = 0;
        while self.unwritten > 0 {
            let taken = if self.unwritten == 1 || self.left(script) >= scratch.len() {
                self.write_first(to, script)
            } else {
                let gathered = self.gather(script, scratch);
                to.write(&scratch[..gathered])
            };
            match taken {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(taken) => {
                    total += taken;
                    self.advance(taken, script);
                }
                Err(why) if why.kind() == ErrorKind::WouldBlock => break,
                Err(why) if why.kind() == ErrorKind::Interrupted => {}
                Err(why) => return Err(why),
            }
        }
        Ok(total)
    }

    /// The first request that is not written whole.
    #[inline]
    fn writing(&self) -> &Exchange {
        &self.owed[self.owed.len() - self.unwritten]
    }

    /// How much of it is left.
    fn left(&self, script: &Script) -> usize {
        let writing = self.writing();
        script.bytes(writing.template(), self.number, writing.sequence) - self.written
    }

    /// Writes from where its bytes are.
    #[inline]
    fn write_first(&self, to: &mut impl Write, script: &Script) -> io::Result<usize> {
        let writing = self.writing();
        script.with_request(writing.template(), self.number, writing.sequence, |head, rest| {
            let in_rest = self.written.saturating_sub(head.len());
            let head = head.get(self.written..).unwrap_or_default();
            if head.is_empty() {
                to.write(&rest[in_rest..])
            } else if rest.is_empty() {
                to.write(head)
            } else {
                to.write_vectored(&[IoSlice::new(head), IoSlice::new(rest)])
            }
        })
    }

    /// Copies what is unwritten, as far as it goes into `scratch`, and says how much that is.
    fn gather(&self, script: &Script, scratch: &mut [u8]) -> usize {
        let (mut filled, mut skip) = (0, self.written);
        for exchange in self.owed.range(self.owed.len() - self.unwritten..) {
            script.with_request(
                exchange.template(),
                self.number,
                exchange.sequence,
                |head, rest| {
                    for part in [head, rest] {
                        let skipped = skip.min(part.len());
                        skip -= skipped;
                        let copied = (part.len() - skipped).min(scratch.len() - filled);
                        scratch[filled..][..copied].copy_from_slice(&part[skipped..][..copied]);
                        filled += copied;
                    }
                },
            );
            if filled == scratch.len() {
                break;
            }
        }
        filled
    }

    /// Notes that the kernel took so many bytes.
    #[inline]
    fn advance(&mut self, mut taken: usize, script: &Script) {
        while taken > 0 {
            let left = self.left(script);
            if taken < left {
                self.written += taken;
                return;
            }
            taken -= left;
            self.written = 0;
            self.unwritten -= 1;
        }
    }

    /// Verifies what arrived, up to the end of one answer: says how much that was,
    /// and which exchange is complete with it.
    #[inline]
    pub(crate) fn take(
        &mut self,
        data: &[u8],
        script: &mut Script,
    ) -> Result<(usize, Option<Exchange>), Fault> {
        let Some(&first) = self.owed.front() else {
            let text = format!("{} bytes came that were not asked for", data.len());
            return Err(Fault::new(Cause::Protocol, text));
        };
        let (template, pattern) = script.verify(first.template());
        let phase = Pattern::phase(self.number, first.sequence);
        let sent = pattern.window(phase, template.body_bytes);
        let (used, complete) = match &mut template.answer {
            Answer::Echo => {
                let left = &sent[self.received..];
                let piece = &data[..data.len().min(left.len())];
                same(left, self.received, piece).map_err(|fault| {
                    // Random bytes would tell a reader nothing.
                    let is_http = data.starts_with(b"HTTP/");
                    if is_http { fault.and(&came_as(data)) } else { fault }
                })?;
                self.received += piece.len();
                (piece.len(), piece.len() == left.len())
            }
            Answer::Exact(expected) => {
                let left = &expected[self.received..];
                let piece = &data[..data.len().min(left.len())];
                same(left, self.received, piece).map_err(|fault| fault.and(&came_as(data)))?;
                self.received += piece.len();
                (piece.len(), piece.len() == left.len())
            }
            Answer::Http { status, body } => {
                self.raw += data.len();
                if self.raw > LONGEST_ANSWER {
                    return Err(too_long(LONGEST_ANSWER));
                }
                let received = &mut self.received;
                let beyond = self.decoder.feed(data, *status, &mut |piece| {
                    body.check(sent, *received, piece)?;
                    *received += piece.len();
                    Ok(())
                })?;
                if beyond.is_some() {
                    body.end(sent, *received)?;
                }
                (data.len() - beyond.unwrap_or(0), beyond.is_some())
            }
            Answer::Rpc(_) => return self.take_line(data, script),
        };
        if !complete {
            return Ok((used, None));
        }
        (self.received, self.raw) = (0, 0);
        Ok((used, Some(self.end(0)?)))
    }

    /// The exchange at `place` is complete.
    #[inline]
    fn end(&mut self, place: usize) -> Result<Exchange, Fault> {
        if place + self.unwritten >= self.owed.len() {
            let text = "the answer ended before the request was sent";
            return Err(Fault::new(Cause::Protocol, text));
        }
        // In order it is always the first, which is quicker taken off the front.
        let exchange = if place == 0 { self.owed.pop_front() } else { self.owed.remove(place) };
        Ok(exchange.expect("place is of an exchange that is owed"))
    }

    /// The same for answers that are a line each, in any order.
    fn take_line(
        &mut self,
        data: &[u8],
        script: &mut Script,
    ) -> Result<(usize, Option<Exchange>), Fault> {
        let Some(end) = data.iter().position(|&byte| byte == b'\n') else {
            let longest = script.longest_line();
            if self.cut.len() + data.len() > longest {
                return Err(too_long(longest));
            }
            self.cut.extend_from_slice(data);
            return Ok((data.len(), None));
        };
        let mut cut = mem::take(&mut self.cut);
        let line = if cut.is_empty() {
            &data[..end]
        } else {
            cut.extend_from_slice(&data[..end]);
            &cut
        };
        // Most lines are far from it, and need not be measured.
        if line.len() > LINE_SURELY_FITS && line.len() > script.longest_line() {
            return Err(too_long(script.longest_line()));
        }
        let place = self.place_of_line(line, script)?;
        cut.clear();
        self.cut = cut; // Its room is kept.
        Ok((end + 1, Some(self.end(place)?)))
    }

    /// The place of the exchange that a line answers as it must be answered.
    fn place_of_line(&self, line: &[u8], script: &mut Script) -> Result<usize, Fault> {
        let split = id_at_the_end(line);
        if let Some((id, before)) = split
            && let Some(place) = self.place(id)
            && script.call(self.owed[place].template()).is_as_before(before)
        {
            return Ok(place);
        }
        let reply = Reply::parse(line)?;
        let id = reply.id()?;
        let place = self.place(id).ok_or_else(|| self.stray(id))?;
        let call: &mut Call = script.call(self.owed[place].template());
        call.check(reply).map_err(|fault| fault.and(&came_as(line)))?;
        if let Some((_, before)) = split {
            call.learn(before);
        }
        Ok(place)
    }

    /// Where the exchange with this id is, if it is owed.
    #[inline]
    fn place(&self, id: u64) -> Option<usize> {
        let first = self.owed.front()?.sequence;
        // From the first on, which stays in order when the numbers begin again.
        let ahead = self.sequence_of(id)?.wrapping_sub(first);
        self.owed.binary_search_by_key(&ahead, |one| one.sequence.wrapping_sub(first)).ok()
    }

    fn sequence_of(&self, id: u64) -> Option<u32> {
        u32::try_from(id.checked_sub(Call::id(self.number, 0))?).ok()
    }

    /// Why an id is not owed.
    fn stray(&self, id: u64) -> Fault {
        let was_asked = self.sequence_of(id).is_some_and(|sequence| sequence < self.sequence);
        let text = if was_asked {
            format!("id {id} was answered twice")
        } else {
            format!("id {id} was never asked for on this connection")
        };
        Fault::new(Cause::Protocol, text)
    }
}

fn too_long(longest: usize) -> Fault {
    let text = format!("the answer has more than {longest} bytes, and no right one has");
    Fault::new(Cause::Protocol, text)
}

fn came_as(data: &[u8]) -> String {
    format!("; it came as {}", shown(data))
}

#[cfg(test)]
mod tests;
