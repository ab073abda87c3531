//! One part of a store: values in the order of their last use, in bounded memory.

use std::{sync::Arc, time::Duration};

use lru::LruCache;

use super::{
    counts::{Counter, Counts},
    line::{Delta, number},
};

/// Up to here an exptime is so many seconds from now; beyond, since the epoch.
const RELATIVE_MAX: i64 = 30 * 24 * 60 * 60;

/// What a value costs beside its bytes and its key's: two allocations that are
/// counted, a node of the list, a place in a table that is on average half empty.
pub(super) const ITEM_BYTES: usize = 200;

/// The values whose keys fall to this shard.
#[derive(Debug)]
// Two locks on one cache line would be one to the processor, which fetches lines in pairs.
#[repr(align(128))]
pub(super) struct Shard {
    items: LruCache<Box<[u8]>, Item>,
    /// What the items cost.
    pub(super) bytes: usize,
    /// What they may cost.
    limit: usize,
    /// The last id given; the next is `stride` above, so that no two shards give the same.
    cas: u64,
    stride: u64,
    /// When all that is there will be gone.
    flush_at: Option<Duration>,
    pub(super) counts: Counts,
}

/// A value. Whoever reads it copies it later, when the shard is no longer locked.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) value: Arc<[u8]>,
    pub(super) flags: u32,
    pub(super) cas: u64,
    /// When it is no more; `None` is never.
    expires: Option<Duration>,
}

/// When a value is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    Always,
    Absent,
    Present,
    /// It is there, and has this id.
    Is(u64),
}

/// What became of a value to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stored {
    Done,
    /// Its condition does not hold.
    Refused,
    /// It was stored by somebody else since.
    Exists,
    NotFound,
    /// It alone is more than the shard may hold.
    NoRoom,
}

/// What became of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counted {
    Now(u64),
    NotFound,
    NoNumber,
    NoRoom,
}

/// When something ends that has so long to live.
pub(super) fn deadline(exptime: i64, now: Duration) -> Option<Duration> {
    match u64::try_from(exptime) {
        Ok(0) => None,
        Ok(seconds) if exptime <= RELATIVE_MAX => Some(now + Duration::from_secs(seconds)),
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => Some(Duration::ZERO),
    }
}

fn cost(key: &[u8], value: &[u8]) -> usize {
    key.len() + value.len() + ITEM_BYTES
}

