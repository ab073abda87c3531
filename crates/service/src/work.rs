//! Work that a request asks for, as a value: the model decides who runs it.

use std::{hint::black_box, time::Duration};

/// A piece of work, named so that its completion finds its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Job {
    /// Unique within the session.
    pub id: JobId,
    /// What to do.
    pub work: Work,
}

/// Names a job within its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobId(pub u64);

/// What a request asks of the thread that runs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Block, as on a database or a disk.
    Block(Duration),
    /// Burn CPU: so many calls of [`compute`]'s unit.
    Compute {
        /// Units of work, about a microsecond each on a server core of 2025.
        units: u32,
    },
    /// Panic: a handler with a bug.
    Panic,
}

/// A job that was run, or will not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Done {
    /// The job.
    pub id: JobId,
    /// How it went.
    pub outcome: Result<(), Failed>,
}

/// Why a job was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failed {
    /// It panicked.
    Panicked,
    /// Nobody ran it: those who could have enough to do.
    Overloaded,
}

/// Steps of one unit, about a microsecond of a core at 4 GHz.
const STEPS_PER_UNIT: u32 = 800;

/// Burns `units` of CPU and returns the result, so that it cannot be left out.
///
/// The measure is work, not time: a machine twice as fast is done in half the
/// time, and every model does the same work on the same machine.
#[must_use]
pub fn compute(units: u32) -> u64 {
    let mut state: u64 = 0x9E37_79B9_7F4A_7C15;
    for _ in 0..units {
        for _ in 0..STEPS_PER_UNIT {
            // Each step waits for the one before, about 5 cycles. The shift
            // keeps the compiler from folding many steps into one, as it does
            // with a multiplication and an addition alone.
            state = (state ^ (state >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        }
        state = black_box(state);
    }
    state
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compute_is_a_function_of_its_units() {
        assert_eq!(compute(3), compute(3));
        assert_ne!(compute(3), compute(4));
    }
}
