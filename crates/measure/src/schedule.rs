//! The order of the trials: blocks, each with every cell once.
//!
//! Comparisons are made within blocks, so what is compared must run close
//! together: all servers at one variant and x make a group, run one after the
//! other. The order of the groups, and of the servers in each, is random
//! (seeded), so that nobody always runs after the same other one.

use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use crate::{Definition, comparisons::baseline};

/// One trial to be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Task {
    pub(crate) block: u32,
    pub(crate) turn: u32,
    pub(crate) model: String,
    /// The baseline's second turn.
    pub(crate) control: bool,
    pub(crate) variant: Option<String>,
    pub(crate) x: u32,
}

/// Every trial of a block, in order. `values` are the effort's, as far as the
/// machine's limits allow; `there` are the models and peers that there are.
pub(crate) fn schedule(
    definition: &Definition,
    there: &[String],
    values: &[u32],
    block: u32,
) -> Vec<Task> {
    let mut random = ChaCha8Rng::seed_from_u64(block.into());
    let mut groups: Vec<Vec<Task>> = Vec::new();
    for variant in definition.variants() {
        for &x in values {
            let measured = definition.measured(variant, x, there);
            let task = |model: &String, control| Task {
                block,
                turn: 0,
                model: model.clone(),
                control,
                variant: variant.map(|variant| variant.name.clone()),
                x,
            };
            let mut group: Vec<Task> = measured.iter().map(|model| task(model, false)).collect();
            let twice = baseline(&definition.compare, there, |name| {
                measured.iter().any(|model| *model == name)
            });
            if definition.compare.is_at(x.into()) {
                group.extend(twice.map(|model| task(model, true)));
            }
            group.shuffle(&mut random);
            groups.push(group);
        }
    }
    groups.shuffle(&mut random);
    (0..).zip(groups.into_iter().flatten()).map(|(turn, task)| Task { turn, ..task }).collect()
}
