//! Bytes, cut.

/// Cuts `bytes` as a number says: each number in other places, 0 after every byte.
pub(crate) fn pieces(bytes: &[u8], number: u8) -> Vec<&[u8]> {
    let (mut rest, mut pieces, mut state) = (bytes, Vec::new(), u32::from(number));
    while !rest.is_empty() {
        // Numerical Recipes' generator: its upper bits are random enough for places.
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let longest = if state >> 30 == 0 { 2000 } else { 20 };
        let length = if number == 0 { 1 } else { 1 + (state >> 16) as usize % longest };
        let (piece, behind) = rest.split_at(length.min(rest.len()));
        pieces.push(piece);
        rest = behind;
    }
    pieces
}
