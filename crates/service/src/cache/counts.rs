//! What a store has counted, under the names that clients read.

/// Makes the counters and their names in one place.
macro_rules! counters {
    ($($counter:ident $name:literal),+ $(,)?) => {
        /// What is counted.
        #[derive(Clone, Copy, Debug)]
        pub(super) enum Counter { $($counter),+ }

        /// The names, in the order of [`Counter`].
        const NAMES: &[&str] = &[$($name),+];
    };
}

counters! {
    CmdGet "cmd_get",
    CmdSet "cmd_set",
    CmdFlush "cmd_flush",
    CmdTouch "cmd_touch",
    GetHits "get_hits",
    GetMisses "get_misses",
    GetExpired "get_expired",
    DeleteMisses "delete_misses",
    DeleteHits "delete_hits",
    IncrMisses "incr_misses",
    IncrHits "incr_hits",
    DecrMisses "decr_misses",
    DecrHits "decr_hits",
    CasMisses "cas_misses",
    CasHits "cas_hits",
    CasBadval "cas_badval",
    TouchHits "touch_hits",
    TouchMisses "touch_misses",
    Evictions "evictions",
    TotalItems "total_items",
}

/// The counters of a shard, or their sums.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counts([u64; NAMES.len()]);

impl Default for Counts {
    fn default() -> Self {
        Self([0; NAMES.len()])
    }
}

impl Counts {
    pub(super) fn add(&mut self, counter: Counter) {
        self.0[counter as usize] += 1;
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (sum, count) in self.0.iter_mut().zip(other.0) {
            *sum += count;
        }
    }

    pub(super) fn named(&self) -> impl Iterator<Item = (&'static str, u64)> {
        NAMES.iter().copied().zip(self.0)
    }
}
