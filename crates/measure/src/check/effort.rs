//! How much is measured, and what is asked: nothing that has no end, fills the
//! memory, or the generator would refuse in each trial.

use std::{num::NonZeroU32, ops::RangeInclusive, time::Duration};

use crate::{
    Definition, Effort, Variant, Varies,
    schedule::Task,
    trial,
    wrong::{Wrong, wrong},
};

/// Beyond these a run would not end within anybody's patience.
const MOST_BLOCKS: u32 = 1000;
const MOST_ROUNDS: u32 = 10_000;
const MOST_VALUES: usize = 1000;
const LONGEST: Duration = Duration::from_secs(3600);
/// Threads, loops or processes of a server.
const WORKERS: RangeInclusive<u32> = 1..=4096;

impl Definition {
    pub(super) fn check_efforts(&self) -> Result<(), Wrong> {
        for (effort, name) in self.efforts() {
            let key = |key: &str| format!("{name}.{key}");
            let (blocks, rounds) = (effort.blocks.get(), effort.rounds.map_or(1, NonZeroU32::get));
            if blocks > MOST_BLOCKS {
                return wrong(key("blocks"), format!("`blocks` is at most {MOST_BLOCKS}"));
            }
            if rounds > MOST_ROUNDS {
                return wrong(key("rounds"), format!("`rounds` is at most {MOST_ROUNDS}"));
            }
            if effort.duration.is_zero() {
                return wrong(key("duration"), "`duration` is 0: measure for at least 1ms");
            }
            for (what, time) in [("duration", effort.duration), ("warmup", effort.warmup)] {
                if time > LONGEST {
                    return wrong(key(what), format!("`{what}` is at most 1h"));
                }
            }
            self.check_values(effort, &key("values"))?;
        }
        self.check_workers()
    }

    fn check_values(&self, effort: &Effort, key: &str) -> Result<(), Wrong> {
        let (values, varies) = (&effort.values, self.x.varies);
        if values.is_empty() || (values.contains(&0) && varies != Varies::SlowReaders) {
            return wrong(key, "`values` needs at least one number, and none may be 0");
        }
        if values.len() > MOST_VALUES {
            return wrong(key, format!("`values` has at most {MOST_VALUES} numbers"));
        }
        for (place, value) in values.iter().enumerate() {
            let key = format!("{key}.{place}");
            if values[..place].contains(value) {
                return wrong(key, format!("{value} is there twice: keep one of the two"));
            }
            if varies == Varies::Workers && !WORKERS.contains(value) {
                return wrong(key, format!("{value} workers: at most {}", WORKERS.end()));
            }
            if varies == Varies::SliceMs && Duration::from_millis((*value).into()) > LONGEST {
                return wrong(key, format!("a slice of {value} ms: at most 1h, 3600000 ms"));
            }
        }
        Ok(())
    }

    fn check_workers(&self) -> Result<(), Wrong> {
        let all = [("workers".to_owned(), self.server.workers)].into_iter().chain(
            self.server.workers_of.iter().map(|(name, &n)| (format!("workers_of.{name}"), n)),
        );
        for (key, workers) in all {
            if !WORKERS.contains(&workers) {
                let why =
                    format!("{workers} workers: give 1 at least, and {} at most", WORKERS.end());
                return wrong(format!("server.{key}"), why);
            }
        }
        Ok(())
    }

    pub(super) fn check_load(&self) -> Result<(), Wrong> {
        if self.job.is_some() {
            return self.check_rounds(); // Jobs have no load.
        }
        let sweeps_connections = self.x.varies == Varies::Connections;
        for (variant, key) in self.loads() {
            let load = self.load(variant);
            if sweeps_connections == load.connections.is_some() {
                let why = "give `connections` in a load or vary them in [x], one of both";
                return wrong(key, why);
            }
            // Where peers alone are asked, each may have its own way to ask.
            let asked_by_peers = self.named(variant).is_some_and(Vec::is_empty);
            if load.requests.is_none() && !asked_by_peers {
                return wrong(key, "give `requests` in [load] or in each [[variant]]");
            }
            self.check_swept(variant, &key)?;
        }
        for (place, peer) in self.peers.iter().enumerate() {
            if sweeps_connections && peer.load.connections.is_some() {
                let why = "the connections are varied in [x]: leave out those of the peer";
                return wrong(format!("peer.{place}.load.connections"), why);
            }
        }
        self.check_rounds()?;
        self.check_plans()
    }

