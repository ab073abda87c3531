//! A cache: the memcached text protocol, over one [`Store`] for all sessions.
//!
//! ```text
//! get key*                             VALUE key flags length ⏎ … ⏎ END
//! gets key*                            the same, each with its id for cas
//! gat, gats exptime key*               the same, and each lives on for so long
//! set, add, replace, append, prepend   … key flags exptime length [noreply] ⏎ value
//! cas key flags exptime length id [noreply] ⏎ value
//! incr, decr key by [noreply]
//! delete key [noreply]                 touch key exptime [noreply]
//! flush_all [delay] [noreply]          stats [reset]
//! verbosity n [noreply]                version                       quit
//! ```
//!
//! What memcached 1.6 answers, byte for byte, is what is answered here; where
//! that depends on how the bytes happened to arrive, or would fill memory, the
//! book says what differs.

use std::{mem, sync::Arc};

use self::line::{Get, Refusal, Update, parse};
use crate::{Done, End, Job, JobId, Limits, Phase, Session, Work, held::Held};

mod counts;
mod line;
mod obey;
mod shard;
mod store;

pub use store::{Store, StoreSize};

/// The longest value.
const VALUE_BYTES_MAX: usize = 1 << 20;
/// The longest line. Only one that asks for many keys is long.
const LINE_BYTES_MAX: usize = 2048;
const KEYS_BYTES_MAX: usize = 1 << 20;
/// Bytes answered in one go; who wants more waits until these are on their way.
/// A line of many keys would else make a session hold all of their values.
const PIECE: usize = 256 << 10;

/// The cache's side of one connection.
#[derive(Debug)]
pub struct Cache {
    store: Arc<Store>,
    body_bytes_max: usize,
    /// What has arrived and is not used yet: a part of a line, or what waits
    /// behind a pause.
    input: Vec<u8>,
    /// So much of it is known to have no line end.
    searched: usize,
    state: State,
    ended: bool,
    pauses: u64,
    answered: u64,
}

/// What the next bytes are.
#[derive(Debug)]
enum State {
    Line,
    /// A value, of which so much has come, and its line end.
    Value {
        update: Update,
        value: Vec<u8>,
    },
    /// So much of a value that is too large.
    Swallow {
        left: usize,
        quiet: bool,
    },
    /// Nothing: what is answered has to be sent first.
    Paused {
        job: Option<Job>,
        keys: Option<(Get, Vec<u8>)>,
    },
    Closed {
        refused: bool,
    },
}

impl Cache {
    /// A session for a new connection.
    #[must_use]
    pub fn new(store: Arc<Store>, limits: &Limits) -> Self {
        Self {
            store,
            body_bytes_max: limits.body_bytes.min(VALUE_BYTES_MAX),
            input: Vec::new(),
            searched: 0,
            state: State::Line,
            ended: false,
            pauses: 0,
            answered: 0,
        }
    }

    /// Obeys a line, if it is whole; returns its length.
    fn line(&mut self, bytes: &[u8], output: &mut Vec<u8>) -> usize {
        let searched = mem::take(&mut self.searched).min(bytes.len());
        let Some(end) = bytes[searched..].iter().position(|&byte| byte == b'\n') else {
            self.searched = bytes.len();
            return if is_too_long(bytes) { self.refuse(bytes, output) } else { 0 };
        };
        let end = searched + end;
        let line = &bytes[..end];
        if is_too_long(line) {
            return self.refuse(bytes, output);
        }
        match parse(line.strip_suffix(b"\r").unwrap_or(line)) {
            Ok(command) => self.obey(command, output),
            Err(Refusal { says, quiet }) => self.answer(says, quiet, output),
        }
        end + 1
    }

    /// Where the line ends nobody knows, so it is the last.
    fn refuse(&mut self, bytes: &[u8], output: &mut Vec<u8>) -> usize {
        self.searched = 0;
        self.answer("CLIENT_ERROR line too long", false, output);
        self.state = State::Closed { refused: true };
        bytes.len()
    }

