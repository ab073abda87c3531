//! One request and its answer: how far each has come.

use std::io::{self, ErrorKind, IoSlice, Write};

use crate::{
    decoder::Decoder,
    fault::{Cause, Fault},
    pattern::{Pattern, shown},
    script::{Answer, Script, same},
};

/// An answer of more bytes, interim answers included, is a runaway server.
const LONGEST_ANSWER: usize = 256 * 1024 * 1024;

/// The exchange that a connection is in. At most one at a time: this generator
/// does not pipeline.
#[derive(Debug, Default)]
pub(crate) struct Exchange {
    /// An answer is owed.
    pub(crate) outstanding: bool,
    /// When the request was due, and when its first byte was written.
    pub(crate) intended: u64,
    pub(crate) sent: u64,
    pub(crate) template: usize,
    /// Requests begun on this connection.
    sequence: u32,
    phase: u32,
    /// Bytes of the request taken by the kernel.
    written: usize,
    /// Bytes of the answer seen; of an HTTP answer, of its body.
    received: usize,
    raw: usize,
    decoder: Decoder,
}

impl Exchange {
    #[inline]
    pub(crate) fn begin(&mut self, script: &Script, connection: u32, intended: u64, now: u64) {
        self.template = script.pick(connection, self.sequence);
        self.phase = Pattern::phase(connection, self.sequence);
        self.sequence = self.sequence.wrapping_add(1);
        self.outstanding = true;
        (self.intended, self.sent) = (intended, now);
        (self.written, self.received, self.raw) = (0, 0, 0);
    }

    /// Whether a part of the request still waits for room in the socket.
    #[inline]
    pub(crate) fn is_unwritten(&self, script: &Script) -> bool {
        self.outstanding && self.written < script.template(self.template).bytes()
    }

    /// Writes what the socket takes and says how much that was. Called again
    /// when the socket has room: until then answers are read, or a request
    /// larger than all buffers would never end.
    #[inline]
    pub(crate) fn write(&mut self, to: &mut impl Write, script: &Script) -> io::Result<usize> {
        let template = script.template(self.template);
        let body = script.pattern.window(self.phase, template.body_bytes);
        let before = self.written;
        while self.written < template.bytes() {
            let in_body = self.written.saturating_sub(template.head.len());
            let head = template.head.get(self.written..).unwrap_or_default();
            let taken = if head.is_empty() {
                to.write(&body[in_body..])
            } else if body.is_empty() {
                to.write(head)
            } else {
                to.write_vectored(&[IoSlice::new(head), IoSlice::new(body)])
            };
            match taken {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(taken) => self.written += taken,
                Err(why) if why.kind() == ErrorKind::WouldBlock => break,
                Err(why) if why.kind() == ErrorKind::Interrupted => {}
                Err(why) => return Err(why),
            }
        }
        Ok(self.written - before)
    }

    /// Begins to wait for the answer to the next request that `asking` has sent:
    /// where requests are pipelined, sending and reading go on apart.
    pub(crate) fn await_next(
        &mut self,
        asking: &Self,
        script: &Script,
        connection: u32,
    ) -> Result<(), Fault> {
        if self.sequence == asking.sequence {
            return Err(Fault::new(Cause::Protocol, "more was answered than asked"));
        }
        self.begin(script, connection, 0, 0);
        self.written = script.template(self.template).bytes(); // Which `asking` knows better.
        Ok(())
    }

    /// Verifies what arrived and says whether that completes the answer.
    #[inline]
    pub(crate) fn receive(&mut self, data: &[u8], script: &mut Script) -> Result<bool, Fault> {
        if !self.outstanding {
            let text = format!("{} bytes came that were not asked for", data.len());
            return Err(Fault::new(Cause::Protocol, text));
        }
        let used = self.take(data, script)?;
        if used < data.len() {
            let text = format!("{} bytes follow the answer", data.len() - used);
            return Err(Fault::new(Cause::Protocol, text));
        }
        Ok(!self.outstanding)
    }

    /// Verifies what arrived, up to the end of the answer, and says how much that was.
    #[inline]
    pub(crate) fn take(&mut self, data: &[u8], script: &mut Script) -> Result<usize, Fault> {
        let (template, pattern) = script.verify(self.template);
        let sent = pattern.window(self.phase, template.body_bytes);
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
                    let text = format!("the answer has more than {LONGEST_ANSWER} bytes");
                    return Err(Fault::new(Cause::Protocol, text));
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
        };
        if complete {
            if self.written < template.bytes() {
                let text = "the answer ended before the request was sent";
                return Err(Fault::new(Cause::Protocol, text));
            }
            self.outstanding = false;
        }
        Ok(used)
    }
}

fn came_as(data: &[u8]) -> String {
    format!("; it came as {}", shown(data))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Kind, Method, Plan, Request};

    /// Takes at most so many bytes a call, and none on every other one.
    struct Narrow {
        taken: Vec<u8>,
        room: usize,
        full: bool,
    }

    impl Write for Narrow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.full = !self.full;
            if self.full {
                return Err(ErrorKind::WouldBlock.into());
            }
            let taken = bytes.len().min(self.room);
            self.taken.extend_from_slice(&bytes[..taken]);
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn script(kind: Kind) -> Script {
        let mut plan = Plan::new("127.0.0.1:5555".parse().unwrap());
        plan.requests = vec![Request::new(kind)];
        Script::new(&plan)
    }

    fn post() -> Script {
        script(Kind::Http {
            method: Method::Post,
            path: "/echo".into(),
            body_bytes: 40,
            expect_status: 200,
            expect_body: None,
        })
    }

    fn write_all(exchange: &mut Exchange, script: &Script, room: usize) -> Vec<u8> {
        let mut to = Narrow { taken: Vec::new(), room, full: false };
        while exchange.is_unwritten(script) {
            exchange.write(&mut to, script).unwrap();
        }
        to.taken
    }

    #[test]
    fn a_request_is_the_same_however_it_is_cut() {
        let script = post();
        let written = |room| {
            let mut exchange = Exchange::default();
            exchange.begin(&script, 5, 0, 0);
            write_all(&mut exchange, &script, room)
        };
        let whole = written(1000);
        assert!(whole.starts_with(b"POST /echo HTTP/1.1\r\n"));
        for room in 1..whole.len() {
            assert_eq!(written(room), whole);
        }
    }

    #[test]
    fn an_echo_in_pieces_is_verified() {
        let mut script = script(Kind::Echo { bytes: 100 });
        let mut exchange = Exchange::default();
        exchange.begin(&script, 0, 0, 0);
        let mut payload = write_all(&mut exchange, &script, 100);
        assert!(!exchange.receive(&payload[..60], &mut script).unwrap());
        payload[70] ^= 1;
        let fault = exchange.receive(&payload[60..], &mut script).unwrap_err();
        assert_eq!(fault.cause, Cause::Mismatch);
        assert!(fault.text.contains("byte 70 "), "{}", fault.text);
    }

    #[test]
    fn an_answer_before_its_request_is_refused() {
        let mut script = post();
        let mut exchange = Exchange::default();
        let stray = exchange.receive(b"x", &mut script).unwrap_err();
        assert_eq!(stray.cause, Cause::Protocol);
    }
}
