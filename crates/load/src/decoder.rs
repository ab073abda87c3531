//! HTTP/1.1 answers, in whatever pieces they arrive.

use std::mem::{self, MaybeUninit};

use httparse::{Header, ParserConfig, Response, Status};

use crate::{
    fault::{Cause, Fault},
    pattern::shown,
};

/// A head, a trailer or the line of a chunk that is longer than this is none. It is what
/// a server can make a connection keep.
pub(crate) const LONGEST_HEAD: usize = 16 * 1024;

const HEADERS: usize = 64;

/// Where in an answer a connection is.
///
/// Bodies are handed on as they come. Only a head that is cut is kept, so an
/// answer that arrives whole, nearly all of them, is parsed where it was read.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    state: State,
    /// The beginning of a head or chunk line whose end has not arrived.
    cut: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    Head,
    Body {
        left: u64,
    },
    ChunkSize,
    Chunk {
        left: u64,
    },
    ChunkEnd,
    Trailer,
    Done,
}

/// What a step did with the bytes it was given.
enum Step {
    /// Used so many of them.
    Used(usize),
    /// Needs more to tell.
    Short,
}

impl Decoder {
    /// Takes in what arrived: each piece of body goes to `body`. If that completes
    /// the answer, says how many bytes follow it, and is ready for the next.
    pub(crate) fn feed(
        &mut self,
        data: &[u8],
        expect_status: u16,
        body: &mut impl FnMut(&[u8]) -> Result<(), Fault>,
    ) -> Result<Option<usize>, Fault> {
        if self.cut.is_empty() {
            return self.feed_whole(data, expect_status, body);
        }
        let mut joined = mem::take(&mut self.cut);
        joined.extend_from_slice(data);
        self.feed_whole(&joined, expect_status, body)
    }

    fn feed_whole(
        &mut self,
        mut data: &[u8],
        expect_status: u16,
        body: &mut impl FnMut(&[u8]) -> Result<(), Fault>,
    ) -> Result<Option<usize>, Fault> {
        loop {
            if matches!(self.state, State::Done) {
                self.state = State::Head;
                return Ok(Some(data.len()));
            }
            // No more than may be looked at: what is too long is so wherever it is cut.
            let is_body = matches!(self.state, State::Body { .. } | State::Chunk { .. });
            let seen = if is_body { data } else { front(data, LONGEST_HEAD as u64 + 1) };
            match self.step(seen, expect_status, body)? {
                Step::Used(used) => data = &data[used..],
                Step::Short if data.len() > LONGEST_HEAD => {
                    return Err(broken(format!("a head of more than {LONGEST_HEAD} bytes")));
                }
                Step::Short => {
                    self.cut.extend_from_slice(data);
                    return Ok(None);
                }
            }
        }
    }

    fn step(
        &mut self,
        data: &[u8],
        expect_status: u16,
        body: &mut impl FnMut(&[u8]) -> Result<(), Fault>,
    ) -> Result<Step, Fault> {
        match self.state {
            State::Head => self.head(data, expect_status),
            State::Body { left: 0 } => Ok(self.turn(State::Done, 0)),
            State::Chunk { left: 0 } => Ok(self.turn(State::ChunkEnd, 0)),
            _ if data.is_empty() => Ok(Step::Short),
            State::Body { left } => {
                let piece = front(data, left);
                body(piece)?;
                Ok(self.turn(State::Body { left: left - piece.len() as u64 }, piece.len()))
            }
            State::Chunk { left } => {
                let piece = front(data, left);
                body(piece)?;
                Ok(self.turn(State::Chunk { left: left - piece.len() as u64 }, piece.len()))
            }
            State::ChunkSize => match httparse::parse_chunk_size(data) {
                Ok(Status::Complete((used, 0))) => Ok(self.turn(State::Trailer, used)),
                Ok(Status::Complete((used, left))) => Ok(self.turn(State::Chunk { left }, used)),
                Ok(Status::Partial) => Ok(Step::Short),
                Err(_) => Err(broken("a chunk without a valid size")),
            },
            State::ChunkEnd => match data {
                [b'\r', b'\n', ..] => Ok(self.turn(State::ChunkSize, 2)),
                [b'\r'] => Ok(Step::Short),
                _ => Err(broken("a chunk longer than its size")),
            },
            State::Trailer => {
                let mut headers = [httparse::EMPTY_HEADER; HEADERS];
                match httparse::parse_headers(data, &mut headers) {
                    Ok(Status::Complete((used, _))) => Ok(self.turn(State::Done, used)),
                    Ok(Status::Partial) => Ok(Step::Short),
                    Err(why) => Err(broken(format!("the trailer: {why}"))),
                }
            }
            State::Done => Ok(Step::Short),
        }
    }

