//! A machine that is simulated: servers whose cost is known are loaded in turn on it,
//! and it disturbs them.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hdrhistogram::{
    Histogram,
    serialization::{Serializer as _, V2DeflateSerializer},
};
use rand::{RngExt as _, SeedableRng as _, seq::SliceRandom as _};
use rand_chacha::ChaCha8Rng;
use results::{Cell, Slices, Trial};

/// How long a slice and the ramp before it are, in milliseconds.
const SLICE_MS: f64 = 20.0;
const RAMP_MS: f64 = 2.5;
/// CPU time of a request to a server of cost 1, in milliseconds.
const REQUEST_MS: f64 = 0.05;
/// Latencies that are drawn in a slice.
const LATENCIES: u32 = 200;
/// Those of them that wait for the end of a stall: one for each connection.
const STALLED: u32 = 32;
/// How long a stall is, in milliseconds.
const STALL_MS: f64 = 30.0;
/// One slice in so many has one.
const STALL_EVERY: usize = 50;

/// What the machine does to the servers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Machine {
    /// Nothing, beyond the scatter of starts and slices.
    Quiet,
    /// Its speed walks by a fifth over the run.
    Drifting,
    /// Somebody else takes a share of each period: work costs twice as much then.
    Neighbour {
        /// From the start of each period, in milliseconds.
        busy_ms: f64,
        /// Milliseconds.
        period_ms: f64,
    },
    /// One slice in twenty costs 1.2 to 2 times as much.
    Bursts,
}

/// All of them.
pub(crate) const MACHINES: [Machine; 5] = [
    Machine::Quiet,
    Machine::Drifting,
    Machine::Neighbour { busy_ms: 3.0, period_ms: 10.0 },
    Machine::Neighbour { busy_ms: 500.0, period_ms: 1000.0 },
    Machine::Bursts,
];

/// What is simulated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) blocks: u32,
    pub(crate) rounds: u32,
    /// Cost of a request to `b` over that of one to `a`.
    pub(crate) cost: f64,
    /// Keep latencies too.
    pub(crate) latencies: bool,
    /// `b` stalls in one slice of fifty.
    pub(crate) stalls: bool,
}

/// A run, and the p99 of each slice of `a` and of `b`, where latencies are kept.
#[derive(Debug, Default)]
pub(crate) struct Run {
    pub(crate) trials: Vec<Trial>,
    pub(crate) p99_of_slices: [Vec<u64>; 2],
}

/// The cell of a server.
pub(crate) fn cell(model: &str) -> Cell {
    Cell { model: model.to_owned(), variant: None, x: 64.0 }
}

/// The machine while it runs.
struct Clock {
    machine: Machine,
    random: ChaCha8Rng,
    now_ms: f64,
    /// Logarithm of what work costs by now.
    drift: f64,
    /// By how much that walks in a slice: its standard deviation.
    step: f64,
}

/// A server in a sitting.
struct Seat {
    trial: Trial,
    cost: f64,
    latencies: Histogram<u64>,
}

/// Simulates a run: in each block `a`, `a` again, `b`, and another one that only takes
/// its time, loaded in turn.
pub(crate) fn run(machine: Machine, plan: Plan, seed: u64) -> Run {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let now_ms = random.random_range(0.0..1000.0);
    let slices = f64::from(plan.blocks * plan.rounds * 4);
    let mut clock = Clock { machine, random, now_ms, drift: 0.0, step: 0.2 / slices.sqrt() };
    let mut run = Run::default();
    let mut place = 0;
    let stalled = clock.random.random_range(..STALL_EVERY);
    for block in 0..plan.blocks {
        let mut seats: Vec<Seat> = [("a", false, 1.0), ("a", true, 1.0), ("b", false, plan.cost)]
            .map(|(model, control, cost)| clock.start(block, model, control, cost))
            .into();
        let mut order: Vec<usize> = (0..=seats.len()).collect();
        for _ in 0..plan.rounds {
            order.shuffle(&mut clock.random);
            for &seat in &order {
                let Some(seat) = seats.get_mut(seat) else {
                    clock.slice();
                    continue;
                };
                let cost = seat.cost * clock.slice();
                count(&mut seat.trial, cost);
                if !plan.latencies || seat.trial.control {
                    continue;
                }
                let is_b = seat.trial.model == "b";
                let is_stalled = is_b && plan.stalls && place % STALL_EVERY == stalled;
                let slice = clock.latencies(cost, is_stalled);
                for &one in &slice {
                    seat.latencies.record(one).unwrap();
                }
                place += usize::from(is_b);
                run.p99_of_slices[usize::from(is_b)].push(p99(slice));
            }
        }
        run.trials.extend(seats.into_iter().map(|seat| end(seat, plan.latencies)));
        // Servers end, others start.
        clock.now_ms += clock.random.random_range(100.0..400.0);
    }
    run
}

