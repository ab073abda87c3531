//! What trials come to: the value of a figure in a cell, and the ratio of two. The
//! one place where either is computed.
//!
//! ```text
//!                          loaded in turn                 a trial by itself
//! costs and rates          rounds: trimmed mean of logs   the trial's figure
//! latency percentiles      histograms of all blocks, pooled, in both
//! all other figures        the trial's figure             the trial's figure
//!                                     └── mean over the blocks ──┘
//! ```
//!
//! A ratio of costs or rates is taken within each round where both servers sat in
//! the same sitting: what the machine did in that round, it did to both.

use std::{cell::OnceCell, collections::BTreeMap};

use crate::{
    Cell, Experiment, Figure, Trial,
    estimate::{Estimate, jackknife, mean, trimmed_mean},
    histogram::{Pool, decode},
};

/// The usable trials of an experiment, by cell and block.
#[derive(Debug)]
pub struct Measured<'e> {
    cells: BTreeMap<Key, Vec<Block<'e>>>,
    /// See [`Compare::floors`](crate::Compare::floors).
    floors: BTreeMap<Figure, f64>,
}

/// A cell: model, variant, x, and whether it is the baseline's second turn.
type Key = (String, Option<String>, u64, bool);

/// A trial with its latencies, decoded when they are first asked for.
#[derive(Debug)]
struct Block<'e> {
    trial: &'e Trial,
    latencies: OnceCell<Vec<(u64, u64)>>,
}

/// A cell, or the same cell measured a second time as a control.
#[derive(Clone, Copy, Debug)]
pub struct Of<'c> {
    /// The cell.
    pub cell: &'c Cell,
    /// Its second turn is meant.
    pub control: bool,
}

impl<'c> From<&'c Cell> for Of<'c> {
    fn from(cell: &'c Cell) -> Self {
        Self { cell, control: false }
    }
}

impl<'e> Measured<'e> {
    /// What the trials of `experiment` measured. Void ones count for nothing.
    #[must_use]
    pub fn of(experiment: &'e Experiment) -> Self {
        let floors = experiment.compare.floors.clone();
        Self { floors, ..Self::from_trials(&experiment.trials) }
    }

    /// The same of trials alone.
    #[must_use]
    pub fn from_trials(trials: &'e [Trial]) -> Self {
        let mut cells: BTreeMap<Key, Vec<Block>> = BTreeMap::new();
        for trial in trials.iter().filter(|trial| trial.void.is_none()) {
            let key = key(&trial.model, trial.variant.as_deref(), trial.x, trial.control);
            let blocks = cells.entry(key).or_default();
            let place = |trial: &Trial| (trial.block, trial.sitting);
            if blocks.iter().all(|other| place(other.trial) != place(trial)) {
                blocks.push(Block { trial, latencies: OnceCell::new() });
            }
        }
        Self { cells, floors: BTreeMap::new() }
    }

    /// The value of a figure in a cell; `None` if no usable trial has it.
    #[must_use]
    pub fn value<'c>(&self, of: impl Into<Of<'c>>, figure: Figure) -> Option<Estimate> {
        let mut blocks: Vec<&Block> = self.trials(of.into()).iter().collect();
        blocks.sort_by_key(|block| block.trial.block);
        blocks.dedup_by_key(|block| block.trial.block);
        if let Some(quantile) = figure.quantile()
            && blocks.iter().any(|block| block.trial.histogram.is_some())
        {
            let pooled = |out: Option<usize>| percentile(&kept(&blocks, out), quantile);
            return jackknife(blocks.len(), true, |out| Some(pooled(out)?.ln()));
        }
        let values = blocks.iter().filter_map(|block| block.trial.figures.get(&figure).copied());
        over_blocks(figure, &values.collect::<Vec<_>>())
    }

    /// The ratio of a figure in two cells, from the blocks that have both; `None` if
    /// no block has, or there is nothing to divide by.
    #[must_use]
    pub fn ratio<'c>(
        &self,
        of: impl Into<Of<'c>>,
        over: impl Into<Of<'c>>,
        figure: Figure,
    ) -> Option<Estimate> {
        let (of, over) = self.pairs(of.into(), over.into());
        if let Some(quantile) = figure.quantile()
            && of.iter().all(|block| block.trial.histogram.is_some())
        {
            return jackknife(of.len(), true, |out| {
                let above = percentile(&kept(&of, out), quantile)?;
                Some((above / percentile(&kept(&over, out), quantile)?).ln())
            });
        }
        let floor = self.floors.get(&figure).copied();
        let ratios = of.iter().zip(&over).filter_map(|(of, over)| within(of, over, figure, floor));
        let ratios: Vec<f64> = ratios.collect();
        let without = |out| mean(&kept(&ratios, out));
        jackknife(ratios.len(), true, without)
    }

    /// The trials of two cells that are held against each other: in each block one of
    /// either, from one sitting if there is such a pair.
    fn pairs(&self, of: Of, over: Of) -> (Vec<&Block<'e>>, Vec<&Block<'e>>) {
        let over = self.trials(over);
        let is_apart = |of: &Block, over: &Block| of.trial.sitting != over.trial.sitting;
        let pair = |of: &'_ &Block<'e>| {
            let in_block = over.iter().filter(|over| over.trial.block == of.trial.block);
            in_block.min_by_key(|over| is_apart(of, over))
        };
        let of = self.trials(of).iter();
        let mut pairs: Vec<_> = of.filter_map(|of| Some((of, pair(&of)?))).collect();
        pairs.sort_by_key(|(of, over)| (of.trial.block, is_apart(of, over)));
        pairs.dedup_by_key(|(of, _)| of.trial.block);
        pairs.into_iter().unzip()
    }

    /// The trials of a cell: one in each block, or several of a baseline that sat in
    /// several sittings.
    fn trials(&self, of: Of) -> &[Block<'e>] {
        let Cell { model, variant, x } = of.cell;
        let cell = self.cells.get(&key(model, variant.as_deref(), *x, of.control));
        cell.map_or(&[], Vec::as_slice)
    }
}

