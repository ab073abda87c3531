//! What the generator's own thread used, and what it had to wait for.

use std::{fs, time::Duration};

use nix::time::{ClockId, clock_gettime};

use crate::clock::nanoseconds;

/// Of the calling thread since it began, in nanoseconds: all that its generator
/// uses.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// CPU time.
    pub(crate) cpu: u64,
    /// Time in which it was ready to run and another thread had the core.
    pub(crate) waited: u64,
}

impl Usage {
    /// The usage until now. A figure that the kernel does not give is 0.
    pub(crate) fn now() -> Self {
        let cpu = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)
            .map_or(0, |time| nanoseconds(Duration::from(time)));
        // CPU time, run-queue delay, number of turns.
        let stat = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
        let waited = stat.split(' ').nth(1).and_then(|text| text.parse().ok()).unwrap_or(0);
        Self { cpu, waited }
    }

    /// Of two threads.
    pub(crate) fn and(self, other: Self) -> Self {
        Self { cpu: self.cpu + other.cpu, waited: self.waited + other.waited }
    }

    /// What was used since `before`.
    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            cpu: self.cpu.saturating_sub(before.cpu),
            waited: self.waited.saturating_sub(before.waited),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_counted() {
        let before = Usage::now();
        let mut sum = 0_u64;
        for n in 0..1_000_000_u64 {
            sum = std::hint::black_box(sum ^ n);
        }
        assert!(Usage::now().since(before).cpu > 0);
    }
}
