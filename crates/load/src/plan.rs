//! What one run of the generator does, as data: written by a person on the
//! command line or by the harness as JSON, and hashed with its results.

use std::{net::SocketAddr, num::NonZeroU32, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::Value;

use crate::human;

/// One run: which server, how many connections, what they ask for and when.
///
/// As JSON only `target` is required, durations are text such as `"500ms"`, and
/// an unknown field is an error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The server's address.
    pub target: SocketAddr,
    /// Connections asked for; how many the server grants is in the report.
    #[serde(default = "default::connections")]
    pub connections: usize,
    /// Answers that each connection may owe. A closed loop keeps it at that: it is
    /// so many clients that share a connection, each of which waits for its own
    /// answer. An arrival of an open loop is sent at once as long as fewer are owed,
    /// and waits where not.
    #[serde(default = "default::in_flight")]
    pub in_flight: NonZeroU32,
    /// Threads that make the load, each with its share of the connections. More
    /// than there are cores to spare would only wait for each other.
    #[serde(default = "default::threads")]
    pub threads: usize,
    /// Handshakes under way at once: more would overflow a short backlog and
    /// measure the kernel's SYN retries instead of the server.
    #[serde(default = "default::connect_burst")]
    pub connect_burst: usize,
    /// Time for all handshakes together (and for the probes of [`Mode::Idle`]).
    #[serde(default = "default::connect_timeout", with = "human")]
    pub connect_timeout: Duration,
    /// Asked once, in order, on a connection of its own before all others.
    #[serde(default)]
    pub prepare: Vec<Exact>,
    /// What is asked for, drawn by weight. All of one protocol.
    #[serde(default = "default::requests")]
    pub requests: Vec<Request>,
    /// When requests are sent.
    #[serde(default)]
    pub mode: Mode,
    /// Closed loop: some connections ask often and the others seldom.
    #[serde(default)]
    pub hot: Option<Hot>,
    /// Closed loop: a connection that had so many answers is closed before its
    /// next request, and another made in its place. The latency of that request
    /// counts from the beginning of the connect. With several in flight, those that
    /// are due then wait for the last answers on the old connection, and their
    /// latencies count that too.
    #[serde(default)]
    pub requests_per_connection: Option<NonZeroU32>,
    /// Connections besides the others that send the first request over and over,
    /// without waiting, and read 16 KiB every 100 ms. They are verified as far as
    /// they read, and have an account of their own.
    #[serde(default)]
    pub slow_readers: usize,
    /// Decides payloads, the mix and the arrivals: same seed, same run.
    #[serde(default = "default::seed")]
    pub seed: u64,
    /// Traffic before the window, not counted; at least so long, and then until
    /// the rate is steady: until the answers of two slices, each of half this time
    /// or 25 ms, agree within 10 % or three standard deviations.
    #[serde(default = "default::warmup", with = "human")]
    pub warmup: Duration,
    /// The longest that may take: three times `warmup`, if absent.
    #[serde(default, with = "human::or_none")]
    pub warmup_most: Option<Duration>,
    /// The measured window.
    #[serde(default = "default::duration", with = "human")]
    pub duration: Duration,
    /// How long after the window outstanding answers are waited for; what is
    /// then unanswered is a censored sample.
    #[serde(default = "default::grace", with = "human")]
    pub grace: Duration,
    /// Connections of each thread of which the kernel is asked when it received
    /// the answers, to know how late the generator noted them.
    #[serde(default = "default::stamped")]
    pub stamped: usize,
    /// The server's process, whose CPU time and threads are sampled.
    #[serde(default)]
    pub watch: Option<u32>,
    /// Stops that process for a while, to see what the figures make of it.
    #[serde(default)]
    pub stall: Option<Stall>,
    /// Samples the process's memory too, which makes the kernel walk its pages.
    #[serde(default)]
    pub watch_memory: bool,
}

/// One kind of request in a plan's mix.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Share of the mix, relative to the other weights.
    #[serde(default = "default::weight")]
    pub weight: u32,
    /// Belongs to the slow class, whose latencies have a histogram of their own.
    #[serde(default)]
    pub slow: bool,
    /// What is sent and what is expected.
    pub kind: Kind,
}

