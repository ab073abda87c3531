//! How long the rest of a run will take: by the plan, scaled by how the plan
//! has fared so far.

use std::time::{Duration, Instant};

use crate::{Effort, Varies, schedule::Unit};

/// Time of a trial beside its traffic: two processes, the handshakes, the grace.
const BESIDE: Duration = Duration::from_millis(200);
/// The same of each server of a sitting: many start and end at the same time.
const BESIDE_SEAT: Duration = Duration::from_millis(50);

/// The plan of a run in time.
#[derive(Debug)]
pub(crate) struct Forecast {
    began: Instant,
    /// Time that all units of the run were planned to take, and that those which
    /// have ended were.
    all: Duration,
    done: Duration,
}

impl Default for Forecast {
    fn default() -> Self {
        Self { began: Instant::now(), all: Duration::ZERO, done: Duration::ZERO }
    }
}

/// How long a unit should take.
pub(crate) fn planned(unit: &Unit, effort: &Effort, varies: Varies) -> Duration {
    let duration = match unit.tasks.first() {
        Some(task) if varies == Varies::SliceMs => Duration::from_millis(task.x.into()),
        _ => effort.duration,
    };
    let slices = effort.warmup + duration;
    let seats = u32::try_from(unit.tasks.len()).unwrap_or(u32::MAX);
    match effort.rounds {
        Some(rounds) => BESIDE + (BESIDE_SEAT + slices * rounds.get()) * seats,
        None => BESIDE + slices,
    }
}

impl Forecast {
    /// Adds a unit to come.
    pub(crate) fn plan(&mut self, unit: Duration) {
        self.all += unit;
    }

    /// A unit has ended.
    pub(crate) fn tick(&mut self, unit: Duration) {
        self.done += unit;
    }

    /// The time that the plan has left.
    pub(crate) fn left(&self) -> Duration {
        self.all.saturating_sub(self.done)
    }

    /// Share of the run that is done, and time left as the run goes.
    pub(crate) fn look(&self) -> (f64, Duration) {
        let share = self.done.div_duration_f64(self.all.max(Duration::from_nanos(1)));
        let pace = match self.done {
            Duration::ZERO => 1.0,
            planned => self.began.elapsed().div_duration_f64(planned),
        };
        (share, self.left().mul_f64(pace))
    }
}
