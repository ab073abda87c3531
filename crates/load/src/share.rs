//! Which of the plan's connections are a thread's.

/// Every `step`-th connection from `first`: threads take turns, so that
/// neighbours in number, which connect together, are on different threads.
///
/// A connection's *number* is the plan's: payloads, mix and schedule follow from
/// it, whatever the number of threads. Its *place* is where its thread keeps it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share {
    pub(crate) first: usize,
    step: usize,
}

impl Share {
    /// The share of thread `first` of `threads`.
    pub(crate) fn new(first: usize, threads: usize) -> Self {
        Self { first, step: threads }
    }

    /// How many of `all` connections are in the share.
    pub(crate) fn of(self, all: usize) -> usize {
        all.saturating_sub(self.first).div_ceil(self.step)
    }

    #[inline]
    pub(crate) fn number(self, place: usize) -> u32 {
        // The plan's check made sure that it fits.
        u32::try_from(place * self.step + self.first).unwrap_or(u32::MAX)
    }

    /// Where connection `number` is, if it is in the share.
    #[inline]
    pub(crate) fn place(self, number: u32) -> Option<usize> {
        let number = number as usize;
        (number % self.step == self.first).then_some(number / self.step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_a_partition() {
        let shares = [0, 1, 2].map(|thread| Share::new(thread, 3));
        assert_eq!(shares.map(|share| share.of(7)), [3, 2, 2]);
        for number in 0..7 {
            let places: Vec<_> = shares.iter().filter_map(|share| share.place(number)).collect();
            let owner = shares[number as usize % 3];
            assert_eq!(places, [number as usize / 3]);
            assert_eq!(owner.number(places[0]), number);
        }
    }
}
