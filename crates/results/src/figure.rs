//! The quantities that a trial yields, each with its unit.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A measured quantity. Its name in the files is the `snake_case` of its variant.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Figure {
    /// Requests answered for each second of CPU that the server used.
    RequestsPerServerCpuSecond,
    /// Requests answered for each second of CPU that server and client used together.
    RequestsPerCpuSecond,
    /// Requests answered for each second of the clock on the wall.
    RequestsPerSecond,
    /// Bytes received and sent by the server for each second of CPU that it used.
    BytesPerServerCpuSecond,
    /// Connections made for each second of CPU that the server used.
    ConnectionsPerServerCpuSecond,
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
    /// Median latency from the actual send, in an open loop.
    FromSendP50Us,
    /// 99th percentile of the latency from the actual send, in an open loop.
    FromSendP99Us,
    /// CPU time for a request in the ramp of a slice, over that in the slice itself.
    RampCost,
    /// 99th percentile of how late the generator took up what was due.
    LatenessP99Us,
    /// 99th percentile of the time that answers lay in the generator's sockets.
    ReceiveLagP99Us,
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
    /// System calls on sockets, and waits for them, by the server for each request.
    SystemCallsPerRequest,
    /// Time that the server's threads were ready to run and had no core, for each request.
    RunQueueDelayPerRequestUs,
    /// Share of the server's cores that it used.
    ServerCpuShare,
    /// Jain's fairness index of the requests over the workers, 1/n … 1.
    WorkerJain,
    /// The busiest worker's share of all requests.
    BusiestWorkerShare,
    /// Growth of the server's memory (PSS) from before the first connection.
    PssGrowthBytes,
    /// Connections that the kernel dropped because the accept queue was full.
    AcceptDrops,
    /// Share of the planned requests that the generator sent on time, 0 … 1.
    Adherence,
    /// Requests unanswered when the trial ended.
    Censored,
    /// Requests that were due and never sent.
    Unsent,
    /// Answers that were wrong, and connections that failed.
    Errors,
    /// Time that a job took, from its first question to its last answer.
    JobMs,
    /// CPU time that a job used, in all its threads and processes.
    JobCpuMs,
    /// Memory that a job had resident at its peak.
    JobMemoryBytes,
    /// Address space that a job had reserved at its peak.
    JobVirtualBytes,
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

/// Which way a figure is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// More of it.
    Higher,
    /// Less of it.
    Lower,
}

impl Figure {
    /// Percentiles of the latencies in a trial's histogram.
    pub const PERCENTILES: [Self; 4] =
        [Self::LatencyP50Us, Self::LatencyP90Us, Self::LatencyP99Us, Self::LatencyP999Us];

    /// Which way the figure is better.
    #[must_use]
    pub fn better(self) -> Better {
        match (self.unit(), self) {
            (Unit::Rate | Unit::Share, _)
            | (_, Self::BytesPerServerCpuSecond | Self::Established | Self::Served) => match self {
                Self::BusiestWorkerShare | Self::ServerCpuShare => Better::Lower,
                _ => Better::Higher,
            },
            _ => Better::Lower,
        }
    }

    /// Which percentile of the latencies in a trial's histogram it is, if it is one.
    #[must_use]
    pub fn quantile(self) -> Option<f64> {
        match self {
            Self::LatencyP50Us => Some(0.5),
            Self::LatencyP90Us => Some(0.9),
            Self::LatencyP99Us => Some(0.99),
            Self::LatencyP999Us => Some(0.999),
            _ => None,
        }
    }

    /// Whether each round of a sitting has one of its own.
    #[must_use]
    pub fn is_of_rounds(self) -> bool {
        matches!(
            self,
            Self::RequestsPerServerCpuSecond
                | Self::RequestsPerCpuSecond
                | Self::RequestsPerSecond
                | Self::BytesPerServerCpuSecond
                | Self::RampCost
        )
    }

