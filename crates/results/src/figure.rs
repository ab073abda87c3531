//! The quantities that a trial yields, each with its unit.

use serde::{Deserialize, Serialize};

/// A measured quantity. Its name in the files is the `snake_case` of its variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Figure {
    /// Requests answered for each second of CPU that the server used.
    RequestsPerServerCpuSecond,
    /// Requests answered for each second of CPU that server and client used together.
    RequestsPerCpuSecond,
    /// Requests answered for each second of the clock on the wall.
    RequestsPerSecond,
    /// Median latency.
    LatencyP50Us,
    /// 90th percentile of latency.
    LatencyP90Us,
    /// 99th percentile of latency.
    LatencyP99Us,
    /// 99.9th percentile of latency; absent where too few requests support it.
    LatencyP999Us,
    /// The longest latency seen.
    LatencyMaxUs,
    /// 99th percentile of the latency of the slow requests of a mix.
    SlowLatencyP99Us,
    /// Connections that the plan asked for.
    Requested,
    /// Connections whose TCP handshake completed.
    Established,
    /// Connections that got at least one answer.
    Served,
    /// Connections that asked and got no answer: requested less served.
    Starved,
    /// Jain's fairness index over all requested connections, 1/n … 1.
    Jain,
    /// The longest time a connection waited for its first byte; a connection
    /// never served counts with the whole of the trial.
    LongestWaitMs,
    /// Proportional set size of the server.
    PssBytes,
    /// Growth of the server's private memory for each connection held.
    UserMemoryPerConnectionBytes,
    /// Growth of the server's address space for each connection held.
    VirtualMemoryPerConnectionBytes,
    /// Threads of the server process.
    Threads,
    /// Context switches of the whole server process for each request.
    ContextSwitchesPerRequest,
    /// Share of the planned requests that the generator sent on time, 0 … 1.
    Adherence,
    /// Requests unanswered when the trial ended.
    Censored,
    /// Answers that were wrong, and connections that failed.
    Errors,
}

/// What a figure is counted in; charts choose ticks and suffixes by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A plain number.
    Count,
    /// A number between 0 and 1.
    Share,
    /// Requests per second (of CPU or of the clock).
    Rate,
    /// Microseconds.
    Microseconds,
    /// Milliseconds.
    Milliseconds,
    /// Bytes.
    Bytes,
}

impl Figure {
    /// The unit that the figure's values are in.
    #[must_use]
    pub fn unit(self) -> Unit {
        match self {
            Self::RequestsPerServerCpuSecond
            | Self::RequestsPerCpuSecond
            | Self::RequestsPerSecond => Unit::Rate,
            Self::LatencyP50Us
            | Self::LatencyP90Us
            | Self::LatencyP99Us
            | Self::LatencyP999Us
            | Self::LatencyMaxUs
            | Self::SlowLatencyP99Us => Unit::Microseconds,
            Self::LongestWaitMs => Unit::Milliseconds,
            Self::PssBytes
            | Self::UserMemoryPerConnectionBytes
            | Self::VirtualMemoryPerConnectionBytes => Unit::Bytes,
            Self::Jain | Self::Adherence => Unit::Share,
            Self::Requested
            | Self::Established
            | Self::Served
            | Self::Starved
            | Self::Threads
            | Self::ContextSwitchesPerRequest
            | Self::Censored
            | Self::Errors => Unit::Count,
        }
    }

    /// What to call the figure on an axis or in a table.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::RequestsPerServerCpuSecond => "requests per server-CPU-second",
            Self::RequestsPerCpuSecond => "requests per CPU-second, client and server",
            Self::RequestsPerSecond => "requests per second",
            Self::LatencyP50Us => "median latency",
            Self::LatencyP90Us => "p90 latency",
            Self::LatencyP99Us => "p99 latency",
            Self::LatencyP999Us => "p99.9 latency",
            Self::LatencyMaxUs => "longest latency",
            Self::SlowLatencyP99Us => "p99 latency of the slow requests",
            Self::Requested => "connections requested",
            Self::Established => "connections established",
            Self::Served => "connections served",
            Self::Starved => "connections starved",
            Self::Jain => "Jain's fairness index",
            Self::LongestWaitMs => "longest wait for a first byte",
            Self::PssBytes => "memory of the server (PSS)",
            Self::UserMemoryPerConnectionBytes => "user memory per connection",
            Self::VirtualMemoryPerConnectionBytes => "address space per connection",
            Self::Threads => "threads",
            Self::ContextSwitchesPerRequest => "context switches per request",
            Self::Adherence => "requests sent on time",
            Self::Censored => "requests unanswered at the end",
            Self::Errors => "errors",
        }
    }
}
