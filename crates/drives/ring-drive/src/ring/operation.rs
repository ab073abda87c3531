//! What the kernel can be told to do, and how it names what it did.

use super::Key;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Operation {
    Accept,
    Stop,
    Receive,
    Send,
    Watch,
    Cancel,
}

/// The name of an operation of a line.
pub(super) fn label(operation: Operation, key: Key) -> u64 {
    (key as u64) << 8 | operation as u64
}

pub(super) fn read_label(label: u64) -> Option<(Operation, Key)> {
    let operation = match label & 0xff {
        0 => Operation::Accept,
        1 => Operation::Stop,
        2 => Operation::Receive,
        3 => Operation::Send,
        4 => Operation::Watch,
        5 => Operation::Cancel,
        _ => return None,
    };
    Some((operation, usize::try_from(label >> 8).ok()?))
}