    /// What is swept must be in the load, or all values would be one and the same.
    fn check_swept(&self, variant: Option<&Variant>, key: &str) -> Result<(), Wrong> {
        let load = self.load(variant);
        let echoes = |request: &load::Request| matches!(request.kind, load::Kind::Echo { .. });
        let requests = load.requests.unwrap_or_default();
        match self.x.varies {
            Varies::Rate if !matches!(load.mode, Some(load::Mode::Open { .. })) => {
                wrong(key, "a rate is of an open loop: give `mode = { open = { rate = 1000 } }`")
            }
            Varies::Bytes if !requests.is_empty() && !requests.iter().all(echoes) => {
                wrong(key, "bytes are varied of echoes alone: give `echo` requests")
            }
            Varies::SliceMs if self.full.rounds.is_none() || self.quick.rounds.is_none() => {
                wrong("x.varies", "slices are of servers in turn: give `rounds`")
            }
            _ => Ok(()),
        }
    }

    /// Whether the generator would take every plan that this makes.
    fn check_plans(&self) -> Result<(), Wrong> {
        let nowhere = ([127, 0, 0, 1], 1).into();
        for (variant, key) in self.loads() {
            let ours = self.named(variant).is_none_or(|named| !named.is_empty());
            let speaks = |peer: &&crate::Peer| {
                variant.is_none_or(|variant| peer.variants.contains(&variant.name))
            };
            let peers = self.peers.iter().enumerate().filter(|(_, peer)| speaks(peer));
            let peers = peers.map(|(place, peer)| (peer.name.clone(), format!("peer.{place}")));
            let all = ours.then(|| (String::new(), key)).into_iter().chain(peers);
            for (model, key) in all {
                for (effort, _) in self.efforts() {
                    for &x in &effort.values {
                        let variant = variant.map(|variant| variant.name.clone());
                        let task = Task {
                            block: 0,
                            turn: 0,
                            model: model.clone(),
                            control: false,
                            variant,
                            x,
                        };
                        let plan = trial::plan(self, effort, &task, nowhere, 1);
                        if let Err(why) = plan.check() {
                            return wrong(format!("{key}.load"), why.to_string());
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// What sleeps, idles or is stopped in the middle has no slices.
    fn check_rounds(&self) -> Result<(), Wrong> {
        let Some((_, key)) = self.efforts().into_iter().find(|(one, _)| one.rounds.is_some())
        else {
            return Ok(());
        };
        let keeps_to_slices = |variant| {
            let load = self.load(variant);
            let idle = matches!(load.mode, Some(load::Mode::Idle { .. }));
            let beside = load.stall.is_some() || load.slow_readers.is_some_and(|count| count > 0);
            !idle && !beside && load.memory != Some(true)
        };
        let refused = self.job.is_some()
            || self.x.varies == Varies::SlowReaders
            || !self.variants().into_iter().all(keeps_to_slices);
        if !refused {
            return Ok(());
        }
        let why = "jobs, idle loads, slow readers, stalls and memory do not keep to slices: give \
                   no `rounds`";
        wrong(format!("{key}.rounds"), why)
    }

    fn efforts(&self) -> [(&Effort, &'static str); 2] {
        [(&self.full, "full"), (&self.quick, "quick")]
    }

    /// Each variant, or the one without a name, with the key of its table.
    fn loads(&self) -> Vec<(Option<&Variant>, String)> {
        if self.variants.is_empty() {
            return vec![(None, "load".to_owned())];
        }
        let of = |(place, variant)| (Some(variant), format!("variant.{place}"));
        self.variants.iter().enumerate().map(of).collect()
    }
}