    /// Whether more or less of it is called faster or slower.
    #[must_use]
    pub fn is_speed(self) -> bool {
        matches!(self.unit(), Unit::Rate | Unit::Microseconds | Unit::Milliseconds)
            || self == Self::BytesPerServerCpuSecond
    }

    /// Whether it is counted, not timed: repeated, it comes out the same, and
    /// one block tells as much as many.
    #[must_use]
    pub fn is_counted(self) -> bool {
        matches!(
            self,
            Self::Requested | Self::Established | Self::Served | Self::Starved | Self::Threads
        )
    }

    /// The unit that the figure's values are in.
    #[must_use]
    pub fn unit(self) -> Unit {
        match self {
            Self::RequestsPerServerCpuSecond
            | Self::RequestsPerCpuSecond
            | Self::ConnectionsPerServerCpuSecond
            | Self::RequestsPerSecond => Unit::Rate,
            Self::LatencyP50Us
            | Self::LatencyP90Us
            | Self::LatencyP99Us
            | Self::LatencyP999Us
            | Self::LatencyMaxUs
            | Self::SlowLatencyP99Us
            | Self::FromSendP50Us
            | Self::FromSendP99Us
            | Self::LatenessP99Us
            | Self::ReceiveLagP99Us
            | Self::RunQueueDelayPerRequestUs => Unit::Microseconds,
            Self::LongestWaitMs | Self::JobMs | Self::JobCpuMs => Unit::Milliseconds,
            Self::PssBytes
            | Self::PssGrowthBytes
            | Self::JobMemoryBytes
            | Self::JobVirtualBytes
            | Self::BytesPerServerCpuSecond
            | Self::UserMemoryPerConnectionBytes
            | Self::VirtualMemoryPerConnectionBytes => Unit::Bytes,
            Self::Jain
            | Self::Adherence
            | Self::ServerCpuShare
            | Self::WorkerJain
            | Self::BusiestWorkerShare => Unit::Share,
            Self::Requested
            | Self::Established
            | Self::Served
            | Self::Starved
            | Self::Threads
            | Self::ContextSwitchesPerRequest
            | Self::SystemCallsPerRequest
            | Self::AcceptDrops
            | Self::RampCost
            | Self::Censored
            | Self::Unsent
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
            Self::BytesPerServerCpuSecond => "bytes per server-CPU-second",
            Self::ConnectionsPerServerCpuSecond => "connections per server-CPU-second",
            Self::LatencyP50Us => "median latency",
            Self::LatencyP90Us => "p90 latency",
            Self::LatencyP99Us => "p99 latency",
            Self::LatencyP999Us => "p99.9 latency",
            Self::LatencyMaxUs => "longest latency",
            Self::SlowLatencyP99Us => "p99 latency of the slow requests",
            Self::FromSendP50Us => "median latency from the send",
            Self::FromSendP99Us => "p99 latency from the send",
            Self::RampCost => "CPU for a request in the ramp, over after it",
            Self::LatenessP99Us => "p99 lateness of the generator",
            Self::ReceiveLagP99Us => "p99 wait of answers in the generator",
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
            Self::SystemCallsPerRequest => "system calls per request",
            Self::RunQueueDelayPerRequestUs => "wait for a core per request",
            Self::ServerCpuShare => "share of the server's cores used",
            Self::WorkerJain => "evenness over workers (Jain's index)",
            Self::BusiestWorkerShare => "share of the busiest worker",
            Self::PssGrowthBytes => "growth of the server's memory (PSS)",
            Self::AcceptDrops => "connections dropped by a full accept queue",
            Self::Adherence => "requests sent on time",
            Self::Censored => "requests unanswered at the end",
            Self::Unsent => "requests never sent",
            Self::Errors => "errors",
            Self::JobMs => "time of the job",
            Self::JobCpuMs => "CPU time of the job",
            Self::JobMemoryBytes => "memory of the job",
            Self::JobVirtualBytes => "address space of the job",
        }
    }
}
