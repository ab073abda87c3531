//! Jobs on their way from a loop to a worker, and back.
//!
//! The session stays with its loop, which reads and answers meanwhile whatever
//! needs no work. Only the job travels: a few words, and no lock. A session may
//! have several out, and they may come back in any order.

use service::{Done, Failed, Job};

use crate::{dispatch::Ticket, work};

/// A job, and whose it is: for one thread to run, or to refuse.
///
/// Its session waits for the [`Finished`]: one that is dropped is waited for until
/// the drain is over.
#[derive(Debug)]
#[must_use]
pub struct Errand {
    ticket: Ticket,
    job: Job,
}

/// A job that was run or refused, for [`crate::Reactor::complete`].
#[derive(Debug)]
#[must_use]
pub struct Finished {
    pub(crate) ticket: Ticket,
    pub(crate) done: Done,
}

impl Errand {
    pub(crate) fn new(ticket: Ticket, job: Job) -> Self {
        Self { ticket, job }
    }

    /// Runs the job on this thread, which does nothing else meanwhile.
    ///
    /// A panic is the end of the job, not of the thread.
    pub fn run(self) -> Finished {
        Finished { ticket: self.ticket, done: work::run(self.job) }
    }

    /// Turns the job away: there are too many.
    pub fn refuse(self) -> Finished {
        let done = Done { id: self.job.id, outcome: Err(Failed::Overloaded) };
        Finished { ticket: self.ticket, done }
    }
}