    fn turn(&mut self, state: State, used: usize) -> Step {
        self.state = state;
        Step::Used(used)
    }

    fn head(&mut self, data: &[u8], expect_status: u16) -> Result<Step, Fault> {
        let mut headers = [const { MaybeUninit::uninit() }; HEADERS];
        let mut response = Response::new(&mut []);
        let parsed = ParserConfig::default().parse_response_with_uninit_headers(
            &mut response,
            data,
            &mut headers,
        );
        let used = match parsed {
            Ok(Status::Complete(used)) => used,
            Ok(Status::Partial) => return Ok(Step::Short),
            Err(why) => return Err(broken(format!("the head of the answer: {why}"))),
        };
        let status = response.code.unwrap_or(0);
        if (100..200).contains(&status) {
            return Ok(Step::Used(used)); // An interim answer; the real one follows.
        }
        if status != expect_status {
            let text = format!("status {status}, expected {expect_status}");
            return Err(Fault::new(Cause::BadStatus, text));
        }
        let state = if matches!(status, 204 | 304) {
            State::Body { left: 0 }
        } else {
            framing(response.headers)?
        };
        Ok(self.turn(state, used))
    }
}

/// How the body ends. One that ends with the connection is refused: it cannot
/// be told from a server that closed early.
fn framing(headers: &[Header]) -> Result<State, Fault> {
    let (mut length, mut is_chunked) = (None, false);
    for header in headers {
        if header.name.eq_ignore_ascii_case("content-length") {
            let text = header.value.trim_ascii();
            let digits = Some(text).filter(|text| text.iter().all(u8::is_ascii_digit));
            let digits = digits.and_then(|text| str::from_utf8(text).ok());
            let Some(left) = digits.and_then(|text| text.parse().ok()) else {
                return Err(broken(format!("Content-Length is {}", shown(text))));
            };
            if length.is_some_and(|length| length != left) {
                return Err(broken("two values of Content-Length that differ"));
            }
            length = Some(left);
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            if is_chunked || !header.value.trim_ascii().eq_ignore_ascii_case(b"chunked") {
                return Err(broken("a Transfer-Encoding other than chunked"));
            }
            is_chunked = true;
        }
    }
    match (length, is_chunked) {
        (None, true) => Ok(State::ChunkSize),
        (Some(left), false) => Ok(State::Body { left }),
        (Some(_), true) => Err(broken("both Content-Length and chunked: which is meant?")),
        (None, false) => Err(broken("neither Content-Length nor chunked, so the end is unknown")),
    }
}

fn front(data: &[u8], left: u64) -> &[u8] {
    let length = usize::try_from(left).map_or(data.len(), |left| left.min(data.len()));
    &data[..length]
}

