//! Who sends next, and when.

use std::{collections::VecDeque, time::Duration};

use crate::{
    arrivals::Schedule,
    clock::{NEVER, nanoseconds},
    plan::{Mode, Plan},
    share::Share,
};

/// The plan's mode with its state.
#[derive(Debug)]
pub(crate) enum Pacing {
    /// Nobody.
    Silent,
    /// Who was answered, after a pause.
    Closed(Turns),
    /// Whoever the schedule names.
    Open(Box<Schedule>),
}

/// The turns of a closed loop: a queue for each length of pause.
#[derive(Debug)]
pub(crate) struct Turns {
    hot: Queue,
    /// Those whose number is no multiple of `every`, if the plan tells them apart.
    cold: Option<Queue>,
    every: u32,
}

/// As all its pauses are equal, those who pause queue in the order in which they
/// are due.
#[derive(Debug)]
struct Queue {
    think: u64,
    pausing: VecDeque<(u64, usize)>,
}

impl Pacing {
    /// The part that `share` has in the pacing of a plan whose traffic starts at
    /// `start` on the connections `live`, of all threads.
    pub(crate) fn new(plan: &Plan, start: u64, live: Vec<u32>, share: Share) -> Self {
        match plan.mode {
            Mode::Idle { .. } => Self::Silent,
            Mode::Closed { think } => Self::Closed(Turns::new(plan, start, think, live, share)),
            Mode::Open { rate, arrivals } => {
                let schedule = Schedule::new(start, rate, arrivals, plan.seed, live, share);
                Self::Open(Box::new(schedule))
            }
        }
    }

    /// When the generator must act next of its own accord.
    #[inline]
    pub(crate) fn due(&self) -> u64 {
        match self {
            Self::Silent => NEVER,
            Self::Closed(turns) => turns.due(),
            Self::Open(schedule) => schedule.next(),
        }
    }

    /// Takes the one who is due, with the instant.
    pub(crate) fn take(&mut self) -> Option<(u64, usize)> {
        match self {
            Self::Silent => None,
            Self::Closed(turns) => turns.take(),
            Self::Open(schedule) => schedule.take(),
        }
    }

    /// Whether a client of connection `number`, at `place` and answered `now`, asks
    /// again at once; in a closed loop that thinks it is queued instead.
    #[inline]
    pub(crate) fn goes_on(&mut self, number: u32, place: usize, now: u64) -> bool {
        match self {
            Self::Closed(turns) => turns.goes_on(number, place, now),
            Self::Silent | Self::Open(_) => false,
        }
    }
}

impl Turns {
    fn new(plan: &Plan, start: u64, think: Duration, live: Vec<u32>, share: Share) -> Self {
        let (hot, clients) = (plan.hot, plan.in_flight.get());
        let every = hot.map_or(1, |hot| hot.every.get());
        let (often, seldom): (Vec<u32>, Vec<u32>) =
            live.into_iter().partition(|number| number.is_multiple_of(every));
        let cold = hot.map(|hot| Queue::new(start, hot.cold_think, &seldom, clients, share));
        Self { hot: Queue::new(start, think, &often, clients, share), cold, every }
    }

    #[inline]
    fn due(&self) -> u64 {
        self.hot.due().min(self.cold.as_ref().map_or(NEVER, Queue::due))
    }

    fn take(&mut self) -> Option<(u64, usize)> {
        let due = self.due();
        match &mut self.cold {
            Some(cold) if cold.due() == due => cold.pausing.pop_front(),
            _ => self.hot.pausing.pop_front(),
        }
    }

    #[inline]
    fn goes_on(&mut self, number: u32, place: usize, now: u64) -> bool {
        let queue = match &mut self.cold {
            Some(cold) if !number.is_multiple_of(self.every) => cold,
            _ => &mut self.hot,
        };
        if queue.think > 0 {
            queue.pausing.push_back((now + queue.think, place));
        }
        queue.think == 0
    }
}

impl Queue {
    /// The first requests are spread over one pause: begun together, connections
    /// would stay in step and come in bursts for ever. Each of the `clients` of a
    /// connection, all of which may have a request in flight, pauses for itself.
    fn new(start: u64, think: Duration, live: &[u32], clients: u32, share: Share) -> Self {
        let think = nanoseconds(think);
        let step = think / (live.len() as u64 * u64::from(clients)).max(1);
        let rounds = (0..clients).flat_map(|_| live);
        let turns = (0..).zip(rounds).map(|(turn, &id)| (start.saturating_add(turn * step), id));
        let pausing = turns.filter_map(|(due, id)| Some((due, share.place(id)?))).collect();
        Self { think, pausing }
    }

    #[inline]
    fn due(&self) -> u64 {
        self.pausing.front().map_or(NEVER, |&(due, _)| due)
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;
    use crate::plan::Hot;

    const MILLISECOND: Duration = Duration::from_millis(1);

    #[test]
    fn first_turns_are_spread_over_the_pause() {
        let turns = |start, think, live: &[u32], first, threads| -> Vec<_> {
            let think = Duration::from_nanos(think);
            Queue::new(start, think, live, 1, Share::new(first, threads)).pausing.into()
        };
        assert_eq!(turns(1000, 90, &[4, 5, 9], 0, 1), [(1000, 4), (1030, 5), (1060, 9)]);
        assert_eq!(turns(1000, 90, &[4, 5, 9], 1, 2), [(1030, 2), (1060, 4)]);
        assert!(turns(1000, 0, &[1, 2], 0, 1).iter().all(|turn| turn.0 == 1000));
        assert!(turns(0, 90, &[], 0, 1).is_empty());
        let share = Share::new(0, 1);
        let shared: Vec<_> =
            Queue::new(0, Duration::from_nanos(60), &[4, 5], 3, share).pausing.into();
        assert_eq!(shared, [(0, 4), (10, 5), (20, 4), (30, 5), (40, 4), (50, 5)]);
    }

    #[test]
    fn hot_and_cold_pause_each_for_their_time() {
        let hot = NonZeroU32::new(2).map(|every| Hot { every, cold_think: MILLISECOND });
        let live = vec![0, 1, 2, 3];
        let plan = Plan { hot, ..Plan::new("127.0.0.1:1".parse().unwrap()) };
        let mut turns = Turns::new(&plan, 0, Duration::ZERO, live, Share::new(0, 1));
        let begun: Vec<_> = (0..4).filter_map(|_| turns.take()).collect();
        assert_eq!(begun, [(0, 1), (0, 0), (0, 2), (500_000, 3)]);
        assert_eq!((turns.due(), turns.take()), (NEVER, None));
        assert!(turns.goes_on(2, 2, 500));
        assert!(!turns.goes_on(3, 3, 500));
        assert_eq!((turns.due(), turns.take()), (1_000_500, Some((1_000_500, 3))));
    }
}