impl Clock {
    /// A server's start. Its luck scatters by 0.9 % and is the same until it ends.
    fn start(&mut self, block: u32, model: &str, control: bool, cost: f64) -> Seat {
        let cost = cost * (0.009 * self.normal()).exp();
        Seat { trial: trial(block, model, control), cost, latencies: histogram() }
    }

    /// The next slice: how much more work costs in it than usual. Slices scatter by 3 %.
    fn slice(&mut self) -> f64 {
        self.drift += self.step * self.normal();
        let start = self.now_ms + RAMP_MS;
        self.now_ms = start + SLICE_MS * self.random.random_range(0.9..1.1);
        let noise = (0.03 * self.normal()).exp();
        noise
            * match self.machine {
                Machine::Quiet => 1.0,
                Machine::Drifting => self.drift.exp(),
                Machine::Bursts => {
                    let is_burst = self.random.random_bool(0.05);
                    if is_burst { self.random.random_range(1.2..2.0) } else { 1.0 }
                }
                Machine::Neighbour { busy_ms, period_ms } => {
                    let busy_until = |at: f64| {
                        (at / period_ms).floor() * busy_ms + (at % period_ms).min(busy_ms)
                    };
                    let busy = busy_until(self.now_ms) - busy_until(start);
                    // In that time half as much is done.
                    1.0 / (1.0 - 0.5 * busy / (self.now_ms - start))
                }
            }
    }

    /// Those of a slice in nanoseconds: exponential above a least one, all stretched by
    /// the slice's cost.
    fn latencies(&mut self, cost: f64, is_stalled: bool) -> Vec<u64> {
        let mut random = || self.random.random::<f64>();
        let mut slice: Vec<u64> = (0..LATENCIES)
            .map(|_| nanoseconds((1.0 - (1.0 - random()).ln()) * cost * REQUEST_MS))
            .collect();
        if is_stalled {
            slice.extend((0..STALLED).map(|_| nanoseconds(STALL_MS * (0.8 + 0.2 * random()))));
        }
        slice
    }

    /// From the standard normal distribution, by Box and Muller.
    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.random.random::<f64>()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.random.random::<f64>()).cos()
    }
}

fn p99(mut slice: Vec<u64>) -> u64 {
    slice.sort_unstable();
    slice[slice.len() * 99 / 100]
}

/// Small, so that thousands of them are quick: units of 128 ns, to a second.
fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(128, 1_000_000_000, 3).unwrap()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive and small")]
fn nanoseconds(milliseconds: f64) -> u64 {
    (milliseconds * 1e6).round() as u64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive and small")]
fn count(trial: &mut Trial, cost: f64) {
    let slices = trial.slices.as_mut().unwrap();
    let answered = (SLICE_MS / (REQUEST_MS * cost)).round();
    slices.answered.push(answered as u64);
    slices.server_cpu_ns.push(nanoseconds(answered * REQUEST_MS * cost));
}

fn trial(block: u32, model: &str, control: bool) -> Trial {
    Trial {
        block,
        turn: 0,
        model: model.to_owned(),
        control,
        variant: None,
        x: 64.0,
        sitting: Some(block),
        void: None,
        warnings: Vec::new(),
        figures: [].into(),
        workers: Vec::new(),
        slices: Some(Slices::default()),
        histogram: None,
    }
}

fn end(seat: Seat, latencies: bool) -> Trial {
    let histogram = (latencies && !seat.trial.control).then(|| {
        let mut bytes = Vec::new();
        V2DeflateSerializer::new().serialize(&seat.latencies, &mut bytes).unwrap();
        STANDARD.encode(bytes)
    });
    Trial { histogram, ..seat.trial }
}