impl Shard {
    /// The shard `number` of `stride`.
    pub(super) fn new(number: u64, stride: u64, limit: usize) -> Self {
        Self {
            items: LruCache::unbounded(),
            bytes: 0,
            limit,
            cas: number,
            stride,
            flush_at: None,
            counts: Counts::default(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    /// The item of a key, if it has not expired. It is the last used from now on.
    pub(super) fn find(&mut self, key: &[u8], now: Duration) -> Option<&mut Item> {
        if self.flush_at.is_some_and(|at| at <= now) {
            self.flush();
        }
        let item = self.items.peek(key)?;
        if item.expires.is_some_and(|at| at <= now) {
            self.counts.add(Counter::GetExpired);
            self.remove(key);
            return None;
        }
        self.items.get_mut(key)
    }

    pub(super) fn get(&mut self, key: &[u8], now: Duration) -> Option<Item> {
        let found = self.find(key, now).cloned();
        self.counts.add(Counter::CmdGet);
        self.counts.add(if found.is_some() { Counter::GetHits } else { Counter::GetMisses });
        found
    }

    pub(super) fn touch(&mut self, key: &[u8], exptime: i64, now: Duration) -> Option<Item> {
        let found = self.find(key, now).map(|item| {
            item.expires = deadline(exptime, now);
            item.clone()
        });
        self.counts.add(Counter::CmdTouch);
        self.counts.add(if found.is_some() { Counter::TouchHits } else { Counter::TouchMisses });
        found
    }

    pub(super) fn delete(&mut self, key: &[u8], now: Duration) -> bool {
        let found = self.find(key, now).is_some();
        self.counts.add(if found { Counter::DeleteHits } else { Counter::DeleteMisses });
        self.remove(key);
        found
    }

    pub(super) fn store(
        &mut self,
        key: Box<[u8]>,
        (condition, flags, exptime): (Condition, u32, i64),
        value: Arc<[u8]>,
        now: Duration,
    ) -> Stored {
        self.counts.add(Counter::CmdSet);
        let cas = self.find(&key, now).map(|item| item.cas);
        let (outcome, counter) = match (condition, cas) {
            (Condition::Absent, Some(_)) | (Condition::Present, None) => (Stored::Refused, None),
            (Condition::Is(_), None) => (Stored::NotFound, Some(Counter::CasMisses)),
            (Condition::Is(wanted), Some(cas)) if cas != wanted => {
                (Stored::Exists, Some(Counter::CasBadval))
            }
            (Condition::Is(_), Some(_)) => (Stored::Done, Some(Counter::CasHits)),
            _ => (Stored::Done, None),
        };
        if let Some(counter) = counter {
            self.counts.add(counter);
        }
        if outcome == Stored::Done && !self.put(key, value, flags, deadline(exptime, now)) {
            return Stored::NoRoom;
        }
        outcome
    }

    /// Stores `value` in the place of the one with the id `cas`, with its flags
    /// and its end, if that is still there.
    pub(super) fn exchange(
        &mut self,
        key: &[u8],
        cas: u64,
        value: Arc<[u8]>,
        now: Duration,
    ) -> Stored {
        let Some(&mut Item { cas: is, flags, expires, .. }) = self.find(key, now) else {
            return Stored::Refused;
        };
        if is != cas {
            return Stored::Exists;
        }
        self.counts.add(Counter::CmdSet);
        if self.put(key.into(), value, flags, expires) { Stored::Done } else { Stored::NoRoom }
    }

    /// Adds to a number. As long as a smaller one fits, spaces are left behind it.
    pub(super) fn count(&mut self, key: &[u8], delta: Delta, now: Duration) -> Counted {
        let (hits, misses) = match delta {
            Delta::Up(_) => (Counter::IncrHits, Counter::IncrMisses),
            Delta::Down(_) => (Counter::DecrHits, Counter::DecrMisses),
        };
        let Some(Item { value, flags, expires, .. }) = self.find(key, now).cloned() else {
            self.counts.add(misses);
            return Counted::NotFound;
        };
        let Some(number) = decimal(&value) else { return Counted::NoNumber };
        self.counts.add(hits);
        let number = match delta {
            Delta::Up(by) => number.wrapping_add(by),
            Delta::Down(by) => number.saturating_sub(by),
        };
        let text = format!("{number:<width$}", width = value.len());
        let fits = self.put(key.into(), text.into_bytes().into(), flags, expires);
        if fits { Counted::Now(number) } else { Counted::NoRoom }
    }

    pub(super) fn flush_at(&mut self, at: Option<Duration>) {
        match at {
            Some(at) => self.flush_at = Some(at),
            None => self.flush(),
        }
    }

    fn flush(&mut self) {
        self.items.clear();
        self.bytes = 0;
        self.flush_at = None;
    }

    /// Stores, and pushes out what was used least recently. If the shard could
    /// not hold the value, the old one goes: it is no longer the value.
    fn put(
        &mut self,
        key: Box<[u8]>,
        value: Arc<[u8]>,
        flags: u32,
        expires: Option<Duration>,
    ) -> bool {
        self.remove(&key);
        let cost = cost(&key, &value);
        if cost > self.limit {
            return false;
        }
        while self.bytes + cost > self.limit
            && let Some((key, item)) = self.items.pop_lru()
        {
            self.bytes -= self::cost(&key, &item.value);
            self.counts.add(Counter::Evictions);
        }
        self.bytes += cost;
        self.cas += self.stride;
        self.items.push(key, Item { value, flags, cas: self.cas, expires });
        self.counts.add(Counter::TotalItems);
        true
    }

    pub(super) fn remove(&mut self, key: &[u8]) {
        if let Some(item) = self.items.pop(key) {
            self.bytes -= cost(key, &item.value);
        }
    }
}

/// The number that a value is: spaces may stand around it.
fn decimal(value: &[u8]) -> Option<u64> {
    let text = value.trim_ascii_start();
    let end = text.iter().position(u8::is_ascii_whitespace).unwrap_or(text.len());
    number(&text[..end])
}
