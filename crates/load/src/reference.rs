//! The body that every GET of one path must return: that of the first answer.

use crate::{
    fault::{Cause, Fault},
    pattern::difference,
};

/// A body that nobody has told is learned up to this length: it is kept, once for all
/// connections.
const LONGEST_LEARNED: usize = 16 << 20;

/// Learns a body from the answers themselves.
///
/// Many answers are under way at once when the first is not yet complete, so
/// whichever is furthest extends the reference and all are held to it; the
/// first that ends fixes its length. No connection keeps a copy.
#[derive(Debug, Default)]
pub(crate) struct Reference {
    bytes: Vec<u8>,
    fixed: bool,
}

impl Reference {
    /// A body known beforehand.
    pub(crate) fn fixed(bytes: Vec<u8>) -> Self {
        Self { bytes, fixed: true }
    }

    /// Holds a piece of body that begins at `position` to the reference.
    pub(crate) fn check(&mut self, position: usize, piece: &[u8]) -> Result<(), Fault> {
        let known = self.bytes.get(position..).unwrap_or_default();
        let common = known.len().min(piece.len());
        if piece[..common] != known[..common] || (self.fixed && piece.len() > common) {
            let text = difference(known, piece, position);
            return Err(Fault::new(Cause::Mismatch, format!("in the body {text}")));
        }
        if position + piece.len() > LONGEST_LEARNED {
            let text = format!("a body of more than {LONGEST_LEARNED} bytes is not learned");
            return Err(Fault::new(Cause::Protocol, text));
        }
        self.bytes.extend_from_slice(&piece[common..]);
        Ok(())
    }

    /// The body, if a whole one was seen.
    pub(crate) fn learned(self) -> Option<Vec<u8>> {
        self.fixed.then_some(self.bytes)
    }

    /// Holds the length of a complete body to the reference.
    pub(crate) fn end(&mut self, length: usize) -> Result<(), Fault> {
        self.fixed = true;
        if length == self.bytes.len() {
            return Ok(());
        }
        let text = format!("the body has {length} bytes, another had {}", self.bytes.len());
        Err(Fault::new(Cause::Mismatch, text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_answer_sets_the_rule() {
        let mut reference = Reference::default();
        reference.check(0, b"abc").unwrap();
        reference.check(0, b"abcd").unwrap();
        reference.check(3, b"d").unwrap();
        reference.end(4).unwrap();
        reference.check(0, b"abcd").unwrap();
        reference.end(4).unwrap();
    }

    #[test]
    fn a_body_without_end_is_not_learned() {
        let (mut reference, piece) = (Reference::default(), vec![b'x'; 1 << 20]);
        let fed = (0..100).try_for_each(|nth| reference.check(nth << 20, &piece));
        assert!(fed.unwrap_err().text.contains("more than 16777216 bytes"));
        assert_eq!(reference.bytes.len(), LONGEST_LEARNED);
    }

    #[test]
    fn other_bytes_and_other_lengths_are_mismatches() {
        let mut reference = Reference::fixed(b"abcd".to_vec());
        assert!(reference.check(0, b"abX").unwrap_err().text.contains("byte 2"));
        assert!(reference.check(0, b"abcde").unwrap_err().text.contains("longer"));
        assert!(reference.check(4, b"e").unwrap_err().text.contains("longer"));
        assert!(reference.end(3).unwrap_err().text.contains("3 bytes"));
    }
}
