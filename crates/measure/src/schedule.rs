//! What is measured together, and in which order.
//!
//! An experiment is measured in blocks, each with every cell once. A block is made
//! of units: a trial by itself, or a sitting of servers that are loaded in turn.
//! Comparisons are made within blocks, so what is compared must run close together:
//! all servers at one variant and x make a group, and the baseline is in it twice. A
//! sitting has all groups of one x. The order of the units is random (seeded), so
//! that nobody always runs after the same other one.

use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use crate::{Definition, Effort, comparisons::baseline, trial::plan};

/// One server at one place, to be measured.
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

/// What runs at the same time: one task, or those of a sitting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unit {
    pub(crate) tasks: Vec<Task>,
    /// The sitting's number, if it is one.
    pub(crate) sitting: Option<u32>,
}

/// Every unit of a block, in order. `values` are the effort's, as far as the
/// machine's limits allow; `there` are the models and peers that there are; `most`
/// are the connections that the generator can hold at once.
pub(crate) fn schedule(
    definition: &Definition,
    effort: &Effort,
    there: &[String],
    values: &[u32],
    most: u64,
    block: u32,
) -> Vec<Unit> {
    let mut random = ChaCha8Rng::seed_from_u64(block.into());
    let groups = |x: u32| definition.variants().into_iter().map(move |variant| (variant, x));
    let groups = values.iter().map(|&x| {
        groups(x).map(|(variant, x)| group(definition, there, variant, x, block)).collect()
    });
    let groups: Vec<Vec<Vec<Task>>> = groups.collect();
    let mut tables: Vec<Vec<Task>> = if effort.rounds.is_some() {
        let size = |task: &Task| connections(definition, effort, task);
        groups.into_iter().flat_map(|groups| tables(groups, most, &size)).collect()
    } else {
        let mut groups: Vec<Vec<Task>> = groups.into_iter().flatten().collect();
        for group in &mut groups {
            group.shuffle(&mut random);
        }
        groups.shuffle(&mut random);
        groups.into_iter().flatten().map(|task| vec![task]).collect()
    };
    if effort.rounds.is_some() {
        tables.shuffle(&mut random);
    }
    number(tables, effort, block)
}

fn group(
    definition: &Definition,
    there: &[String],
    variant: Option<&crate::Variant>,
    x: u32,
    block: u32,
) -> Vec<Task> {
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
    let is_here = |name: &str| measured.iter().any(|model| *model == name);
    if definition.compare.is_at(x.into()) {
        group.extend(baseline(&definition.compare, there, is_here).map(|model| task(model, true)));
    }
    group
}

fn connections(definition: &Definition, effort: &Effort, task: &Task) -> u64 {
    let nowhere = ([127, 0, 0, 1], 1).into();
    plan(definition, effort, task, nowhere, 0).connections as u64
}

/// Seats groups together as far as there are connections for them. A group that is
/// too large for one sitting gets several, the baseline in each of them.
fn tables(groups: Vec<Vec<Task>>, most: u64, size: &dyn Fn(&Task) -> u64) -> Vec<Vec<Task>> {
    let sum = |tasks: &[Task]| tasks.iter().map(size).sum::<u64>();
    let mut tables: Vec<Vec<Task>> = Vec::new();
    for group in groups.into_iter().filter(|group| !group.is_empty()) {
        match tables.last_mut() {
            Some(table) if sum(table) + sum(&group) <= most => table.extend(group),
            _ if sum(&group) <= most => tables.push(group),
            _ => tables.extend(split(group, most, size)),
        }
    }
    tables
}

fn split(group: Vec<Task>, most: u64, size: &dyn Fn(&Task) -> u64) -> Vec<Vec<Task>> {
    let twice = group.iter().find(|task| task.control).map(|task| task.model.clone());
    let (heads, others): (Vec<Task>, Vec<Task>) =
        group.into_iter().partition(|task| Some(&task.model) == twice.as_ref());
    let sum = |tasks: &[Task]| tasks.iter().map(size).sum::<u64>();
    let room = most.saturating_sub(sum(&heads));
    if others.iter().any(|task| size(task) > room) {
        // Not even two fit beside the baseline: each sits alone.
        return heads.into_iter().chain(others).map(|task| vec![task]).collect();
    }
    let mut tables: Vec<Vec<Task>> = Vec::new();
    for task in others {
        match tables.last_mut() {
            Some(table) if sum(table) + size(&task) <= most => table.push(task),
            _ => tables.push([heads.clone(), vec![task]].concat()),
        }
    }
    tables
}

fn number(tables: Vec<Vec<Task>>, effort: &Effort, block: u32) -> Vec<Unit> {
    let count = u32::try_from(tables.len()).unwrap_or(u32::MAX);
    let mut turn = 0;
    let units = (0..).zip(tables).map(|(place, tasks)| {
        let numbered = tasks.into_iter().map(|task| {
            turn += 1;
            Task { turn: turn - 1, ..task }
        });
        Unit {
            tasks: numbered.collect(),
            sitting: effort.rounds.map(|_| block.saturating_mul(count) + place),
        }
    });
    units.collect()
}
