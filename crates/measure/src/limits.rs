//! What this machine allows, looked up before a run instead of met in it.

use std::{collections::BTreeMap, fs};

use rustix::process::{Resource, getrlimit};

use crate::{Definition, Varies};

/// Descriptors that the generator and the server need beside connections.
const DESCRIPTORS_BESIDE: u64 = 64;

/// What bounds the number of connections of a trial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Descriptors of one process, the hard limit.
    pub descriptors: u64,
    /// Ports for connections between one pair of addresses.
    pub ports: u64,
    /// Threads that the kernel allows at once.
    pub threads: u64,
    /// Connections that the kernel keeps ready for `accept`.
    pub backlog: u64,
}

impl Limits {
    /// Looks them up; what the kernel does not tell is taken to be no limit.
    #[must_use]
    pub fn look_up() -> Self {
        let ports = read("net/ipv4/ip_local_port_range").and_then(|text| {
            let mut words = text.split_whitespace().map(str::parse::<u64>);
            Some(words.next()?.ok()?..=words.next()?.ok()?)
        });
        let threads = ["kernel/threads-max", "kernel/pid_max"].map(number);
        Self {
            descriptors: getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX),
            ports: ports.map_or(u64::MAX, |range| range.end().saturating_sub(*range.start())),
            threads: threads.into_iter().flatten().min().unwrap_or(u64::MAX),
            backlog: number("net/core/somaxconn").unwrap_or(u64::MAX),
        }
    }

    /// The most connections of a trial, and the name of what limits them.
    #[must_use]
    pub fn connections(&self) -> (u64, &'static str) {
        let descriptors = self.descriptors.saturating_sub(DESCRIPTORS_BESIDE);
        if descriptors <= self.ports {
            (descriptors, "RLIMIT_NOFILE (ulimit -Hn)")
        } else {
            (self.ports, "net.ipv4.ip_local_port_range")
        }
    }

    /// The values of a sweep that fit, and a remark if some do not.
    pub(crate) fn fit(
        &self,
        definition: &Definition,
        values: &[u32],
        server_cores: usize,
    ) -> (Vec<u32>, Option<String>) {
        let (most, name) = match definition.x.varies {
            Varies::Connections => self.connections(),
            Varies::ServerCores => {
                (server_cores.max(1) as u64, "the number of cores that the generator leaves")
            }
            _ => return (values.to_vec(), None),
        };
        let fits = |value: &u32| u64::from(*value) <= most;
        let kept: Vec<u32> = values.iter().copied().filter(fits).collect();
        let cut: Vec<String> =
            values.iter().filter(|value| !fits(value)).map(ToString::to_string).collect();
        let remark = (!cut.is_empty()).then(|| {
            let cut = cut.join(", ");
            format!("{cut} {} left out: {name} allows {most} here", definition.x.label)
        });
        (kept, remark)
    }

    /// By name, for the record.
    pub(crate) fn by_name(&self) -> BTreeMap<String, String> {
        [
            ("descriptors", self.descriptors),
            ("ports", self.ports),
            ("threads", self.threads),
            ("backlog", self.backlog),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_string()))
        .into()
    }
}

fn read(name: &str) -> Option<String> {
    fs::read_to_string(format!("/proc/sys/{name}")).ok()
}

fn number(name: &str) -> Option<u64> {
    read(name)?.trim().parse().ok()
}
