//! What servers are asked, as an experiment file says it.

use std::{num::NonZeroU32, time::Duration};

use serde::{Deserialize, Serialize};

use crate::Varies;

/// What servers are asked: the fields are those of [`load::Plan`], whose
/// defaults hold for what nobody says. A variant, and then a peer, lay theirs
/// over the experiment's.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Load {
    /// Connections, where the sweep does not vary them.
    pub connections: Option<usize>,
    /// Requests that each connection may have in flight.
    #[serde(skip_serializing_if = "Option::is_none")] // Plans without it keep their hash.
    pub in_flight: Option<NonZeroU32>,
    /// When requests are sent.
    pub mode: Option<load::Mode>,
    /// What is asked.
    pub requests: Option<Vec<load::Request>>,
    /// What is asked once, before the connections are made.
    pub prepare: Option<Vec<load::Exact>>,
    /// Requests that a connection makes before another takes its place.
    pub requests_per_connection: Option<NonZeroU32>,
    /// Which connections ask more often than the others.
    pub hot: Option<load::Hot>,
    /// Connections beside the others that hardly read.
    pub slow_readers: Option<usize>,
    /// Stops the server for a while, within the window.
    pub stall: Option<load::Stall>,
    /// Time for all handshakes, and for the probes of an idle load.
    #[serde(with = "humantime_serde::option")]
    pub connect_timeout: Option<Duration>,
    /// Whether to sample the server's memory.
    pub memory: Option<bool>,
}

impl Load {
    /// This load, and what it does not say from `base`.
    #[must_use]
    pub fn over(&self, base: &Self) -> Self {
        let Self { connections, mode, requests, prepare, .. } = self.clone();
        Self {
            connections: connections.or(base.connections),
            in_flight: self.in_flight.or(base.in_flight),
            mode: mode.or(base.mode),
            requests: requests.or_else(|| base.requests.clone()),
            prepare: prepare.or_else(|| base.prepare.clone()),
            requests_per_connection: self.requests_per_connection.or(base.requests_per_connection),
            hot: self.hot.or(base.hot),
            slow_readers: self.slow_readers.or(base.slow_readers),
            stall: self.stall.or(base.stall),
            connect_timeout: self.connect_timeout.or(base.connect_timeout),
            memory: self.memory.or(base.memory),
        }
    }

    /// Puts it into `plan`, at the value `x` of what varies.
    pub(crate) fn fill(self, plan: &mut load::Plan, varies: Varies, x: u32) {
        let count = usize::try_from(x).unwrap_or(usize::MAX);
        fill(&mut plan.connections, self.connections);
        fill(&mut plan.in_flight, self.in_flight);
        fill(&mut plan.mode, self.mode);
        fill(&mut plan.requests, self.requests);
        fill(&mut plan.prepare, self.prepare);
        fill(&mut plan.slow_readers, self.slow_readers);
        fill(&mut plan.connect_timeout, self.connect_timeout);
        fill(&mut plan.watch_memory, self.memory);
        plan.requests_per_connection = self.requests_per_connection;
        plan.hot = self.hot;
        plan.stall = self.stall;
        match varies {
            // The affair of who is asked.
            Varies::Workers | Varies::ServerCores | Varies::Job => {}
            Varies::SliceMs => plan.duration = Duration::from_millis(x.into()),
            Varies::Connections => plan.connections = count,
            Varies::InFlight => fill(&mut plan.in_flight, NonZeroU32::new(x)),
            Varies::RequestsPerConnection => plan.requests_per_connection = NonZeroU32::new(x),
            Varies::SlowReaders => plan.slow_readers = count,
            Varies::Rate => {
                if let load::Mode::Open { rate, .. } = &mut plan.mode {
                    *rate = x.into();
                }
            }
            Varies::Bytes => {
                for request in &mut plan.requests {
                    if let load::Kind::Echo { bytes } = &mut request.kind {
                        *bytes = count;
                    }
                }
            }
        }
    }
}

fn fill<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_and_how_many_are_in_flight_are_read() {
        let text = r#"
            in_flight = 8
            requests = [
                { weight = 99, kind = { rpc = { method = "echo", params = ["a", 1] } } },
                { slow = true, kind = { rpc = { method = "sleep", params = '{"ms": 20}', expect = 20 } } },
            ]
        "#;
        let load: Load = toml::from_str(text).unwrap();
        let planned = |varies, x| {
            let mut plan = load::Plan::new("127.0.0.1:1".parse().unwrap());
            load.over(&Load::default()).fill(&mut plan, varies, x);
            plan.check().unwrap();
            plan
        };
        let plan = planned(Varies::Workers, 4);
        assert_eq!(plan.in_flight.get(), 8);
        let sleep = r#"{"rpc":{"method":"sleep","params":{"ms":20},"expect":20}}"#;
        assert_eq!(serde_json::to_string(&plan.requests[1].kind).unwrap(), sleep);
        assert_eq!(planned(Varies::InFlight, 32).in_flight.get(), 32);
    }

    #[test]
    fn what_is_not_said_is_not_in_the_hash() {
        let text = serde_json::to_string(&Load::default()).unwrap();
        assert!(!text.contains("in_flight"), "{text}");
    }
}
