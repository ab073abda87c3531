//! Input that comes in pieces, for protocols whose requests end where they like.

/// A session that keeps what it cannot use yet.
pub(crate) trait Held {
    /// What is kept, in the order in which it came.
    fn held(&mut self) -> &mut Vec<u8>;

    /// Uses as many of `bytes` as it can; returns how many. Those that are left
    /// come again, with more behind them.
    fn advance(&mut self, bytes: &[u8], output: &mut Vec<u8>) -> usize;

    /// Takes the next piece. What can be used at once is not kept in between.
    fn take_in(&mut self, bytes: &[u8], output: &mut Vec<u8>) {
        if self.held().is_empty() {
            let used = self.advance(bytes, output);
            self.held().extend_from_slice(&bytes[used..]);
        } else {
            self.held().extend_from_slice(bytes);
            self.resume(output);
        }
    }

    /// Goes on with what was kept, and gives the memory back once it is used up.
    fn resume(&mut self, output: &mut Vec<u8>) {
        let mut input = std::mem::take(self.held());
        let used = self.advance(&input, output);
        if used < input.len() {
            input.drain(..used);
            *self.held() = input;
        }
    }
}
