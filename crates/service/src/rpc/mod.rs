//! JSON-RPC 2.0 (<https://www.jsonrpc.org/specification>), one JSON text a line.
//!
//! ```text
//!             ┌─ answered at once ───────────────────────────┐
//! line ─▶ call┤                                              ├─▶ line done ─▶ answer
//!        call └─ job ─▶ whoever the model lets run it ─▶ done┘
//! ```

mod answer;
mod call;
mod method;

use std::collections::{BTreeMap, VecDeque};

use answer::Fault;
use call::{Asked, Call, Malformed};
use method::{Action, perform};

use crate::{Done, End, Failed, Job, JobId, Limits, Phase, Session, held::Held};

/// Calls that wait for their jobs. From there on the session is not read; the
/// one batch that went beyond is all that it holds more.
const CALLS_MAX: usize = 1024;

/// The JSON-RPC service of one connection.
///
/// | Method                     | Result                                       |
/// |----------------------------|----------------------------------------------|
/// | `echo`                     | its params                                   |
/// | `sum` of numbers           | their sum                                    |
/// | `subtract`                 | `minuend` - `subtrahend`                     |
/// | `get_data`                 | `["hello",5]`                                |
/// | `update`, `notify_hello`, `notify_sum` | `null`, whatever the params      |
/// | `sleep` with `ms`          | `ms`, after a job that blocks so long, at most 60,000 |
/// | `cpu` with `us`            | `us`, after a job of so many units of CPU, at most 10,000,000 |
/// | `panic`                    | none: a job that panics, and an internal error |
///
/// Params have names, or the order given here. Those of the specification's
/// examples are among the methods, so that its conversations can be held.
///
/// Many calls may be under way on one connection. Each line is answered as soon
/// as its calls are done, so answers come in the order of that, and it takes the
/// id to tell whose they are.
#[derive(Debug)]
pub struct Rpc {
    line_bytes_max: usize,
    /// Received and not yet begun: mostly nothing, or part of a line.
    input: Vec<u8>,
    /// So much of the input's first line is known to have no line feed.
    searched: usize,
    /// Jobs that nobody has taken yet.
    jobs: VecDeque<Job>,
    /// Calls that wait for their jobs.
    calls: BTreeMap<u64, Waiting>,
    /// The lines that these came in.
    lines: BTreeMap<u64, Line>,
    /// Bytes of those lines. What is kept of them is in proportion.
    lines_bytes: usize,
    /// Names given to calls and lines so far.
    names: u64,
    ended: Option<End>,
    /// How it ends, once nothing more is begun.
    closed: Option<Phase>,
    answered: u64,
}

/// A call that waits for its job.
#[derive(Debug)]
struct Waiting {
    line: u64,
    id: Option<Box<str>>,
    /// What to answer if all goes well.
    result: String,
}

/// A line whose calls are being answered.
#[derive(Debug)]
struct Line {
    bytes: usize,
    is_batch: bool,
    /// Calls that are not done.
    waiting: usize,
    /// Answers so far, with commas between them.
    answers: Vec<u8>,
}

