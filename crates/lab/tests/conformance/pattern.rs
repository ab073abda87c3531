//! Bytes of which each stretch is told from every other, so that a byte lost,
//! doubled or moved is seen.

use std::sync::OnceLock;

/// A prime, so that no buffer size divides it.
const PERIOD: usize = 1_000_003;
/// The longest stretch that [`pattern`] gives at once.
pub(crate) const STRETCH_MAX: usize = 1_000_000;

/// The bytes at `offset` of an endless, fixed stream.
pub(crate) fn pattern(offset: usize, length: usize) -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    assert!(length <= STRETCH_MAX);
    let bytes = BYTES.get_or_init(|| {
        let mut state = 0x2545_F491_4F6C_DD1D_u64;
        let mut bytes: Vec<u8> = (0..PERIOD)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state.to_le_bytes()[3]
            })
            .collect();
        // A stretch may begin at the last byte of the period.
        bytes.extend_from_within(..STRETCH_MAX);
        bytes
    });
    let start = offset % PERIOD;
    &bytes[start..start + length]
}

/// Checks that `bytes` are those at `offset` of the stream.
#[track_caller]
pub(crate) fn assert_pattern(offset: usize, bytes: &[u8]) {
    for (index, piece) in bytes.chunks(STRETCH_MAX).enumerate() {
        let at = offset + index * STRETCH_MAX;
        let same = piece == pattern(at, piece.len());
        assert!(same, "bytes differ between {at} and {}", at + piece.len());
    }
}
