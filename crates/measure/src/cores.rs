//! Which cores belong to the server and which to the generator.

mod place;

use std::io;

use results::core_list;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

pub(crate) use self::place::numbers;
use self::place::{Place, units};

/// A division of the cores that this process may use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cores {
    /// The server's; empty where there is one core only, and nothing is pinned.
    pub(crate) server: Vec<usize>,
    /// The generator's.
    pub(crate) client: Vec<usize>,
}

impl Cores {
    /// Divides the cores that this process may use, as `server` and `client` ask:
    /// lists as `taskset` has them, `0-3,8`. They may overlap. Where only one
    /// asks, the other gets the rest; where none does, each gets about a half.
    ///
    /// # Errors
    ///
    /// Fails if a list is none, is empty or names a core that this process may
    /// not use; if nothing is left for the other; and if the kernel does not
    /// tell what this process may use.
    pub fn divide(server: Option<&str>, client: Option<&str>) -> io::Result<Self> {
        wished(&allowed()?, server, client)
            .map_err(|why| io::Error::new(io::ErrorKind::InvalidInput, why))
    }

    /// Those of both, each once. Empty where nothing is pinned.
    pub(crate) fn all(&self) -> Vec<usize> {
        let mut all = [&self.server[..], &self.client[..]].concat();
        all.sort_unstable();
        all.dedup();
        all
    }

    pub(crate) fn count(&self) -> usize {
        self.all().len().max(1)
    }

    /// Cores that both have.
    pub(crate) fn shared(&self) -> Vec<usize> {
        self.server.iter().copied().filter(|core| self.client.contains(core)).collect()
    }

    /// Hyperthreads of one physical core, of which the server has some and the
    /// generator others.
    pub(crate) fn torn(&self) -> Vec<Vec<usize>> {
        let places: Vec<Place> = self.all().into_iter().map(Place::look_up).collect();
        torn(self, &places)
    }
}

/// The division that is asked for, of the cores `allowed`.
fn wished(allowed: &[usize], server: Option<&str>, client: Option<&str>) -> Result<Cores, String> {
    let rest = |of: &str, other: &str, taken: &[usize]| {
        let rest: Vec<usize> =
            allowed.iter().copied().filter(|core| !taken.contains(core)).collect();
        if rest.is_empty() {
            let there = core_list(allowed);
            return Err(format!(
                "the {other} takes all cores that there are, {there}, and none is left for the \
                 {of}: name its cores too; both may have the same"
            ));
        }
        Ok(rest)
    };
    let list = |of, list| chosen(allowed, of, list);
    match (server, client) {
        (None, None) => {
            let places: Vec<Place> = allowed.iter().copied().map(Place::look_up).collect();
            Ok(halves(&places))
        }
        (Some(server), Some(client)) => {
            Ok(Cores { server: list("server", server)?, client: list("generator", client)? })
        }
        (Some(server), None) => {
            let server = list("server", server)?;
            Ok(Cores { client: rest("generator", "server", &server)?, server })
        }
        (None, Some(client)) => {
            let client = list("generator", client)?;
            Ok(Cores { server: rest("server", "generator", &client)?, client })
        }
    }
}

/// The cores of a `list`, if all of them are `allowed`.
fn chosen(allowed: &[usize], of: &str, list: &str) -> Result<Vec<usize>, String> {
    let there = || format!("there are {}", core_list(allowed));
    let wrong = || format!("the {of}'s cores `{list}` are no list such as 0-3,8; {}", there());
    let mut cores = numbers(list).ok_or_else(wrong)?;
    if let Some(unknown) = cores.iter().find(|core| !allowed.contains(core)) {
        return Err(format!(
            "the {of}'s cores `{list}`: this process has no core {unknown}; {}",
            there()
        ));
    }
    cores.sort_unstable();
    cores.dedup();
    Ok(cores)
}