impl Rpc {
    /// A session that refuses lines over the limit of a body.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            line_bytes_max: limits.body_bytes,
            input: Vec::new(),
            searched: 0,
            jobs: VecDeque::new(),
            calls: BTreeMap::new(),
            lines: BTreeMap::new(),
            lines_bytes: 0,
            names: 0,
            ended: None,
            closed: None,
            answered: 0,
        }
    }

    /// Begins all calls of a line. An empty line asks for nothing.
    fn begin_line(&mut self, text: &[u8], output: &mut Vec<u8>) {
        if text.trim_ascii().is_empty() {
            return;
        }
        let name = self.name();
        let mut line = Line { bytes: text.len(), is_batch: false, waiting: 0, answers: Vec::new() };
        match call::parse(text) {
            Ok(Asked::One(call)) => self.begin(call, name, &mut line),
            Ok(Asked::Batch(batch)) => {
                line.is_batch = true;
                batch.calls().for_each(|call| self.begin(call, name, &mut line));
            }
            Err(fault) => self.answer(&mut line, Some("null"), Err(fault)),
        }
        self.put_back(name, line, output);
    }

    /// Answers a call, or asks for its work.
    fn begin(&mut self, call: Result<Call, Malformed>, name: u64, line: &mut Line) {
        let Call { id, method, params } = match call {
            Ok(call) => call,
            Err(Malformed { id }) => return self.answer(line, Some(id), Err(Fault::REQUEST)),
        };
        match perform(&method, params) {
            Ok(Action::Reply(result)) => self.answer(line, id, Ok(&result)),
            Ok(Action::Work(work, result)) => {
                let job = JobId(self.name());
                self.calls.insert(job.0, Waiting { line: name, id: id.map(Box::from), result });
                self.jobs.push_back(Job { id: job, work });
                line.waiting += 1;
            }
            Err(fault) => self.answer(line, id, Err(fault)),
        }
    }

    /// A call is done. A notification is not told so.
    fn answer(&mut self, line: &mut Line, id: Option<&str>, outcome: Result<&str, Fault>) {
        self.answered += 1;
        let Some(id) = id else { return };
        if !line.answers.is_empty() {
            line.answers.push(b',');
        }
        answer::write(id, outcome, &mut line.answers);
    }

    /// Keeps a line until its last call is done; then it is answered.
    fn put_back(&mut self, name: u64, line: Line, output: &mut Vec<u8>) {
        if line.waiting > 0 {
            self.lines_bytes += line.bytes;
            self.lines.insert(name, line);
        } else if !line.answers.is_empty() {
            let (open, close): (&[u8], &[u8]) =
                if line.is_batch { (b"[", b"]\n") } else { (b"", b"\n") };
            output.extend_from_slice(open);
            output.extend_from_slice(&line.answers);
            output.extend_from_slice(close);
        }
    }

    fn name(&mut self) -> u64 {
        self.names += 1;
        self.names
    }

    /// Whether nothing more is begun before something is done.
    fn is_full(&self) -> bool {
        self.calls.len() >= CALLS_MAX || self.lines_bytes >= self.line_bytes_max
    }

    /// What was begun is still answered.
    fn refuse(&mut self, why: String, output: &mut Vec<u8>) {
        self.answered += 1;
        answer::write("null", Err(Fault::REQUEST.because(why)), output);
        output.push(b'\n');
        self.input = Vec::new();
        self.closed = Some(Phase::Refused);
    }

    /// After the last byte, and once every whole line is begun: what is left is
    /// the last line, if the peer has ended it by leaving.
    fn settle(&mut self, output: &mut Vec<u8>) {
        let Some(end) = self.ended else { return };
        if self.closed.is_some() || self.is_full() {
            return;
        }
        let rest = std::mem::take(&mut self.input);
        match end {
            _ if rest.trim_ascii().is_empty() => {}
            End::Peer => self.begin_line(&rest, output),
            End::Idle => return self.refuse("the line took too long".to_owned(), output),
            End::Stop => return self.refuse("the server is stopping".to_owned(), output),
        }
        self.closed = Some(Phase::Finished);
    }
}

impl Held for Rpc {
    fn held(&mut self) -> &mut Vec<u8> {
        &mut self.input
    }

    /// Begins the lines that `bytes` hold, as many as there is room for; returns
    /// how many bytes it used.
    fn advance(&mut self, bytes: &[u8], output: &mut Vec<u8>) -> usize {
        let mut used = 0;
        while self.closed.is_none() && !self.is_full() {
            let rest = &bytes[used..];
            let end = rest[self.searched..].iter().position(|&byte| byte == b'\n');
            let length = end.map_or(rest.len(), |end| self.searched + end);
            if length > self.line_bytes_max {
                let why = format!("a line has at most {} bytes here", self.line_bytes_max);
                self.refuse(why, output);
            } else if end.is_some() {
                self.searched = 0;
                self.begin_line(&rest[..length], output);
                used += length + 1;
            } else {
                self.searched = length;
                return used;
            }
        }
        if self.closed.is_some() { bytes.len() } else { used }
    }
}

impl Session for Rpc {
    fn receive(&mut self, bytes: &[u8], output: &mut Vec<u8>) {
        self.take_in(bytes, output);
    }

    fn end(&mut self, end: End, output: &mut Vec<u8>) {
        self.ended.get_or_insert(end);
        self.settle(output);
    }

    fn next_job(&mut self) -> Option<Job> {
        self.jobs.pop_front()
    }

    // ANCHOR: complete
    fn complete(&mut self, done: Done, output: &mut Vec<u8>) {
        let Some(Waiting { line: name, id, result }) = self.calls.remove(&done.id.0) else {
            return;
        };
        let Some(mut line) = self.lines.remove(&name) else { return };
        self.lines_bytes -= line.bytes;
        line.waiting -= 1;
        let outcome = match done.outcome {
            Ok(()) => Ok(result.as_str()),
            Err(Failed::Panicked) => Err(Fault::INTERNAL),
            Err(Failed::Overloaded) => Err(Fault::BUSY),
        };
        self.answer(&mut line, id.as_deref(), outcome);
        self.put_back(name, line, output);
        self.resume(output);
        self.settle(output);
    }
    // ANCHOR_END: complete

    fn phase(&self) -> Phase {
        match self.closed {
            // Nobody who still has to take jobs should wait for the peer.
            None if self.is_full() || !self.jobs.is_empty() => Phase::Working,
            None => Phase::Reading,
            Some(_) if !self.calls.is_empty() => Phase::Working,
            Some(phase) => phase,
        }
    }

    fn answered(&self) -> u64 {
        self.answered
    }
}

#[cfg(test)]
mod tests;
