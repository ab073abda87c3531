//! What one connection was asked and given.

use crate::clock::NEVER;

/// The account of one of the plan's connections, kept beyond its end.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    /// The handshake was completed.
    pub(crate) established: bool,
    /// At least one complete and correct answer came, at any time.
    pub(crate) served: bool,
    /// Answers in the window.
    pub(crate) answered: u64,
    /// When the first request was due, and when the first byte of an answer came.
    pub(crate) asked_at: u64,
    pub(crate) first_byte_at: u64,
}

impl Account {
    pub(crate) fn new() -> Self {
        Self {
            established: false,
            served: false,
            answered: 0,
            asked_at: NEVER,
            first_byte_at: NEVER,
        }
    }
}
