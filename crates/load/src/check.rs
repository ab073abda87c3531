//! What cannot be run, said before anything is connected.

use std::{mem::discriminant, process, time::Duration};

use crate::{
    error::Error,
    plan::{Kind, Method, Mode, Plan, Stall},
};

/// Far beyond what one thread can send; more would only fill memory with
/// arrivals that are never sent.
const MAX_RATE: f64 = 1e6;

/// A longer time is a slip; and sums of times must not overflow.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// Of one message. The generator has it in memory, and the server may.
const MOST_BYTES: usize = 64 << 20;

/// Each takes some memory here, and more in the server.
const MOST_IN_FLIGHT: u64 = 4_000_000;

impl Plan {
    /// Looks for what cannot be run, before anything is connected.
    ///
    /// # Errors
    ///
    /// [`Error::Plan`], saying which field to change.
    pub fn check(&self) -> Result<(), Error> {
        self.check_connections()?;
        self.check_requests()?;
        self.check_times()?;
        self.check_mode()?;
        self.check_in_flight()?;
        self.stall.map_or(Ok(()), |stall| self.check_stall(stall))
    }

    fn check_connections(&self) -> Result<(), Error> {
        if self.connections == 0 {
            return refuse("connections is 0; ask for at least 1");
        }
        if u32::try_from(self.connections.saturating_add(self.slow_readers)).is_err() {
            return refuse("connections does not fit 32 bits");
        }
        if self.threads == 0 {
            return refuse("threads is 0, so nothing would run; use at least 1");
        }
        if self.threads > self.connections {
            return refuse(
                "there are more threads than connections; use fewer threads, or more connections",
            );
        }
        if self.connect_burst < self.threads {
            return refuse(
                "connect_burst is less than threads, so a thread could not connect; \
                 use at least 1 for each",
            );
        }
        Ok(())
    }

    fn check_requests(&self) -> Result<(), Error> {
        let Some(first) = self.requests.first() else {
            return refuse("requests is empty; name at least one");
        };
        if self.requests.iter().all(|request| request.weight == 0) {
            return refuse("every request has weight 0; give one a weight");
        }
        let protocol = discriminant(&first.kind);
        if self.requests.iter().any(|one| discriminant(&one.kind) != protocol) {
            return refuse(
                "requests mix echo, http, exact and rpc; one server speaks one of them, split the plan",
            );
        }
        if self.slow_readers > 0 && matches!(first.kind, Kind::Rpc { .. }) {
            return refuse(
                "slow_readers need answers that come in order, and those of rpc may not; \
                 leave out one of them",
            );
        }
        if self.prepare.iter().any(|one| one.send.is_empty() || one.expect.is_empty()) {
            return refuse("prepare has an empty text; name what is sent and what is expected");
        }
        self.requests.iter().try_for_each(|request| request.kind.check())
    }

    fn check_in_flight(&self) -> Result<(), Error> {
        let in_flight = self.in_flight.get();
        if in_flight == 1 {
            return Ok(());
        }
        if matches!(self.mode, Mode::Idle { .. }) {
            return refuse("an idle run asks at most once; leave out in_flight, or choose a loop");
        }
        if self.connections as u64 * u64::from(in_flight) > MOST_IN_FLIGHT {
            return refuse(
                "connections times in_flight is more than 4,000,000, which no machine has in \
                 flight; ask for less",
            );
        }
        if self.requests_per_connection.is_some_and(|each| each < self.in_flight) {
            return refuse(
                "a connection never has in_flight requests to make, as requests_per_connection \
                 is less; lower one or raise the other",
            );
        }
        Ok(())
    }

    fn check_times(&self) -> Result<(), Error> {
        if self.duration.is_zero() {
            return refuse("duration is 0; measure for at least 1ms");
        }
        if self.longest_warmup() < self.warmup {
            return refuse("warmup_most is less than warmup; raise it or leave it out");
        }
        let think = match self.mode {
            Mode::Closed { think } => think,
            _ => Duration::ZERO,
        };
        let stall = self.stall.map_or(Duration::ZERO, |stall| stall.after.max(stall.lasts));
        for (name, time) in [
            ("duration", self.duration),
            ("warmup", self.longest_warmup()),
            ("grace", self.grace),
            ("connect_timeout", self.connect_timeout),
            ("think", think),
            ("cold_think", self.hot.map_or(Duration::ZERO, |hot| hot.cold_think)),
            ("stall", stall),
        ] {
            if time > LONGEST {
                return refuse(&format!("{name} is more than a day; use at most 24h"));
            }
        }
        Ok(())
    }

    fn check_mode(&self) -> Result<(), Error> {
        if let Mode::Open { rate, .. } = self.mode
            && !(rate > 0.0 && rate <= MAX_RATE)
        {
            return refuse(
                "the rate of an open loop must be above 0 and at most 1,000,000 a second",
            );
        }
        let is_closed_loop = matches!(self.mode, Mode::Closed { .. });
        if self.requests_per_connection.is_some() && !is_closed_loop {
            return refuse("requests_per_connection needs a closed loop; leave out one of them");
        }
        if self.hot.is_some() && !is_closed_loop {
            return refuse("hot needs a closed loop; leave out one of them");
        }
        Ok(())
    }