fn key(model: &str, variant: Option<&str>, x: f64, control: bool) -> Key {
    (model.to_owned(), variant.map(str::to_owned), x.to_bits(), control)
}

fn kept<T: Copy>(all: &[T], out: Option<usize>) -> Vec<T> {
    all.iter().enumerate().filter(|(n, _)| Some(*n) != out).map(|(_, one)| *one).collect()
}

/// The mean over blocks: of logarithms where the figure has them. What is counted is
/// told to the last one, and no logarithm is.
fn over_blocks(figure: Figure, values: &[f64]) -> Option<Estimate> {
    let is_log = !figure.is_counted() && values.iter().all(|&value| value > 0.0);
    let values: Vec<f64> =
        values.iter().map(|value| if is_log { value.ln() } else { *value }).collect();
    jackknife(values.len(), is_log, |out| mean(&kept(&values, out)))
}

/// The logarithm of the ratio of two trials of one block: the median round's, so to
/// say, where they sat together. What lies below `floor` counts as the floor.
fn within(of: &Block, over: &Block, figure: Figure, floor: Option<f64>) -> Option<f64> {
    let (of, over) = (of.trial, over.trial);
    let sat_together = of.sitting.is_some() && of.sitting == over.sitting;
    let rounds = of.rounds(figure).zip(over.rounds(figure)).filter(|_| sat_together);
    let log = if let Some((of, over)) = rounds {
        let logs = of.iter().zip(&over).map(|(of, over)| (of / over).ln());
        trimmed_mean(logs.filter(|log| log.is_finite()).collect())?
    } else {
        let value = |trial: &Trial| {
            let value = *trial.figures.get(&figure)?;
            Some(floor.map_or(value, |floor| value.max(floor)))
        };
        (value(of)? / value(over)?).ln()
    };
    log.is_finite().then_some(log)
}

/// A percentile of the pooled latencies in microseconds, as far as they support it.
fn percentile(blocks: &[&Block], quantile: f64) -> Option<f64> {
    let mut pool = Pool::default();
    for block in blocks {
        let text = block.trial.histogram.as_ref()?;
        pool.add(block.latencies.get_or_init(|| decode(text).unwrap_or_default()));
        let figure = |figure| block.trial.figures.get(&figure).copied().unwrap_or(0.0);
        pool.missing += figure(Figure::Censored) + figure(Figure::Unsent);
    }
    pool.percentile_us(quantile)
}

impl Trial {
    /// A cost or rate of each round, if the figure has one and the server was
    /// loaded in turn with others.
    #[must_use]
    pub fn rounds(&self, figure: Figure) -> Option<Vec<f64>> {
        let rounds = self.slices.as_ref()?;
        let each = |count: &[u64], time: &[u64]| -> Vec<f64> {
            #[expect(clippy::cast_precision_loss, reason = "counts and times of milliseconds")]
            let rate = |(count, time): (&u64, &u64)| *count as f64 / (*time as f64 / 1e9);
            count.iter().zip(time).map(rate).collect()
        };
        let by_server = || each(&rounds.answered, &rounds.server_cpu_ns);
        let both = || -> Vec<u64> {
            rounds.server_cpu_ns.iter().zip(&rounds.client_cpu_ns).map(|(a, b)| a + b).collect()
        };
        match figure {
            Figure::RequestsPerServerCpuSecond => Some(by_server()),
            Figure::RequestsPerCpuSecond => Some(each(&rounds.answered, &both())),
            Figure::RequestsPerSecond => Some(each(&rounds.answered, &rounds.length_ns)),
            Figure::BytesPerServerCpuSecond => {
                let bytes = rounds.bytes_per_answer;
                Some(by_server().into_iter().map(|rate| rate * bytes).collect())
            }
            Figure::RampCost => {
                let ramp = each(&rounds.ramp_answered, &rounds.ramp_cpu_ns);
                Some(by_server().into_iter().zip(ramp).map(|(slice, ramp)| slice / ramp).collect())
            }
            _ => None,
        }
    }

    /// The same over all rounds: the mean of what is left of their logarithms when
    /// a fifth is taken from either end.
    #[must_use]
    pub fn over_rounds(&self, figure: Figure) -> Option<f64> {
        let logs = self.rounds(figure)?.into_iter().map(f64::ln).filter(|log| log.is_finite());
        trimmed_mean(logs.collect()).map(f64::exp)
    }
}