fn broken(text: impl Into<String>) -> Fault {
    Fault::new(Cause::Protocol, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIXED: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world";
    const CHUNKED: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\
        Transfer-Encoding: chunked\r\n\r\n6;x=y\r\nhello \r\n5\r\nworld\r\n0\r\nA: b\r\n\r\n";

    /// Feeds `answer` in pieces cut at `at`; the body, if it was complete.
    fn decode(answer: &[u8], at: &[usize]) -> Result<Option<String>, Fault> {
        let (mut decoder, mut body, mut complete) = (Decoder::default(), Vec::new(), false);
        let mut from = 0;
        for &to in at.iter().chain(&[answer.len()]) {
            let beyond = decoder.feed(&answer[from..to], 200, &mut |piece| {
                body.extend_from_slice(piece);
                Ok(())
            })?;
            complete = beyond == Some(0);
            from = to;
        }
        Ok(complete.then(|| String::from_utf8(body).unwrap()))
    }

    #[test]
    fn answers_survive_every_cut() {
        for answer in [FIXED, CHUNKED] {
            for first in 1..answer.len() {
                for second in first..answer.len() {
                    let body = decode(answer, &[first, second]).unwrap();
                    assert_eq!(body.as_deref(), Some("hello world"), "cut at {first}, {second}");
                }
            }
        }
    }

    #[test]
    fn an_unfinished_answer_is_not_complete() {
        assert_eq!(decode(&FIXED[..FIXED.len() - 1], &[]).unwrap(), None);
        assert_eq!(decode(&CHUNKED[..CHUNKED.len() - 1], &[]).unwrap(), None);
    }

    #[test]
    fn what_follows_an_answer_is_left() {
        let mut decoder = Decoder::default();
        let two = [FIXED, CHUNKED].concat();
        let beyond = decoder.feed(&two, 200, &mut |_| Ok(())).unwrap();
        assert_eq!(beyond, Some(CHUNKED.len()));
        let (front, back) = CHUNKED.split_at(40);
        assert_eq!(decoder.feed(front, 200, &mut |_| Ok(())).unwrap(), None);
        let back = [back, b"HT"].concat();
        assert_eq!(decoder.feed(&back, 200, &mut |_| Ok(())).unwrap(), Some(2));
    }

    #[test]
    fn what_is_framed_twice_is_refused_and_a_length_said_twice_is_not() {
        let head = |headers: &str| format!("HTTP/1.1 200 OK\r\n{headers}\r\nhello world");
        let same = head("Content-Length: 11\r\nContent-Length: 11\r\n");
        assert_eq!(decode(same.as_bytes(), &[]).unwrap().as_deref(), Some("hello world"));
        for (headers, says) in [
            ("Content-Length: 11\r\nContent-Length: 5\r\n", "that differ"),
            ("Content-Length: 11, 11\r\n", "11, 11"),
            ("Content-Length: +11\r\n", "+11"),
            ("Content-Length: -1\r\n", "-1"),
            ("Content-Length: \r\n", "Content-Length is"),
            ("Content-Length: 99999999999999999999\r\n", "99999999999999999999"),
            ("Content-Length: 11\r\nTransfer-Encoding: chunked\r\n", "both"),
            ("Transfer-Encoding: chunked\r\nContent-Length: 11\r\n", "both"),
            ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "other than"),
            ("Transfer-Encoding: gzip, chunked\r\n", "other than"),
        ] {
            let fault = decode(head(headers).as_bytes(), &[]).unwrap_err();
            assert_eq!(fault.cause, Cause::Protocol);
            assert!(fault.text.contains(says), "{headers}: {}", fault.text);
        }
    }

    /// Whatever has no end is cut off, wherever it is cut.
    #[test]
    fn what_has_no_end_is_not_kept() {
        let head = "HTTP/1.1 200 OK\r\n";
        let chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n");
        for endless in [
            format!("{head}X: {}", "x".repeat(LONGEST_HEAD)),
            format!("{head}X: {}\r\nContent-Length: 0\r\n\r\n", "x".repeat(LONGEST_HEAD)),
            format!("{chunked}1;{}", "x".repeat(LONGEST_HEAD)),
            format!("{chunked}0\r\nX: {}", "x".repeat(LONGEST_HEAD)),
        ] {
            for size in [usize::MAX, 1000, 4096] {
                let (mut decoder, mut kept) = (Decoder::default(), 0);
                let fed =
                    endless.as_bytes().chunks(size.min(endless.len())).try_for_each(|piece| {
                        decoder.feed(piece, 200, &mut |_| Ok(()))?;
                        kept = kept.max(decoder.cut.len());
                        Ok(())
                    });
                let fault: Fault = fed.unwrap_err();
                assert!(fault.text.contains("more than"), "{}", fault.text);
                assert!(kept <= LONGEST_HEAD, "{kept} bytes");
            }
        }
    }

    #[test]
    fn faults_are_told_apart() {
        let cause = |answer: &[u8]| decode(answer, &[]).unwrap_err().cause;
        assert_eq!(cause(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"), Cause::BadStatus);
        assert_eq!(cause(b"HTTP/1.1 200 OK\r\n\r\nhello"), Cause::Protocol);
        assert_eq!(cause(b"\x16\x03\x01 no http at all"), Cause::Protocol);
        assert_eq!(
            cause(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n"),
            Cause::Protocol
        );
    }
}
