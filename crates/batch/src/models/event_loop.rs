//! One loop: every source is asked at once, and whoever answers is read.

use std::{
    io::{self, ErrorKind, Read, Write},
    time::Instant,
};

use mio::{Events, Interest, Poll, Token, net::TcpStream};
use slab::Slab;

use crate::{
    Job,
    answer::{Answer, question},
    fetch::{READ_BYTES, told, too_long},
    report::Found,
};

/// Events taken from the kernel in one turn.
const EVENTS: usize = 1024;

/// A source that is being asked.
#[derive(Debug)]
struct Source {
    number: u32,
    stream: TcpStream,
    /// What is still to be sent.
    question: Vec<u8>,
    answer: Answer,
}

/// What an event did for a source.
#[derive(Debug, PartialEq, Eq)]
enum Progress {
    /// It is waited for.
    Waiting,
    /// All has come.
    Finished,
}

// ANCHOR: fetch_all
pub(super) fn fetch_all(job: &Job) -> io::Result<Found> {
    let mut poll = Poll::new()?;
    let mut found = Found::default();
    let mut sources = Slab::new();
    let deadline = Instant::now() + job.timeout;
    for number in job.sources.clone() {
        if let Err(error) = ask(job, number, &poll, &mut sources) {
            found.add(number, Err(told(error)));
        }
    }
    let mut events = Events::with_capacity(EVENTS);
    let mut input = vec![0; READ_BYTES];
    while !sources.is_empty() {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        match poll.poll(&mut events, Some(left)) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            Ok(()) | Err(_) => {}
        }
        for event in &events {
            let Token(key) = event.token();
            // An event of this turn may have been its last.
            let Some(source) = sources.get_mut(key) else { continue };
            let progress = source.advance(&mut input);
            if progress != Ok(Progress::Waiting) {
                let Source { number, answer, .. } = sources.remove(key);
                found.add(number, progress.and_then(|_| answer.finish()));
            }
        }
    }
    for late in sources.drain() {
        found.add(late.number, Err(too_long(job)));
    }
    Ok(found)
}
// ANCHOR_END: fetch_all

/// Begins to connect to a source.
fn ask(job: &Job, number: u32, poll: &Poll, sources: &mut Slab<Source>) -> io::Result<()> {
    let mut stream = TcpStream::connect(job.server)?;
    let entry = sources.vacant_entry();
    let interest = Interest::READABLE | Interest::WRITABLE;
    poll.registry().register(&mut stream, Token(entry.key()), interest)?;
    let question = question(number).into_bytes();
    entry.insert(Source { number, stream, question, answer: Answer::default() });
    Ok(())
}

impl Source {
    /// Sends what is to be sent and reads what has come.
    // ANCHOR: advance
    fn advance(&mut self, input: &mut [u8]) -> Result<Progress, String> {
        while !self.question.is_empty() {
            match self.stream.write(&self.question) {
                Ok(length) => drop(self.question.drain(..length)),
                // Also while it is connecting.
                Err(error) if is_early(&error) => return Ok(Progress::Waiting),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(told(error)),
            }
        }
        loop {
            match self.stream.read(input) {
                Ok(0) => return Ok(Progress::Finished),
                Ok(length) => self.answer.receive(&input[..length])?,
                Err(error) if is_early(&error) => return Ok(Progress::Waiting),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(told(error)),
            }
        }
    }
    // ANCHOR_END: advance
}

/// Whether it is only too early.
fn is_early(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected)
}