    /// Takes a value, if it is whole with these bytes; returns how many are used.
    fn value(&mut self, bytes: &[u8], output: &mut Vec<u8>) -> usize {
        let State::Value { update, value } = &mut self.state else { return 0 };
        let missing = update.length + 2 - value.len();
        if bytes.len() < missing {
            value.extend_from_slice(bytes);
            return bytes.len();
        }
        let bytes = &bytes[..missing];
        let State::Value { update, mut value } = mem::replace(&mut self.state, State::Line) else {
            return 0;
        };
        let whole = if value.is_empty() {
            bytes // All at once, as most are: nothing is copied but into the store.
        } else {
            value.extend_from_slice(bytes);
            &value
        };
        let quiet = update.quiet;
        let says = match whole.strip_suffix(b"\r\n") {
            Some(value) => self.store(update, value),
            None => "CLIENT_ERROR bad data chunk",
        };
        self.answer(says, quiet, output);
        missing
    }

    /// Asks for a job that is none. A drive sends what there is before it runs
    /// one, and runs none while the peer does not read.
    fn pause(&mut self, keys: Option<(Get, Vec<u8>)>) {
        self.pauses += 1;
        let job = Job { id: JobId(self.pauses), work: Work::Compute { units: 0 } };
        self.state = State::Paused { job: Some(job), keys };
    }

    /// After the last byte: what is whole has been answered, the rest is nothing.
    fn settle(&mut self) {
        if self.ended && self.phase() == Phase::Reading {
            self.state = State::Closed { refused: false };
            self.input = Vec::new();
        }
    }
}

impl Held for Cache {
    fn held(&mut self) -> &mut Vec<u8> {
        &mut self.input
    }

    /// Uses as many of `bytes` as it can; returns how many.
    fn advance(&mut self, bytes: &[u8], output: &mut Vec<u8>) -> usize {
        let full = output.len() + PIECE;
        let mut rest = bytes;
        while !rest.is_empty() {
            let used = match &mut self.state {
                State::Line if output.len() >= full => {
                    self.pause(None);
                    0
                }
                State::Line => self.line(rest, output),
                State::Value { .. } => self.value(rest, output),
                State::Swallow { left, .. } if *left > rest.len() => {
                    *left -= rest.len();
                    rest.len()
                }
                State::Swallow { left, quiet } => {
                    let (used, quiet) = (*left, *quiet);
                    self.state = State::Line;
                    self.answer("SERVER_ERROR object too large for cache", quiet, output);
                    used
                }
                State::Paused { .. } => 0,
                State::Closed { .. } => rest.len(),
            };
            if used == 0 {
                break;
            }
            rest = &rest[used..];
        }
        bytes.len() - rest.len()
    }
}

impl Session for Cache {
    fn receive(&mut self, bytes: &[u8], output: &mut Vec<u8>) {
        self.take_in(bytes, output);
    }

    fn end(&mut self, _: End, _: &mut Vec<u8>) {
        self.ended = true;
        self.settle();
    }

    fn next_job(&mut self) -> Option<Job> {
        match &mut self.state {
            State::Paused { job, .. } => job.take(),
            _ => None,
        }
    }

    fn complete(&mut self, _: Done, output: &mut Vec<u8>) {
        let State::Paused { keys, .. } = &mut self.state else { return };
        let keys = keys.take();
        self.state = State::Line;
        if let Some((get, keys)) = keys {
            self.get(get, &keys, output);
        }
        self.resume(output);
        self.settle();
    }

    fn phase(&self) -> Phase {
        match self.state {
            State::Line | State::Value { .. } | State::Swallow { .. } => Phase::Reading,
            State::Paused { .. } => Phase::Working,
            State::Closed { refused: false } => Phase::Finished,
            State::Closed { refused: true } => Phase::Refused,
        }
    }

    fn answered(&self) -> u64 {
        self.answered
    }
}

fn is_too_long(line: &[u8]) -> bool {
    line.len() > LINE_BYTES_MAX
        && (line.len() > KEYS_BYTES_MAX || !line.trim_ascii_start().starts_with(b"g"))
}

#[cfg(test)]
mod tests;
