//! HTTP/1.1 (RFC 9110, RFC 9112), as much of it as the models need.

mod body;
mod date;
mod head;
mod response;
mod route;

use body::{Body, Progress};
use head::{Head, Parsed};
use response::{Response, Status};
use route::{Action, route};

use crate::{Clock, Done, End, Failed, Job, JobId, Limits, Phase, Session, held::Held};

/// The HTTP service of one connection.
///
/// | Route             | Answer                                                  |
/// |-------------------|---------------------------------------------------------|
/// | `GET /`           | a short body                                            |
/// | `POST /echo`      | the body back                                           |
/// | `GET /sleep?ms=N` | after a job that blocks for N ms, at most 60,000        |
/// | `GET /cpu?us=N`   | after a job of N units of CPU, at most 10,000,000       |
/// | `GET /panic`      | a job that panics: 500, and a close                     |
///
/// Requests are answered in order: while a job runs, what the peer pipelined
/// behind it waits here. A request that cannot be honoured is answered with
/// its status and ends the connection, since where the next one begins is then
/// anyone's guess.
#[derive(Debug)]
pub struct Http {
    body_bytes_max: usize,
    clock: Clock,
    /// Received and not yet understood; empty, and without memory, between requests.
    input: Vec<u8>,
    state: State,
    ended: Option<End>,
    answered: u64,
}

#[derive(Debug)]
enum State {
    /// Before or within a head.
    Head,
    /// Within the body of a request.
    Body(Box<(Head, Body)>),
    /// A job waits to be taken, or runs.
    Job { job: Option<Job>, reply: Response },
    /// Nothing more is read or answered.
    Closed { refused: bool },
}

impl Http {
    /// A session that refuses bodies over the limit, and dates answers by `clock`.
    #[must_use]
    pub fn new(limits: &Limits, clock: Clock) -> Self {
        Self {
            body_bytes_max: limits.body_bytes,
            clock,
            input: Vec::new(),
            state: State::Head,
            ended: None,
            answered: 0,
        }
    }

    /// A head has come: refuses what no body can mend, or waits for the body.
    fn begin(&mut self, head: Head, more: bool, output: &mut Vec<u8>) {
        if let Err(refusal) = route(&head) {
            return self.refuse(head.suit(refusal), output);
        }
        match Body::new(&head, self.body_bytes_max) {
            Ok(body) => {
                // A peer that waits before sending must be told; one that has
                // begun to send does not wait.
                if head.expects_continue && !more && !body.is_empty() {
                    output.extend_from_slice(response::CONTINUE);
                }
                self.state = State::Body(Box::new((head, body)));
            }
            Err(refusal) => self.refuse(head.suit(refusal), output),
        }
    }

    /// The request is whole: answers it, or asks for its work.
    fn answer_request(&mut self, output: &mut Vec<u8>) {
        let State::Body(request) = std::mem::replace(&mut self.state, State::Head) else {
            return;
        };
        let (head, body) = *request;
        match route(&head) {
            Ok(Action::Reply(text)) => self.reply(&head.suit(Response::text(text)), output),
            Ok(Action::Echo) => {
                self.reply(&head.suit(Response::bytes(body.into_bytes())), output);
            }
            Ok(Action::Work(work, text)) => {
                let job = Some(Job { id: JobId(self.answered), work });
                self.state = State::Job { job, reply: head.suit(Response::text(text)) };
            }
            Err(refusal) => self.refuse(head.suit(refusal), output),
        }
    }

    fn reply(&mut self, response: &Response, output: &mut Vec<u8>) {
        response.write(self.clock.now(), output);
        self.answered += 1;
        self.state = if response.closes() { State::Closed { refused: false } } else { State::Head };
    }

    fn refuse(&mut self, refusal: Response, output: &mut Vec<u8>) {
        refusal.closing().write(self.clock.now(), output);
        self.answered += 1;
        self.input = Vec::new();
        self.state = State::Closed { refused: true };
    }

    /// After the last byte: what is whole has been answered, so what is left
    /// is a request that will never be.
    fn settle(&mut self, output: &mut Vec<u8>) {
        let Some(end) = self.ended else { return };
        let refusal = match end {
            End::Peer => Response::error(Status::BadRequest, "the request is incomplete"),
            End::Idle => Response::error(Status::RequestTimeout, "the request took too long"),
            End::Stop => Response::error(Status::Unavailable, "the server is stopping"),
        };
        let refusal = match &self.state {
            State::Head if self.input.is_empty() => {
                self.state = State::Closed { refused: false };
                return;
            }
            State::Head => head::suit_unparsed(refusal, &self.input),
            State::Body(request) => request.0.suit(refusal),
            State::Job { .. } | State::Closed { .. } => return,
        };
        self.refuse(refusal, output);
    }
}

impl Held for Http {
    fn held(&mut self) -> &mut Vec<u8> {
        &mut self.input
    }

    /// Understands as much of `bytes` as it can; returns how many it used.
    fn advance(&mut self, bytes: &[u8], output: &mut Vec<u8>) -> usize {
        let mut used = 0;
        loop {
            let rest = &bytes[used..];
            match &mut self.state {
                State::Head => {
                    used += head::blank_lines(rest);
                    let rest = &bytes[used..];
                    if rest.is_empty() {
                        return used;
                    }
                    match head::parse(rest) {
                        Ok(Parsed::Partial) => return used,
                        Ok(Parsed::Complete { head, bytes }) => {
                            used += bytes;
                            let more = rest.len() > bytes;
                            self.begin(head, more, output);
                        }
                        Err(refusal) => self.refuse(refusal, output),
                    }
                }
                State::Body(request) => match request.1.take(rest) {
                    Ok(Progress::Partial { bytes }) => return used + bytes,
                    Ok(Progress::Complete { bytes }) => {
                        used += bytes;
                        self.answer_request(output);
                    }
                    Err(refusal) => {
                        let refusal = request.0.suit(refusal);
                        self.refuse(refusal, output);
                    }
                },
                State::Job { .. } => return used,
                State::Closed { .. } => return bytes.len(),
            }
        }
    }
}

impl Session for Http {
    fn receive(&mut self, bytes: &[u8], output: &mut Vec<u8>) {
        self.take_in(bytes, output);
    }

    fn end(&mut self, end: End, output: &mut Vec<u8>) {
        self.ended.get_or_insert(end);
        self.settle(output);
    }

    fn next_job(&mut self) -> Option<Job> {
        match &mut self.state {
            State::Job { job, .. } => job.take(),
            _ => None,
        }
    }

    fn complete(&mut self, done: Done, output: &mut Vec<u8>) {
        let State::Job { reply, .. } = std::mem::replace(&mut self.state, State::Head) else {
            return;
        };
        match done.outcome {
            Ok(()) => self.reply(&reply, output),
            Err(Failed::Panicked) => {
                let refusal = Response::error(Status::InternalError, "the handler panicked");
                self.refuse(refusal.like(&reply), output);
            }
            // Nothing is wrong with the connection: it may ask again.
            Err(Failed::Overloaded) => {
                let busy = Response::error(Status::Unavailable, "too busy, try again later");
                self.reply(&busy.in_place_of(&reply), output);
            }
        }
        self.resume(output);
        self.settle(output);
    }

    fn phase(&self) -> Phase {
        match self.state {
            State::Head | State::Body(_) => Phase::Reading,
            State::Job { .. } => Phase::Working,
            State::Closed { refused: false } => Phase::Finished,
            State::Closed { refused: true } => Phase::Refused,
        }
    }

    fn answered(&self) -> u64 {
        self.answered
    }
}

#[cfg(test)]
mod tests;