    fn check_stall(&self, stall: Stall) -> Result<(), Error> {
        if stall.lasts.is_zero() {
            return refuse("the stall lasts no time; give it at least 1ms");
        }
        match self.watch {
            None => refuse("stall needs watch: name the process to stop"),
            Some(pid) if pid == process::id() || pid == 0 => {
                refuse("stall would stop the generator; watch the server's process")
            }
            Some(_) => Ok(()),
        }
    }
}

impl Kind {
    fn check(&self) -> Result<(), Error> {
        match self {
            Self::Echo { bytes: 0 } => refuse("an echo of 0 bytes has no answer; use at least 1"),
            Self::Echo { bytes } | Self::Http { body_bytes: bytes, .. } if *bytes > MOST_BYTES => {
                refuse(&format!("{bytes} bytes are too many; use at most {MOST_BYTES}"))
            }
            Self::Http { method: Method::Get, body_bytes: 1.., .. } => {
                refuse("a GET has no body; set body_bytes to 0 or use POST")
            }
            Self::Http { path, .. }
                if !path.starts_with('/') || path.contains(|c: char| c <= ' ' || c > '~') =>
            {
                refuse(&format!(
                    "the path {path:?} must start with / and be plain ASCII without spaces"
                ))
            }
            Self::Exact { send, expect } if send.is_empty() || expect.is_empty() => {
                refuse("an exact request has an empty text; name what is sent and what is expected")
            }
            Self::Rpc { method, .. } if method.is_empty() => {
                refuse("an rpc request has no method; name one")
            }
            Self::Rpc { params: Some(params), .. } if !params.is_array() && !params.is_object() => {
                refuse(&format!(
                    "the params of an rpc request are {params}; use an array or an object"
                ))
            }
            Self::Echo { .. } | Self::Http { .. } | Self::Exact { .. } | Self::Rpc { .. } => Ok(()),
        }
    }
}

fn refuse(why: &str) -> Result<(), Error> {
    Err(Error::Plan(why.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::{num::NonZeroU32, time::Duration};

    use serde_json::json;

    use super::*;
    use crate::plan::{Arrivals, Request};

    fn plan() -> Plan {
        Plan::new("127.0.0.1:5555".parse().unwrap())
    }

    #[test]
    fn what_cannot_run_is_said() {
        let http = |path: &str| {
            Request::new(Kind::Http {
                method: Method::Get,
                path: path.into(),
                body_bytes: 0,
                expect_status: 200,
                expect_body: None,
            })
        };
        let two = NonZeroU32::new(2).unwrap();
        let refused = |change: &dyn Fn(&mut Plan)| {
            let mut plan = plan();
            change(&mut plan);
            plan.check().unwrap_err().to_string()
        };
        assert!(
            refused(&|plan| plan.requests.push(http("/")))
                .contains("mix echo, http, exact and rpc")
        );
        assert!(refused(&|plan| plan.requests = vec![http("/a b")]).contains("/a b"));
        assert!(refused(&|plan| plan.requests.clear()).contains("requests"));
        assert!(refused(&|plan| plan.connections = 0).contains("connections"));
        assert!(refused(&|plan| plan.threads = 0).contains("threads is 0"));
        assert!(refused(&|plan| plan.threads = 65).contains("use fewer threads"));
        assert!(refused(&|plan| plan.connect_burst = 0).contains("connect_burst"));
        assert!(refused(&|plan| plan.requests[0].weight = 0).contains("weight"));
        let open = Mode::Open { rate: f64::NAN, arrivals: Arrivals::Fixed };
        assert!(refused(&|plan| plan.mode = open).contains("rate"));
        assert!(
            refused(&|plan| {
                plan.mode = Mode::Idle { probe: true };
                plan.requests_per_connection = NonZeroU32::new(1);
            })
            .contains("needs a closed loop")
        );
        assert!(refused(&|plan| plan.in_flight = NonZeroU32::MAX).contains("4,000,000"));
        assert!(
            refused(&|plan| {
                plan.in_flight = two;
                plan.mode = Mode::Idle { probe: true };
            })
            .contains("leave out in_flight")
        );
        assert!(
            refused(&|plan| {
                plan.in_flight = two;
                plan.requests_per_connection = NonZeroU32::new(1);
            })
            .contains("requests_per_connection")
        );
        let rpc = |method: &str, params| {
            vec![Request::new(Kind::Rpc { method: method.into(), params, expect: None })]
        };
        assert!(refused(&|plan| plan.requests = rpc("", None)).contains("no method"));
        assert!(refused(&|plan| plan.requests = rpc("m", Some(json!(1)))).contains("an array"));
        assert!(
            refused(&|plan| {
                plan.requests = rpc("m", None);
                plan.slow_readers = 1;
            })
            .contains("slow_readers")
        );
        let second = Duration::from_secs(1);
        let stall = Some(Stall { after: second, lasts: second });
        assert!(refused(&|plan| plan.stall = stall).contains("needs watch"));
        let own = |plan: &mut Plan| (plan.stall, plan.watch) = (stall, Some(process::id()));
        assert!(refused(&own).contains("would stop the generator"));
        assert!(plan().check().is_ok());
    }
}
