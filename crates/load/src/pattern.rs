//! The bytes that are sent: one random block, generated once, of which every
//! request sends another window. Nothing is copied or generated per request,
//! yet neighbours in time and in connection number differ, so an answer that
//! went to the wrong connection or came twice does not verify.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Number of distinct windows. A prime, so that strides visit all of them.
const WINDOWS: u64 = 4093;

/// Longest part of a text that is shown.
const SHOWN: usize = 80;

/// Source of every payload of a run.
#[derive(Debug)]
pub(crate) struct Pattern {
    bytes: Vec<u8>,
}

impl Pattern {
    /// A pattern whose windows may be up to `longest` bytes.
    pub(crate) fn new(seed: u64, longest: usize) -> Self {
        let windows = usize::try_from(WINDOWS).expect("WINDOWS is small");
        let mut bytes = vec![0; windows + longest];
        ChaCha8Rng::seed_from_u64(seed).fill_bytes(&mut bytes);
        Self { bytes }
    }

    /// Where the payload of a connection's `sequence`-th request begins.
    #[inline]
    pub(crate) fn phase(connection: u32, sequence: u32) -> u32 {
        let phase = (u64::from(connection) * 61 + u64::from(sequence) * 1013) % WINDOWS;
        u32::try_from(phase).unwrap_or(0) // Below WINDOWS: always fits.
    }

    /// The payload of `length` bytes that begins at `phase`.
    #[inline]
    pub(crate) fn window(&self, phase: u32, length: usize) -> &[u8] {
        &self.bytes[phase as usize..][..length]
    }
}

/// The first place where `answer` is not `expected`, told for a reader.
pub(crate) fn difference(expected: &[u8], answer: &[u8], position: usize) -> String {
    let at = expected.iter().zip(answer).position(|(want, have)| want != have);
    match at {
        Some(at) => {
            format!("byte {} is {:#04x}, expected {:#04x}", position + at, answer[at], expected[at])
        }
        None => format!("it is longer than the {} bytes expected", position + expected.len()),
    }
}

/// A text with its escapes, cut to what a reader needs.
pub(crate) fn shown(bytes: &[u8]) -> String {
    let more = if bytes.len() > SHOWN { "…" } else { "" };
    format!("\"{}{more}\"", bytes[..bytes.len().min(SHOWN)].escape_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_differ() {
        let pattern = Pattern::new(1, 64);
        let payload = |connection, sequence| {
            pattern.window(Pattern::phase(connection, sequence), 64).to_vec()
        };
        assert_ne!(payload(0, 0), payload(0, 1));
        assert_ne!(payload(0, 0), payload(1, 0));
        assert_ne!(payload(1, 0), payload(0, 1));
    }

    #[test]
    fn every_phase_has_a_full_window() {
        let pattern = Pattern::new(1, 10);
        for sequence in 0..10_000 {
            assert_eq!(pattern.window(Pattern::phase(u32::MAX, sequence), 10).len(), 10);
        }
    }

    #[test]
    fn a_difference_is_located() {
        assert_eq!(difference(b"abc", b"abd", 10), "byte 12 is 0x64, expected 0x63");
        assert!(difference(b"abc", b"abcd", 0).contains("longer"));
    }
}
