//! The order of the trials: blocks, each with every cell once, shuffled.
//!
//! What shares a block ran within the same minute or so, on a machine in much
//! the same mood; comparisons are made within blocks. The order within a block
//! is random (seeded), so that no model always runs after the same other one.

use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use crate::Definition;

/// One trial to be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Task {
    pub(crate) block: u32,
    pub(crate) turn: u32,
    pub(crate) model: String,
    pub(crate) variant: Option<String>,
    pub(crate) x: u32,
}

/// Every trial of an experiment, in order. `values` are the effort's, as far as
/// the machine's limits allow.
pub(crate) fn schedule(
    definition: &Definition,
    models: &[String],
    values: &[u32],
    blocks: u32,
) -> Vec<Task> {
    let variants: Vec<Option<String>> = match definition.variants.as_slice() {
        [] => vec![None],
        variants => variants.iter().map(|variant| Some(variant.name.clone())).collect(),
    };
    let mut tasks = Vec::new();
    for block in 0..blocks {
        let mut cells = Vec::new();
        for model in models {
            for variant in &variants {
                for &x in values {
                    cells.push((model.clone(), variant.clone(), x));
                }
            }
        }
        cells.shuffle(&mut ChaCha8Rng::seed_from_u64(block.into()));
        tasks.extend((0..).zip(cells).map(|(turn, (model, variant, x))| Task {
            block,
            turn,
            model,
            variant,
            x,
        }));
    }
    tasks
}
