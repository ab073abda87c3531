//! Where a task's answers are, until they are sent.

use std::{cell::Cell, mem};

/// A buffer for answers that has grown beyond this is not kept.
const SPARE_BYTES: usize = 64 << 10;

thread_local! {
    /// The buffer that a worker's tasks pass on.
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Answers that are not sent yet. A task that has none to send holds no buffer.
#[derive(Debug, Default)]
pub(super) struct Output(Vec<u8>);

impl Output {
    /// Where answers are put.
    pub(super) fn bytes(&mut self) -> &mut Vec<u8> {
        if self.0.capacity() == 0 {
            self.0 = SPARE.take();
        }
        &mut self.0
    }

    /// Those that are there.
    pub(super) fn unsent(&self) -> &[u8] {
        &self.0
    }

    /// Leaves the buffer to the next task of the worker.
    pub(super) fn give_back(&mut self) {
        let mut bytes = mem::take(&mut self.0);
        if (1..=SPARE_BYTES).contains(&bytes.capacity()) {
            bytes.clear();
            SPARE.set(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_held_by_nobody_who_has_nothing_to_send() {
        let mut output = Output::default();
        output.bytes().extend_from_slice(b"an answer");
        output.give_back();
        assert_eq!(output.0.capacity(), 0);
        assert!(output.bytes().capacity() >= 9, "the same one comes back");
        output.bytes().reserve(2 * SPARE_BYTES);
        output.give_back();
        assert_eq!(SPARE.take().capacity(), 0, "but for one that has grown too long");
    }
}
