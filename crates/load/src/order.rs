//! Who is loaded after whom.
//!
//! A server that follows another finds the core's caches full of what that one
//! used, and one that follows itself finds its own. So nobody follows itself, and
//! everybody follows everybody else about equally often. The orders of one round
//! are the rows of a Williams design, in which each ordered pair of neighbours
//! stands equally often (E. J. Williams, "Experimental Designs Balanced for the
//! Estimation of Residual Effects of Treatments", 1949).

use rand::{SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;

/// The orders of the rounds of an experiment, one after the other.
#[derive(Debug)]
pub(crate) struct Orders {
    rows: Vec<Vec<usize>>,
    /// How often each row was used.
    used: Vec<u32>,
    /// Who came last.
    last: Option<usize>,
    random: ChaCha8Rng,
}

impl Orders {
    /// The orders of `servers`; the same for the same seed.
    pub(crate) fn new(servers: usize, seed: u64) -> Self {
        let rows = williams(servers);
        let used = vec![0; rows.len()];
        Self { rows, used, last: None, random: ChaCha8Rng::seed_from_u64(seed) }
    }

    /// The order of the next round: a row that was used least, of those that do not
    /// begin with who came last.
    pub(crate) fn next(&mut self) -> &[usize] {
        let alone = self.rows[0].len() < 2;
        let fits = |row: &usize| alone || self.rows[*row].first().copied() != self.last;
        let fitting: Vec<usize> = (0..self.rows.len()).filter(fits).collect();
        let least = fitting.iter().map(|&row| self.used[row]).min().unwrap_or(0);
        let fresh: Vec<usize> =
            fitting.into_iter().filter(|&row| self.used[row] == least).collect();
        let row = fresh.choose(&mut self.random).copied().unwrap_or(0);
        self.used[row] += 1;
        self.last = self.rows[row].last().copied();
        &self.rows[row]
    }
}

/// A Williams design: with an even number as many rows as servers, with an odd
/// one twice as many, each row and its reverse.
fn williams(servers: usize) -> Vec<Vec<usize>> {
    // 0, 1, n − 1, 2, n − 2, …: neighbours differ by another amount each time.
    let zigzag = (0..servers).map(|place| {
        if place % 2 == 1 { place.div_ceil(2) } else { (servers - place / 2) % servers }
    });
    let zigzag: Vec<usize> = zigzag.collect();
    let shifted = |by: usize| zigzag.iter().map(|one| (one + by) % servers).collect();
    let mut rows: Vec<Vec<usize>> = (0..servers.max(1)).map(shifted).collect();
    if servers % 2 == 1 && servers > 1 {
        let reversed: Vec<Vec<usize>> =
            rows.iter().map(|row| row.iter().rev().copied().collect()).collect();
        rows.extend(reversed);
    }
    rows
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn follows(orders: &[usize]) -> BTreeMap<(usize, usize), usize> {
        let mut counts = BTreeMap::new();
        for pair in orders.windows(2) {
            *counts.entry((pair[0], pair[1])).or_default() += 1;
        }
        counts
    }

    proptest! {
        #[test]
        fn in_a_design_each_pair_stands_equally_often(servers in 2_usize..20) {
            let mut counts: BTreeMap<_, usize> = BTreeMap::new();
            for row in williams(servers) {
                let mut sorted = row.clone();
                sorted.sort_unstable();
                prop_assert_eq!(sorted, (0..servers).collect::<Vec<_>>());
                for (pair, count) in follows(&row) {
                    *counts.entry(pair).or_default() += count;
                }
            }
            prop_assert_eq!(counts.len(), servers * (servers - 1));
            let first = counts.values().next();
            prop_assert!(counts.values().all(|count| Some(count) == first));
        }

        #[test]
        fn nobody_follows_itself(servers in 2_usize..20, seed: u64) {
            let mut orders = Orders::new(servers, seed);
            let all: Vec<usize> = (0..50).flat_map(|_| orders.next().to_vec()).collect();
            prop_assert!(all.windows(2).all(|pair| pair[0] != pair[1]));
            let counts = follows(&all);
            let mean = all.len() / (servers * (servers - 1));
            prop_assert!(counts.values().all(|&count| count <= 3 * mean + 3), "{:?}", counts);
        }
    }

    /// Each block is a sitting of its own, which goes on where the last one ended.
    #[test]
    fn over_six_blocks_of_twelve_rounds_all_follow_all_alike() {
        for servers in 2..=24 {
            let mut counts: BTreeMap<_, usize> = BTreeMap::new();
            let mut orders = Orders::new(servers, 1);
            for _ in 0..6 {
                let block: Vec<usize> = (0..12).flat_map(|_| orders.next().to_vec()).collect();
                for (pair, count) in follows(&block) {
                    *counts.entry(pair).or_default() += count;
                }
            }
            assert_eq!(counts.len(), servers * (servers - 1), "{servers} servers");
            let (least, most) = (counts.values().min(), counts.values().max());
            let (least, most) = (least.copied().unwrap(), most.copied().unwrap());
            assert!(most <= 3 * least, "{servers} servers: {least} to {most} times");
        }
    }

    #[test]
    fn one_server_has_nobody_else_to_follow() {
        let mut orders = Orders::new(1, 3);
        assert_eq!((orders.next().to_vec(), orders.next().to_vec()), (vec![0], vec![0]));
    }
}