/// What a request sends and what its answer must be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Kind {
    /// Bytes that come back as they were.
    Echo {
        /// Payload size.
        bytes: usize,
    },
    /// An HTTP/1.1 request on a kept-alive connection.
    Http {
        /// The method.
        #[serde(default)]
        method: Method,
        /// The request target, from the `/`.
        path: String,
        /// Size of the body of a POST.
        #[serde(default)]
        body_bytes: usize,
        /// The status an answer must have.
        #[serde(default = "default::status")]
        expect_status: u16,
        /// The body an answer must have. Without it a POST to `/echo` must
        /// return what was sent, and a GET what the first GET of it returned.
        #[serde(default)]
        expect_body: Option<String>,
    },
    /// Any protocol whose answer is known beforehand, byte for byte.
    Exact {
        /// What is sent.
        send: String,
        /// What must come back, to its last byte.
        expect: String,
    },
    /// A JSON-RPC 2.0 call, a line each way. Answers are matched by their ids, and
    /// may come in any order.
    Rpc {
        /// The method.
        method: String,
        /// Its parameters, an array or an object; a text is read as JSON.
        #[serde(default, deserialize_with = "params", skip_serializing_if = "Option::is_none")]
        params: Option<Value>,
        /// The result it must have. Without it `echo` must return the parameters,
        /// and any other method what the first call of it returned.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expect: Option<Value>,
    },
}

/// Reads parameters, or the JSON text of them.
fn params<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    match Option::deserialize(from)? {
        Some(Value::String(text)) => serde_json::from_str(&text)
            .map_err(|why| D::Error::custom(format!("the params {text:?} are no JSON: {why}"))),
        other => Ok(other),
    }
}

/// Something that is asked once, and its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exact {
    /// What is sent.
    pub send: String,
    /// What must come back.
    pub expect: String,
}

/// The method of an HTTP request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// Asks without a body.
    #[default]
    Get,
    /// Sends a body of pattern bytes.
    Post,
}

/// When requests are sent.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Mode {
    /// Each connection sends, waits for the answer, thinks, and sends again.
    Closed {
        /// Pause between an answer and the next request.
        #[serde(default, with = "human")]
        think: Duration,
    },
    /// Requests arrive whether or not the server keeps up.
    Open {
        /// Arrivals a second, over all connections.
        rate: f64,
        /// How arrivals are spaced.
        #[serde(default)]
        arrivals: Arrivals,
    },
    /// Connections are made and held in silence.
    Idle {
        /// Asks once on each connection first, to know that the server holds
        /// the connection and not only the kernel's backlog.
        #[serde(default)]
        probe: bool,
    },
}

/// Which connections of a closed loop are hot, and how long the others think.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hot {
    /// Connections whose number is a multiple of this are hot: they think as the
    /// mode says.
    pub every: NonZeroU32,
    /// Pause of all others between an answer and the next request.
    #[serde(with = "human")]
    pub cold_think: Duration,
}

/// A time for which the watched process is stopped, by SIGSTOP and SIGCONT.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stall {
    /// From the beginning of the window.
    #[serde(with = "human")]
    pub after: Duration,
    /// How long it stands still; not beyond the end of the run.
    #[serde(with = "human")]
    pub lasts: Duration,
}

impl Default for Mode {
    fn default() -> Self {
        Self::Closed { think: Duration::ZERO }
    }
}

/// How the arrivals of an open loop are spaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arrivals {
    /// All gaps alike.
    #[default]
    Fixed,
    /// Gaps drawn from an exponential distribution: many independent users.
    Poisson,
}

impl Request {
    /// A request of weight 1 in the short class.
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        Self { weight: 1, slow: false, kind }
    }
}

