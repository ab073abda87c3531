//! Echo: a stream; what comes goes back.

use crate::{Done, End, Job, Phase, Session};

/// The echo service of one connection.
#[derive(Debug, Default)]
pub struct Echo {
    pieces: u64,
    ended: bool,
}

impl Session for Echo {
    fn receive(&mut self, bytes: &[u8], output: &mut Vec<u8>) {
        self.pieces += 1;
        output.extend_from_slice(bytes);
    }

    fn end(&mut self, _: End, _: &mut Vec<u8>) {
        self.ended = true;
    }

    fn next_job(&mut self) -> Option<Job> {
        None
    }

    fn complete(&mut self, _: Done, _: &mut Vec<u8>) {}

    fn phase(&self) -> Phase {
        if self.ended { Phase::Finished } else { Phase::Reading }
    }

    fn answered(&self) -> u64 {
        self.pieces
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn echoes_what_came_before_the_end() {
        let (mut session, mut output) = (Echo::default(), Vec::new());
        session.receive(b"quit\n", &mut output);
        session.receive(b"\0\xff", &mut output);
        assert_eq!(session.phase(), Phase::Reading);
        session.end(End::Peer, &mut output);
        assert_eq!(output, b"quit\n\0\xff");
        assert_eq!(session.phase(), Phase::Finished);
        assert_eq!(session.answered(), 2);
    }
}
