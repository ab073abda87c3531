//! What others run for a loop: left for them, and taken back.

use service::Failed;

use super::Reactor;
use crate::{
    Answer, Batch, Errand, Finished,
    dispatch::{Outbox, Ticket},
    nonblocking::Runs,
};

impl Reactor<'_> {
    /// What was read since it was last asked; only if [`Reactor::dispatching`].
    pub fn batches(&mut self) -> impl Iterator<Item = Batch> {
        self.outbox().into_iter().flat_map(|outbox| outbox.batches.drain(..))
    }

    /// Sends the answer of a batch, and reads on.
    pub fn take_back(&mut self, Answer { ticket, ran }: Answer) {
        if let Some(outbox) = self.outbox() {
            outbox.room += 1;
        }
        // Those who wait for room come first: this one has just had its turn.
        self.make_room();
        if self.is_gone(ticket) {
            return;
        }
        let Some((session, output)) = ran else { return self.close(ticket.key, true) };
        self.peers[ticket.key].session = Some(session);
        self.shared.output = output;
        self.advance(ticket.key);
    }

    /// The jobs asked for since it was last asked; only if [`Reactor::offloading`].
    /// Each has to come back, run or refused.
    pub fn errands(&mut self) -> Vec<Errand> {
        match &mut self.shared.runs {
            Runs::Jobs(errands) => std::mem::take(errands),
            Runs::Inline | Runs::Batches(_) => Vec::new(),
        }
    }

    /// Gives a job back to its session, and sends what waited for it.
    pub fn complete(&mut self, Finished { ticket, done }: Finished) {
        if done.outcome == Err(Failed::Overloaded) {
            self.context.stats.overload();
        }
        if self.is_gone(ticket) {
            return;
        }
        self.peers[ticket.key].complete(done, &mut self.shared.output);
        self.advance(ticket.key);
    }

    /// Whether the connection of a ticket is gone, and maybe another in its place.
    fn is_gone(&self, ticket: Ticket) -> bool {
        self.peers.get(ticket.key).is_none_or(|peer| peer.ticket != ticket)
    }

    fn outbox(&mut self) -> Option<&mut Outbox> {
        match &mut self.shared.runs {
            Runs::Batches(outbox) => Some(outbox),
            Runs::Inline | Runs::Jobs(_) => None,
        }
    }

    fn make_room(&mut self) {
        while self.outbox().is_some_and(|outbox| outbox.room > 0)
            && let Some(key) = self.crowded.pop_front()
        {
            self.peers[key].queued = false;
            self.advance(key);
        }
    }
}
