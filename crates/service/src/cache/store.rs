//! The store that all sessions of a process share.
//!
//! ```text
//! session ─┐         ┌─▶ [ lock │ values by last use ]   shard 0
//! session ─┼─ hash ──┼─▶ [ lock │ values by last use ]   shard 1
//! session ─┘         └─▶ [ lock │ values by last use ]   …
//! ```
//!
//! A key belongs to one shard, by its hash. A shard is locked for as long as a
//! table and a list take to change: values are copied, in and out, when it is
//! not, and nobody waits for anything else while holding a lock.

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    num::NonZeroUsize,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{
    counts::{Counter, Counts},
    line::Delta,
    shard::{Condition, Counted, Item, Shard, Stored, deadline},
};
use crate::Clock;

/// How large a store may become, and into how many locked parts it is divided.
#[derive(Clone, Copy, Debug)]
pub struct StoreSize {
    /// Bytes of keys, values and what keeps them, in all shards together.
    pub bytes: usize,
    /// Parts with a lock each; each may hold its share of the bytes.
    pub shards: NonZeroUsize,
}

impl Default for StoreSize {
    fn default() -> Self {
        Self { bytes: 64 << 20, shards: const { NonZeroUsize::new(16).unwrap() } }
    }
}

/// Values by key, shared by all sessions of a server.
pub struct Store {
    shards: Box<[Mutex<Shard>]>,
    hashes: RandomState,
    size: StoreSize,
    clock: Clock,
    since: Duration,
}

/// At which end of a value something is added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    Front,
    Back,
}

impl Store {
    /// An empty store that asks `clock` what has expired.
    #[must_use]
    pub fn new(size: StoreSize, clock: Clock) -> Self {
        let shards = size.shards.get();
        let shard = |number| Mutex::new(Shard::new(number, shards as u64, size.bytes / shards));
        Self {
            shards: (0..shards as u64).map(shard).collect(),
            hashes: RandomState::new(),
            size,
            clock,
            since: clock.now(),
        }
    }

    // ANCHOR: get
    pub(super) fn get(&self, key: &[u8]) -> Option<Item> {
        let now = self.clock.now();
        self.shard(key).get(key, now)
    } // Unlocked. The item's value is shared, not copied.
    // ANCHOR_END: get

    pub(super) fn touch(&self, key: &[u8], exptime: i64) -> Option<Item> {
        let now = self.clock.now();
        self.shard(key).touch(key, exptime, now)
    }

    pub(super) fn delete(&self, key: &[u8]) -> bool {
        let now = self.clock.now();
        self.shard(key).delete(key, now)
    }

    pub(super) fn store(&self, key: Box<[u8]>, how: (Condition, u32, i64), value: &[u8]) -> Stored {
        let (value, now) = (value.into(), self.clock.now());
        let mut shard = self.shard(&key);
        shard.store(key, how, value, now)
    }

    /// Takes out what was to be replaced by a value that cannot be kept.
    pub(super) fn forget(&self, key: &[u8]) {
        self.shard(key).remove(key);
    }

    /// Adds to a value, which may become so long. The lock is not held while the
    /// two are put together; if the value is another then, it is tried again.
    pub(super) fn extend(&self, key: &[u8], at: At, more: &[u8], length_max: usize) -> Stored {
        loop {
            let now = self.clock.now();
            let Some(Item { value, cas, .. }) = self.shard(key).find(key, now).cloned() else {
                self.shard(key).counts.add(Counter::CmdSet);
                return Stored::Refused;
            };
            if value.len() + more.len() > length_max {
                return Stored::Refused;
            }
            let whole = match at {
                At::Front => [more, &value].concat(),
                At::Back => [&value, more].concat(),
            };
            let (whole, now) = (whole.into(), self.clock.now());
            let outcome = self.shard(key).exchange(key, cas, whole, now);
            if outcome != Stored::Exists {
                return outcome;
            }
        }
    }

    pub(super) fn count(&self, key: &[u8], delta: Delta) -> Counted {
        let now = self.clock.now();
        self.shard(key).count(key, delta, now)
    }

    /// Forgets everything that is there when the delay is over.
    pub(super) fn flush(&self, delay: i64) {
        let now = self.clock.now();
        let at = deadline(delay, now).filter(|&at| at > now);
        for (number, shard) in self.shards.iter().enumerate() {
            let mut shard = lock(shard);
            shard.flush_at(at);
            if number == 0 {
                shard.counts.add(Counter::CmdFlush);
            }
        }
    }

    pub(super) fn reset_counts(&self) {
        for shard in &self.shards {
            lock(shard).counts = Counts::default();
        }
    }

    /// Every statistic: its name and its value.
    pub(super) fn stats(&self) -> Vec<(&'static str, u64)> {
        let now = self.clock.now();
        let (mut counts, mut items, mut bytes) = (Counts::default(), 0, 0);
        for shard in &self.shards {
            let shard = lock(shard);
            counts.merge(&shard.counts);
            items += shard.len();
            bytes += shard.bytes;
        }
        let mut stats = vec![
            ("pid", std::process::id().into()),
            ("uptime", now.saturating_sub(self.since).as_secs()),
            ("time", now.as_secs()),
            ("pointer_size", usize::BITS.into()),
        ];
        stats.extend(counts.named());
        stats.extend([
            ("limit_maxbytes", self.size.bytes as u64),
            ("bytes", bytes as u64),
            ("curr_items", items as u64),
        ]);
        stats
    }

    fn shard(&self, key: &[u8]) -> MutexGuard<'_, Shard> {
        // Which is less than the number of shards, and so fits.
        let number = self.hashes.hash_one(key) % self.shards.len() as u64;
        lock(&self.shards[usize::try_from(number).unwrap_or(0)])
    }
}

/// A shard is never left half changed: nothing in it panics but for want of memory.
fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the values: they may be many, and others' secrets.
        f.debug_struct("Store").field("size", &self.size).finish_non_exhaustive()
    }
}
