//! Requests that others run: leaving them, and taking them back.

use super::Reactor;
use crate::{Answer, Batch};

impl Reactor<'_> {
    /// What was read since it was last asked; only if [`Reactor::dispatching`].
    pub fn batches(&mut self) -> impl Iterator<Item = Batch> {
        self.shared.outbox.iter_mut().flat_map(|outbox| outbox.batches.drain(..))
    }

    /// Sends the answer of a batch, and reads on.
    pub fn take_back(&mut self, Answer { ticket, ran }: Answer) {
        if let Some(outbox) = &mut self.shared.outbox {
            outbox.room += 1;
        }
        // Those who wait for room come first: this one has just had its turn.
        self.make_room();
        // The connection may be gone, and another in its place.
        let Some(peer) = self.peers.get_mut(ticket.key) else { return };
        if peer.ticket != ticket {
            return;
        }
        let Some((session, output)) = ran else { return self.close(ticket.key, true) };
        peer.session = Some(session);
        self.shared.output = output;
        self.advance(ticket.key);
    }

    fn make_room(&mut self) {
        while self.shared.outbox.as_ref().is_some_and(|outbox| outbox.room > 0)
            && let Some(key) = self.crowded.pop_front()
        {
            self.peers[key].queued = false;
            self.advance(key);
        }
    }
}
