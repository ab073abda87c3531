//! Requests on their way from a loop to a worker, and back.
//!
//! The session travels with what was read: nobody else has it meanwhile, so it
//! needs no lock, and the requests of one connection stay in order. Until it is
//! back, more input waits in the socket.

use std::panic::{self, AssertUnwindSafe};

use service::{End, Session};

use crate::work;

/// From so many bytes of output on, a worker runs no more work of a connection.
const OUTPUT_BYTES: usize = 256 << 10;

/// Names a connection of a loop, also when its place has gone to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket {
    pub(crate) key: usize,
    pub(crate) serial: u64,
}

/// What was read from a connection at once.
#[derive(Debug)]
pub(crate) enum Input<B> {
    Bytes(B),
    End(End),
    /// Nothing: it has more to do with what it has.
    Nothing,
}

impl<B: AsRef<[u8]>> Input<B> {
    /// Gives it to the session.
    pub(crate) fn feed(&self, session: &mut dyn Session, output: &mut Vec<u8>) {
        match self {
            Self::Bytes(bytes) => session.receive(bytes.as_ref(), output),
            Self::End(end) => session.end(*end, output),
            Self::Nothing => {}
        }
    }

    fn into_owned(self) -> Input<Vec<u8>> {
        match self {
            Self::Bytes(bytes) => Input::Bytes(bytes.as_ref().to_vec()),
            Self::End(end) => Input::End(end),
            Self::Nothing => Input::Nothing,
        }
    }
}

/// What was read from a connection, with its session: for one thread to run.
///
/// Its connection waits until the [`Answer`] is back.
#[derive(Debug)]
pub struct Batch {
    pub(crate) ticket: Ticket,
    session: Box<dyn Session>,
    input: Input<Vec<u8>>,
}

/// A batch that was run, for [`crate::Reactor::take_back`].
#[derive(Debug)]
pub struct Answer {
    pub(crate) ticket: Ticket,
    /// The session and what is to be sent; nothing, if it panicked.
    pub(crate) ran: Option<(Box<dyn Session>, Vec<u8>)>,
}

impl Batch {
    /// Runs the requests, and the work that they ask for, on this thread.
    ///
    /// A panic is the end of the connection, not of the thread.
    #[must_use]
    pub fn run(self) -> Answer {
        let Self { ticket, mut session, input } = self;
        let ran = panic::catch_unwind(AssertUnwindSafe(move || {
            let mut output = Vec::new();
            input.feed(session.as_mut(), &mut output);
            // What is more has to wait until this much is sent.
            while output.len() < OUTPUT_BYTES
                && let Some(job) = session.next_job()
            {
                session.complete(work::run(job), &mut output);
            }
            (session, output)
        }));
        Answer { ticket, ran: ran.ok() }
    }
}

/// Where a loop leaves batches for workers.
#[derive(Debug)]
pub(crate) struct Outbox {
    /// How many more may be out.
    pub(crate) room: usize,
    pub(crate) batches: Vec<Batch>,
}

impl Outbox {
    pub(crate) fn put<B: AsRef<[u8]>>(
        &mut self,
        ticket: Ticket,
        session: Box<dyn Session>,
        input: Input<B>,
    ) {
        self.room -= 1;
        self.batches.push(Batch { ticket, session, input: input.into_owned() });
    }
}