/// Gives the server one half and the generator the other: a request costs about
/// as much CPU in one as in the other, so with less the generator would be what
/// is measured. An odd core is the server's.
///
/// Hyperthreads of one core stay together, unless there is only that core. The
/// server's half begins with the NUMA node that has the most cores, so it is on
/// one node if it fits on one; on several sockets, the generator is then on
/// another than the server.
///
/// Not looked at: cores that are not alike (each is taken to be as fast as any),
/// caches that only some of the cores of a node share, and which core serves the
/// interrupts. Whoever must, names the cores.
fn halves(places: &[Place]) -> Cores {
    let units = units(places);
    let half = places.len().div_ceil(2);
    let mut cores = Cores::default();
    match &units[..] {
        [] => {}
        // Nothing to divide: one hyperthread to each, if there are two.
        [unit] if unit.len() < 2 => {}
        [unit] => {
            cores.server = unit[..half].to_vec();
            cores.client = unit[half..].to_vec();
        }
        [all_but_last @ .., last] => {
            for unit in all_but_last {
                let side = if cores.server.len() < half && cores.client.is_empty() {
                    &mut cores.server
                } else {
                    &mut cores.client
                };
                side.extend(unit);
            }
            cores.client.extend(last);
        }
    }
    cores.server.sort_unstable();
    cores.client.sort_unstable();
    cores
}

fn torn(cores: &Cores, places: &[Place]) -> Vec<Vec<usize>> {
    let is_torn = |unit: &Vec<usize>| {
        let some_of = |side: &[usize], other: &[usize]| {
            unit.iter().any(|core| side.contains(core) && !other.contains(core))
        };
        some_of(&cores.server, &cores.client) && some_of(&cores.client, &cores.server)
    };
    units(places).into_iter().filter(is_torn).collect()
}

/// The cores that this process may use, in order.
fn allowed() -> io::Result<Vec<usize>> {
    let allowed = sched_getaffinity(None)?;
    Ok((0..CpuSet::MAX_CPU).filter(|&core| allowed.is_set(core)).collect())
}

