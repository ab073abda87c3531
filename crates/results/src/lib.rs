//! The shape of the files in `results/`.
//!
//! ```text
//! measure ──write──▶ results/*.json ──read──▶ charts, the book, lab claims
//! ```
//!
//! Whoever draws or explains a figure reads it from here and runs nothing;
//! whoever measures writes here and draws nothing. One file holds one
//! [`Experiment`]; [`Environment`] says on what machine it ran.

mod calls;
mod claim;
mod comparison;
mod environment;
mod estimate;
mod experiment;
mod figure;
mod format;
mod histogram;
mod judge;
mod knee;
mod measured;
mod soak;
mod store;
mod words;

pub use calls::{Calls, SystemCalls, Traced};
pub use claim::{Cell, Claim, Expectation, Outcome, Verdict};
pub use comparison::{Compare, Comparison, Standing};
pub use environment::{CoreSpeed, Environment, core_list, core_names};
pub use estimate::{Estimate, FEWEST_BLOCKS};
pub use experiment::{
    Axis, Chart, ChartKind, Experiment, LeftOut, Peer, Reference, Scale, Share, Slices, Slicing,
    Statistic, Trial,
};
pub use figure::{Better, Figure, Unit};
pub use format::grouped;
pub use histogram::decode_histogram;
pub use judge::{Judge, Stray, few};
pub use measured::{Measured, Of};
pub use soak::{Course, Sample, Soak, Soaked};
pub use store::{Error, Store, write_atomically};
pub use words::{blocks, ends, ratio, ratios};

/// Version of the file format; a reader refuses any other.
pub const SCHEMA: u32 = 3;
