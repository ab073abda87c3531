//! How long the rest of a run will take: by the plan, scaled by how the plan
//! has fared so far.

use std::time::{Duration, Instant};

use crate::Effort;

/// Time of a trial beside its warm-up and window: two processes, the
/// handshakes, the grace.
const BESIDE: Duration = Duration::from_millis(200);

/// The plan of a run in time.
#[derive(Debug)]
pub(crate) struct Forecast {
    stages: Vec<Stage>,
    /// The stage that runs now.
    current: usize,
    began: Instant,
    /// Time that the trials ended so far were planned to take.
    done: Duration,
}

/// One experiment.
#[derive(Debug)]
struct Stage {
    trial: Duration,
    /// Trials to come, if intervals are narrow at once and if they stay wide.
    least: u32,
    most: u32,
}

impl Default for Forecast {
    fn default() -> Self {
        Self { stages: Vec::new(), current: 0, began: Instant::now(), done: Duration::ZERO }
    }
}

impl Forecast {
    /// Adds an experiment whose blocks have so many trials, and of which so
    /// many blocks are there.
    pub(crate) fn plan(&mut self, effort: &Effort, block: usize, there: u32) {
        let trial = effort.warmup + effort.duration + BESIDE;
        let block = u32::try_from(block).unwrap_or(u32::MAX);
        let left = |blocks: u32| blocks.saturating_sub(there).saturating_mul(block);
        let affordable = effort.budget.map_or(u32::MAX, |budget| {
            let blocks = budget.div_duration_f64(trial * block.max(1));
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "saturates"
            )]
            let blocks = blocks as u32;
            blocks
        });
        let most = effort.most().get().min(affordable.max(effort.blocks.get()));
        self.stages.push(Stage { trial, least: left(effort.blocks.get()), most: left(most) });
    }

    /// The run goes on with the experiment of this number.
    pub(crate) fn begin(&mut self, number: usize) {
        self.current = number;
    }

    /// A trial has ended.
    pub(crate) fn tick(&mut self) {
        let stage = &mut self.stages[self.current];
        stage.least = stage.least.saturating_sub(1);
        stage.most = stage.most.saturating_sub(1);
        self.done += stage.trial;
    }

    /// The time left, at best and at worst.
    pub(crate) fn range(&self) -> (Duration, Duration) {
        let stages = || self.stages.iter().skip(self.current);
        (
            stages().map(|stage| stage.trial * stage.least).sum(),
            stages().map(|stage| stage.trial * stage.most).sum(),
        )
    }

    /// Share of the run that is done, and time left, if half of the blocks
    /// that may be needed are.
    pub(crate) fn look(&self) -> (f64, Duration) {
        let (least, most) = self.range();
        let left = (least + most) / 2;
        let done = self.done.div_duration_f64((self.done + left).max(Duration::from_nanos(1)));
        let pace = match self.done {
            Duration::ZERO => 1.0,
            planned => self.began.elapsed().div_duration_f64(planned),
        };
        (done, left.mul_f64(pace))
    }
}
