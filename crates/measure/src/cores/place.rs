//! Where a core is: which others are hyperthreads of it, and on which node.

use std::{cmp::Reverse, fs};

use rustix::thread::CpuSet;

/// A core that this process may use, as the kernel numbers it.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) core: usize,
    /// The first of the hyperthreads of its physical core; `core` if it is that,
    /// or alone.
    pub(super) twin: usize,
    /// Its NUMA node.
    pub(super) node: usize,
}

impl Place {
    /// What the kernel does not tell is taken to be a core alone, on node 0.
    pub(super) fn look_up(core: usize) -> Self {
        let folder = format!("/sys/devices/system/cpu/cpu{core}");
        // The first is the newer name; an old kernel has the second only.
        let siblings = ["core_cpus_list", "thread_siblings_list"]
            .map(|name| fs::read_to_string(format!("{folder}/topology/{name}")).ok());
        let siblings = siblings.into_iter().flatten().find_map(|list| numbers(&list));
        let twin = siblings.and_then(|list| list.into_iter().min()).unwrap_or(core);
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut nodes = entries
            .filter_map(|entry| entry.file_name().to_str()?.strip_prefix("node")?.parse().ok());
        Self { core, twin, node: nodes.next().unwrap_or(0) }
    }
}

/// The physical cores, each with its hyperthreads in order: those of one node
/// together, the node with the most threads first.
pub(super) fn units(places: &[Place]) -> Vec<Vec<usize>> {
    let threads = |node| places.iter().filter(|place| place.node == node).count();
    let mut sorted: Vec<&Place> = places.iter().collect();
    sorted.sort_by_key(|place| (Reverse(threads(place.node)), place.node, place.twin, place.core));
    let units = sorted.chunk_by(|one, next| one.twin == next.twin);
    units.map(|unit| unit.iter().map(|place| place.core).collect()).collect()
}

/// The numbers of a list as `taskset` and the kernel write it: `0-3,8,16-31:2`.
/// Nothing if it is none, or empty.
pub(crate) fn numbers(list: &str) -> Option<Vec<usize>> {
    let mut numbers = Vec::new();
    for part in list.trim().split(',') {
        let (range, step) = match part.split_once(':') {
            Some((range, step)) => (range, step.parse().ok().filter(|&step| step > 0)?),
            None => (part, 1),
        };
        let (from, to) = range.split_once('-').unwrap_or((range, range));
        let (from, to) = (from.trim().parse::<usize>().ok()?, to.trim().parse().ok()?);
        if from > to {
            return None;
        }
        // One more than there can be is enough to tell that it is too many.
        numbers.extend((from..=to).step_by(step).take(CpuSet::MAX_CPU + 1));
    }
    Some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_as_the_kernel_writes_them() {
        assert_eq!(numbers("0-3,8\n"), Some(vec![0, 1, 2, 3, 8]));
        assert_eq!(numbers("1-7:2, 64"), Some(vec![1, 3, 5, 7, 64]));
        assert_eq!(numbers("0-99999999999").map(|all| all.len()), Some(CpuSet::MAX_CPU + 1));
        for none in ["", " ", "3-1", "0-", "-1", "1,,2", "0-3:0", "a", "0x1"] {
            assert_eq!(numbers(none), None, "{none}");
        }
    }

    #[test]
    fn every_core_of_ours_is_somewhere() {
        let place = Place::look_up(0);
        assert_eq!((place.core, place.twin), (0, 0), "no thread is numbered before core 0");
        let nowhere = Place::look_up(usize::MAX);
        assert_eq!((nowhere.core, nowhere.twin, nowhere.node), (usize::MAX, usize::MAX, 0));
    }
}