impl Plan {
    /// A closed loop of 64 connections echoing 64 bytes for five seconds.
    #[must_use]
    pub fn new(target: SocketAddr) -> Self {
        Self {
            target,
            connections: default::connections(),
            in_flight: default::in_flight(),
            threads: default::threads(),
            connect_burst: default::connect_burst(),
            connect_timeout: default::connect_timeout(),
            prepare: Vec::new(),
            requests: default::requests(),
            mode: Mode::default(),
            hot: None,
            requests_per_connection: None,
            slow_readers: 0,
            seed: default::seed(),
            warmup: default::warmup(),
            warmup_most: None,
            duration: default::duration(),
            grace: default::grace(),
            stamped: default::stamped(),
            watch: None,
            stall: None,
            watch_memory: false,
        }
    }

    /// The longest time that the warm-up may take.
    #[must_use]
    pub fn longest_warmup(&self) -> Duration {
        self.warmup_most.unwrap_or(self.warmup.saturating_mul(3))
    }
}

mod default {
    use std::{num::NonZeroU32, time::Duration};

    use super::{Kind, Request};

    pub(super) fn connections() -> usize {
        64
    }
    pub(super) fn in_flight() -> NonZeroU32 {
        NonZeroU32::MIN
    }
    pub(super) fn threads() -> usize {
        1
    }
    pub(super) fn connect_burst() -> usize {
        64
    }
    pub(super) fn connect_timeout() -> Duration {
        Duration::from_secs(3)
    }
    pub(super) fn requests() -> Vec<Request> {
        vec![Request::new(Kind::Echo { bytes: 64 })]
    }
    pub(super) fn seed() -> u64 {
        1
    }
    pub(super) fn warmup() -> Duration {
        Duration::from_millis(500)
    }
    pub(super) fn duration() -> Duration {
        Duration::from_secs(5)
    }
    pub(super) fn grace() -> Duration {
        Duration::from_millis(500)
    }
    pub(super) fn stamped() -> usize {
        4
    }
    pub(super) fn weight() -> u32 {
        1
    }
    pub(super) fn status() -> u16 {
        200
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn plan() -> Plan {
        Plan::new("127.0.0.1:5555".parse().unwrap())
    }

    #[test]
    fn target_alone_is_a_plan() {
        let read: Plan = serde_json::from_str(r#"{"target": "127.0.0.1:5555"}"#).unwrap();
        assert_eq!(read, plan());
    }

    #[test]
    fn json_keeps_a_plan() {
        let mut written = plan();
        written.mode = Mode::Open { rate: 10.5, arrivals: Arrivals::Poisson };
        written.grace = Duration::from_millis(1500);
        written.warmup_most = Some(Duration::from_secs(7));
        written.requests.push(Request {
            weight: 3,
            slow: true,
            kind: Kind::Http {
                method: Method::Post,
                path: "/echo".into(),
                body_bytes: 9,
                expect_status: 200,
                expect_body: None,
            },
        });
        written.in_flight = NonZeroU32::new(8).unwrap();
        written.requests.push(Request::new(Kind::Rpc {
            method: "sum".into(),
            params: Some(json!([1, 2])),
            expect: Some(json!(3)),
        }));
        let text = serde_json::to_string(&written).unwrap();
        assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), written);
    }

    #[test]
    fn params_are_a_value_or_the_text_of_one() {
        let read = |text: &str| serde_json::from_str::<Kind>(text);
        let value = read(r#"{"rpc": {"method": "m", "params": {"ms": 20}}}"#).unwrap();
        let text = read(r#"{"rpc": {"method": "m", "params": "{\"ms\": 20}"}}"#).unwrap();
        assert_eq!(value, text);
        let params = Some(json!({"ms": 20}));
        assert_eq!(value, Kind::Rpc { method: "m".into(), params, expect: None });
        let none = Kind::Rpc { method: "m".into(), params: None, expect: None };
        assert_eq!(read(r#"{"rpc": {"method": "m"}}"#).unwrap(), none);
        let refused = read(r#"{"rpc": {"method": "m", "params": "{ms"}}"#).unwrap_err();
        assert!(refused.to_string().contains("are no JSON"), "{refused}");
    }

    #[test]
    fn unknown_fields_are_refused() {
        let text = r#"{"target": "127.0.0.1:5555", "conections": 3}"#;
        assert!(serde_json::from_str::<Plan>(text).unwrap_err().to_string().contains("conections"));
    }
}
