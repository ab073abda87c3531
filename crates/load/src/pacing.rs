//! Who sends next, and when.

use std::collections::VecDeque;

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
    /// Who was answered, after a pause. As all pauses are equal, those who pause
    /// queue in the order in which they are due.
    Closed { think: u64, pausing: VecDeque<(u64, usize)> },
    /// Whoever the schedule names.
    Open(Box<Schedule>),
}

impl Pacing {
    /// The part that `share` has in the pacing of a plan whose traffic starts at
    /// `start` on the connections `live`, of all threads.
    pub(crate) fn new(plan: &Plan, start: u64, live: Vec<u32>, share: Share) -> Self {
        match plan.mode {
            Mode::Idle { .. } => Self::Silent,
            Mode::Closed { think } => {
                let think = nanoseconds(think);
                Self::Closed { think, pausing: first_turns(start, think, &live, share) }
            }
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
            Self::Closed { pausing, .. } => pausing.front().map_or(NEVER, |&(due, _)| due),
            Self::Open(schedule) => schedule.next(),
        }
    }

    /// Takes the one who is due, with the instant.
    pub(crate) fn take(&mut self) -> Option<(u64, usize)> {
        match self {
            Self::Silent => None,
            Self::Closed { pausing, .. } => pausing.pop_front(),
            Self::Open(schedule) => schedule.take(),
        }
    }
}

/// The first requests of a closed loop. They are spread over one pause: begun
/// together, connections would stay in step and come in bursts for ever.
fn first_turns(start: u64, think: u64, live: &[u32], share: Share) -> VecDeque<(u64, usize)> {
    let step = think / (live.len() as u64).max(1);
    let turns = (0..).zip(live).map(|(turn, &id)| (start.saturating_add(turn * step), id));
    turns.filter_map(|(due, id)| share.place(id).map(|place| (due, place))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_turns_are_spread_over_the_pause() {
        let turns = |start, think, live: &[u32], first, threads| -> Vec<_> {
            first_turns(start, think, live, Share::new(first, threads)).into()
        };
        assert_eq!(turns(1000, 90, &[4, 5, 9], 0, 1), [(1000, 4), (1030, 5), (1060, 9)]);
        assert_eq!(turns(1000, 90, &[4, 5, 9], 1, 2), [(1030, 2), (1060, 4)]);
        assert!(turns(1000, 0, &[1, 2], 0, 1).iter().all(|turn| turn.0 == 1000));
        assert!(turns(0, 90, &[], 0, 1).is_empty());
    }
}
