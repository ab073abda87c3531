//! What one thread found, as plain data, and how those of several add up.

use crate::{
    account::Account,
    fault::{Cause, Fault},
    ledger::Ledger,
    own::Usage,
};

/// All that a report is made of, of one thread or of all.
#[derive(Debug)]
pub(crate) struct Findings {
    /// One for each of the plan's connections.
    pub(crate) accounts: Vec<Account>,
    /// How long the answers still owed have been so.
    pub(crate) owed_ns: Vec<u64>,
    pub(crate) ledger: Ledger,
    /// The body that answers to each kind of request were held to, as far as known.
    pub(crate) bodies: Vec<Option<Vec<u8>>>,
    /// When traffic began; never, if it did not.
    pub(crate) traffic_at: u64,
    /// How long the warm-up took, and whether the rate was steady at its end: what
    /// the leader found.
    pub(crate) warmup_ns: u64,
    pub(crate) steady: bool,
    /// What the threads used in the window.
    pub(crate) usage: Usage,
    /// Time in the window in which a thread stood still: of the one that did longest.
    pub(crate) stalled_ns: u64,
}

impl Findings {
    /// With those of another thread.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.accounts.extend(other.accounts);
        self.owed_ns.extend(other.owed_ns);
        self.ledger.add(other.ledger);
        self.compare(other.bodies);
        self.traffic_at = self.traffic_at.min(other.traffic_at);
        self.warmup_ns = self.warmup_ns.max(other.warmup_ns);
        self.steady &= other.steady;
        self.usage = self.usage.and(other.usage);
        self.stalled_ns = self.stalled_ns.max(other.stalled_ns);
        self
    }

    /// Each thread learns for itself what a request returns; they must have learned the same.
    fn compare(&mut self, bodies: Vec<Option<Vec<u8>>>) {
        for (known, other) in self.bodies.iter_mut().zip(bodies) {
            if known.is_some() && other.is_some() && *known != other {
                let text = "what a request returned there is not what it returned on others";
                self.ledger.errors.count("a thread", &Fault::new(Cause::Mismatch, text));
            }
            *known = known.take().or(other);
        }
    }
}