/// Pins this thread, and what it starts, to `cores`.
pub(crate) fn pin(cores: &[usize]) -> io::Result<()> {
    let mut set = CpuSet::new();
    for &core in cores {
        set.set(core);
    }
    Ok(sched_setaffinity(None, &set)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many cores on so many nodes of one size; `twin` says which are
    /// hyperthreads of one core.
    fn machine(cores: usize, nodes: usize, twin: impl Fn(usize) -> usize) -> Vec<Place> {
        let end = 1 + (0..cores).map(&twin).max().unwrap_or(0);
        let place = |core| Place { core, twin: twin(core), node: twin(core) * nodes / end };
        (0..cores).map(place).collect()
    }

    fn range(list: &str) -> Vec<usize> {
        numbers(list).unwrap()
    }

    fn both(server: &str, client: &str) -> Cores {
        Cores { server: range(server), client: range(client) }
    }

    #[test]
    fn a_core_alone_is_not_divided() {
        assert_eq!(halves(&[]), Cores::default());
        let cores = halves(&machine(1, 1, |core| core));
        assert_eq!((cores.count(), cores), (1, Cores::default()));
    }

    #[test]
    fn without_siblings_each_gets_a_half_and_the_server_the_odd_one() {
        for (cores, server, client) in [
            (2, "0", "1"),
            (3, "0-1", "2"),
            (4, "0-1", "2-3"),
            (5, "0-2", "3-4"),
            (8, "0-3", "4-7"),
            (16, "0-7", "8-15"),
            (64, "0-31", "32-63"),
            (128, "0-63", "64-127"),
        ] {
            assert_eq!(halves(&machine(cores, 1, |core| core)), both(server, client), "{cores}");
        }
    }

    #[test]
    fn siblings_stay_together_however_they_are_numbered() {
        // Neighbours, as virtual machines have them.
        for (cores, server, client) in [
            (4, "0-1", "2-3"),
            (6, "0-3", "4-5"),
            (8, "0-3", "4-7"),
            (16, "0-7", "8-15"),
            (64, "0-31", "32-63"),
            (128, "0-63", "64-127"),
        ] {
            let places = machine(cores, 1, |core| core / 2 * 2);
            let divided = halves(&places);
            assert_eq!(torn(&divided, &places), [[0; 0]; 0]);
            assert_eq!(divided, both(server, client), "{cores}");
        }
        // First threads first, as bare metal has them.
        for (cores, server, client) in [
            (4, "0,2", "1,3"),
            (8, "0-1,4-5", "2-3,6-7"),
            (16, "0-3,8-11", "4-7,12-15"),
            (64, "0-15,32-47", "16-31,48-63"),
            (128, "0-31,64-95", "32-63,96-127"),
        ] {
            let places = machine(cores, 1, |core| core % (cores / 2));
            let divided = halves(&places);
            assert_eq!(torn(&divided, &places), [[0; 0]; 0]);
            assert_eq!(divided, both(server, client), "{cores}");
        }
    }

    #[test]
    fn two_siblings_of_one_core_are_torn_and_found() {
        let places = machine(2, 1, |_| 0);
        let cores = halves(&places);
        assert_eq!(cores, both("0", "1"));
        assert_eq!(torn(&cores, &places), [[0, 1]]);
        // Both have both: that is said in other words.
        assert_eq!(torn(&both("0-1", "0-1"), &places), [[0; 0]; 0]);
    }

    #[test]
    fn cores_with_and_without_siblings_are_divided_by_their_threads() {
        // Of three, one core has two threads: it is the last, or the first.
        assert_eq!(halves(&machine(3, 1, |core| core.min(1))), both("0", "1-2"));
        assert_eq!(halves(&machine(3, 1, |core| core / 2 * 2)), both("0-1", "2"));
        // Some threads may be forbidden to us.
        let places = machine(16, 1, |core| core % 8);
        assert_eq!(halves(&places[3..12]), both("3,8-11", "4-7"));
    }

    #[test]
    fn the_server_is_on_one_node_if_it_fits() {
        let places = machine(128, 2, |core| core % 64);
        assert_eq!(halves(&places), both("0-31,64-95", "32-63,96-127"));
        // Of the first node there is less.
        let places = machine(16, 2, |core| core);
        assert_eq!(halves(&places[4..]), both("8-13", "4-7,14-15"));
    }

    #[test]
    fn wishes_are_granted() {
        let wished = |server, client| wished(&range("0-7"), server, client).unwrap();
        assert_eq!(wished(Some("0-3"), Some("4-7")), both("0-3", "4-7"));
        assert_eq!(wished(Some("2,0,2"), Some("1-7:2")), both("0,2", "1,3,5,7"));
        assert_eq!(wished(Some("2-3"), None), both("2-3", "0-1,4-7"));
        assert_eq!(wished(None, Some("7")), both("0-6", "7"));
        let both_have = wished(Some("0-2"), Some("2-4"));
        assert_eq!((both_have.shared(), both_have.count()), (vec![2], 5));
    }

    #[test]
    fn what_cannot_be_granted_is_said_with_what_is_there() {
        let allowed = range("0-1,4");
        for (server, client, says) in [
            (Some(""), None, "the server's cores `` are no list"),
            (None, Some("1,"), "the generator's cores `1,` are no list"),
            (Some("0-9"), Some("1"), "the server's cores `0-9`: this process has no core 2;"),
            (Some("0"), Some("99"), "the generator's cores `99`: this process has no core 99;"),
            (Some("0-1,4"), None, "none is left for the generator"),
            (None, Some("0-4:1"), "this process has no core 2"),
        ] {
            let said = wished(&allowed, server, client).unwrap_err();
            assert!(said.contains(says) && said.contains("0-1,4"), "{said}");
        }
    }
}
