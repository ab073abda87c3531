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
use results::FEWEST_BLOCKS;

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
        groups(x).map(|(variant, x)| group(definition, effort, there, variant, x, block)).collect()
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
    effort: &Effort,
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
    // Fewer blocks carry no verdict that a control could confirm.
    if effort.blocks.get() >= FEWEST_BLOCKS && definition.compare.is_at(x.into()) {
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Two variants; `c` is the baseline of both, and is compared with at 8 and 64.
    const DEFINITION: &str = r#"
title = "t"
question = "q"
[x]
label = "connections"
varies = "connections"
[server]
service = "echo"
workers = 1
[load]
requests = [{ kind = { echo = { bytes = 64 } } }]
[[variant]]
name = "v"
[[variant]]
name = "w"
[compare]
baseline = "c"
figures = ["requests_per_server_cpu_second"]
at = [8, 64]
[full]
blocks = 6
rounds = 12
warmup = "2ms"
duration = "20ms"
values = [1, 8, 64]
[quick]
blocks = 3
rounds = 5
warmup = "2ms"
duration = "20ms"
values = [8]
"#;
    const MODELS: [&str; 5] = ["a", "b", "c", "d", "e"];

    fn scheduled(most: u64, block: u32) -> Vec<Unit> {
        let definition: Definition = toml::from_str(DEFINITION).unwrap();
        let there = MODELS.map(str::to_owned);
        let effort = &definition.full;
        schedule(&definition, effort, &there, &effort.values, most, block)
    }

    /// How often each server sits at a variant: model, and whether it is a control.
    fn seats<'u>(tasks: impl Iterator<Item = &'u Task>) -> BTreeMap<(&'u str, &'u str, bool), u32> {
        let mut seats = BTreeMap::new();
        for task in tasks {
            let variant = task.variant.as_deref().unwrap();
            *seats.entry((variant, &*task.model, task.control)).or_default() += 1;
        }
        seats
    }

    /// Each once at each variant, and the baseline a second time where it is compared.
    fn whole(x: u32) -> BTreeMap<(&'static str, &'static str, bool), u32> {
        let of = |variant| {
            let control = (x != 1).then_some((variant, "c", true));
            MODELS.into_iter().map(move |model| (variant, model, false)).chain(control)
        };
        ["v", "w"].into_iter().flat_map(of).map(|seat| (seat, 1)).collect()
    }

    #[test]
    fn a_sitting_has_all_variants_of_an_x_and_the_baseline_twice() {
        let units = scheduled(10_000, 0);
        let mut values: Vec<u32> = units.iter().map(|unit| unit.tasks[0].x).collect();
        values.sort_unstable();
        assert_eq!(values, [1, 8, 64]);
        for unit in &units {
            let x = unit.tasks[0].x;
            assert!(unit.sitting.is_some() && unit.tasks.iter().all(|task| task.x == x));
            assert_eq!(seats(unit.tasks.iter()), whole(x));
        }
    }

    #[test]
    fn what_does_not_fit_is_split_with_the_baseline_in_each_part() {
        // Four servers with 64 connections, where a group has six.
        let most = 4 * 64;
        let units = scheduled(most, 0);
        let at_64: Vec<&Unit> = units.iter().filter(|unit| unit.tasks[0].x == 64).collect();
        assert_eq!(at_64.len(), 4, "two for each variant");
        for unit in &at_64 {
            assert!(unit.tasks.iter().map(|task| u64::from(task.x)).sum::<u64>() <= most);
            let seats = seats(unit.tasks.iter());
            let variant = unit.tasks[0].variant.as_deref().unwrap();
            assert_eq!(seats.len(), 4, "one variant, nobody twice: {seats:?}");
            assert_eq!(seats.get(&(variant, "c", false)), Some(&1), "{seats:?}");
            assert_eq!(seats.get(&(variant, "c", true)), Some(&1), "{seats:?}");
        }
        // The others fit.
        for x in [1, 8] {
            let sittings = units.iter().filter(|unit| unit.tasks[0].x == x);
            assert_eq!(sittings.count(), 1, "{x}");
        }
    }

    #[test]
    fn nobody_but_the_baseline_sits_twice_in_a_block() {
        for (block, most) in [(0, 10_000), (1, 6 * 64), (2, 5 * 64), (3, 4 * 64), (4, 3 * 64)] {
            let units = scheduled(most, block);
            for x in [1, 8, 64] {
                let tasks = units.iter().flat_map(|unit| &unit.tasks);
                let mut seats = seats(tasks.filter(|task| task.x == x));
                for (_, often) in seats.iter_mut().filter(|((_, model, _), _)| *model == "c") {
                    *often = (*often).min(1);
                }
                assert_eq!(seats, whole(x), "{most} connections, {x} each");
            }
        }
    }

    #[test]
    fn turns_and_sittings_have_numbers_of_their_own() {
        let blocks: Vec<Vec<Unit>> = (0..6).map(|block| scheduled(4 * 64, block)).collect();
        let mut sittings: Vec<u32> =
            blocks.iter().flatten().filter_map(|unit| unit.sitting).collect();
        let count = sittings.len();
        sittings.sort_unstable();
        sittings.dedup();
        assert_eq!(sittings.len(), count);
        for units in &blocks {
            let turns = units.iter().flat_map(|unit| &unit.tasks).map(|task| task.turn);
            assert!(
                turns
                    .eq(0..u32::try_from(units.iter().map(|u| u.tasks.len()).sum::<usize>())
                        .unwrap())
            );
        }
        let first: Vec<u32> = blocks.iter().map(|units| units[0].tasks[0].x).collect();
        assert!(first.iter().any(|x| *x != first[0]), "the order is another in each block");
    }
}
