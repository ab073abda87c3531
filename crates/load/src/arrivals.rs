//! The schedule of an open loop: when requests are due, and on which connection.

use rand::{RngExt, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use crate::{clock::NEVER, plan::Arrivals, share::Share};

/// The due instants of an open loop, in order, and whose turn each is.
///
/// The same seed gives the same schedule. Connections take turns in a shuffled
/// order, so each gets an equal share and neighbours in time are not neighbours
/// in the server's tables.
///
/// Each thread draws the whole schedule, some nanoseconds an arrival, and keeps
/// those of its share: so it is the same schedule for any number of threads.
#[derive(Debug)]
pub(crate) struct Schedule {
    start: u64,
    /// Mean gap in nanoseconds.
    gap: f64,
    arrivals: Arrivals,
    rng: ChaCha8Rng,
    /// Connections in the order of their turns; nobody, if none is of the share.
    order: Vec<u32>,
    share: Share,
    /// Whose turn is next.
    turn: usize,
    place: usize,
    /// Arrivals drawn, and for Poisson the sum of their gaps.
    drawn: u64,
    offset: f64,
    next: u64,
}

impl Schedule {
    pub(crate) fn new(
        start: u64,
        rate: f64,
        arrivals: Arrivals,
        seed: u64,
        mut order: Vec<u32>,
        share: Share,
    ) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        order.shuffle(&mut rng);
        if !order.iter().any(|&number| share.place(number).is_some()) {
            order.clear();
        }
        let gap = 1e9 / rate;
        let (turn, place, drawn, offset, next) = (0, 0, 0, 0.0, NEVER);
        let mut schedule =
            Self { start, gap, arrivals, rng, order, share, turn, place, drawn, offset, next };
        schedule.advance();
        schedule
    }

    /// When the next request is due.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// Takes the next arrival: its instant and the place of its connection.
    pub(crate) fn take(&mut self) -> Option<(u64, usize)> {
        let taken = (self.next, self.place);
        self.advance();
        (taken.0 != NEVER).then_some(taken)
    }

    /// Draws arrivals up to the next of the share.
    fn advance(&mut self) {
        while let Some(&number) = self.order.get(self.turn) {
            self.draw();
            self.turn = (self.turn + 1) % self.order.len();
            if let Some(place) = self.share.place(number) {
                self.place = place;
                return;
            }
        }
    }

    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "offsets are positive and below 2^53 ns, 104 days"
    )]
    fn draw(&mut self) {
        self.offset = match self.arrivals {
            // From the count, not by adding up: rounding must not drift the rate.
            Arrivals::Fixed => self.drawn as f64 * self.gap,
            // 1 − u is in (0, 1], so the logarithm is finite.
            Arrivals::Poisson => self.offset - (1.0 - self.rng.random::<f64>()).ln() * self.gap,
        };
        self.drawn += 1;
        self.next = self.start.saturating_add(self.offset as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(arrivals: Arrivals, seed: u64, count: usize) -> Vec<(u64, usize)> {
        taken_by(Share::new(0, 1), arrivals, seed, count)
    }

    fn taken_by(share: Share, arrivals: Arrivals, seed: u64, count: usize) -> Vec<(u64, usize)> {
        let mut schedule = Schedule::new(1000, 10_000.0, arrivals, seed, (0..8).collect(), share);
        (0..count).filter_map(|_| schedule.take()).collect()
    }

    #[test]
    fn the_threads_together_keep_the_schedule_of_one() {
        for arrivals in [Arrivals::Fixed, Arrivals::Poisson] {
            let whole = taken(arrivals, 7, 80);
            // Of eight connections, three threads have 3, 3 and 2.
            let shares = [(0, 30), (1, 30), (2, 20)].map(|(first, count)| {
                let share = Share::new(first, 3);
                let of_thread = taken_by(share, arrivals, 7, count).into_iter();
                of_thread.map(move |(due, place)| (due, share.number(place) as usize))
            });
            let mut union: Vec<_> = shares.into_iter().flatten().collect();
            union.sort_unstable();
            assert_eq!(union, whole);
        }
    }

    #[test]
    fn a_seed_is_a_schedule() {
        assert_eq!(taken(Arrivals::Poisson, 7, 100), taken(Arrivals::Poisson, 7, 100));
        assert_ne!(taken(Arrivals::Poisson, 7, 100), taken(Arrivals::Poisson, 8, 100));
    }

    #[test]
    fn fixed_arrivals_are_evenly_spaced() {
        let instants: Vec<u64> = taken(Arrivals::Fixed, 1, 4).iter().map(|one| one.0).collect();
        assert_eq!(instants, [1000, 101_000, 201_000, 301_000]);
    }

    #[test]
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    fn poisson_gaps_have_the_mean_and_the_spread_of_an_exponential() {
        let instants = taken(Arrivals::Poisson, 3, 100_001);
        let gaps: Vec<f64> =
            instants.windows(2).map(|pair| (pair[1].0 - pair[0].0) as f64).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        assert!((mean / 100_000.0 - 1.0).abs() < 0.02, "mean gap {mean} ns");
        assert!((variance.sqrt() / mean - 1.0).abs() < 0.02, "deviation {}", variance.sqrt());
    }

    #[test]
    fn connections_take_equal_turns() {
        let mut turns = [0; 8];
        for (_, connection) in taken(Arrivals::Fixed, 1, 80) {
            turns[connection] += 1;
        }
        assert_eq!(turns, [10; 8]);
    }

    #[test]
    fn nobody_to_ask_is_no_schedule() {
        let share = Share::new(0, 1);
        let mut schedule = Schedule::new(0, 1.0, Arrivals::Fixed, 1, Vec::new(), share);
        assert_eq!((schedule.next(), schedule.take()), (NEVER, None));
    }
}
