//! Why a run could not be made. A failing *connection* is no such error: it is
//! counted in the report.

use std::io;

use thiserror::Error as ThisError;

/// Why there is no report.
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum Error {
    /// The plan contradicts itself.
    #[error("the plan cannot be run: {0}")]
    Plan(String),
    /// The process may not open as many descriptors as the plan needs.
    #[error(
        "{needed} descriptors are needed and RLIMIT_NOFILE allows {allowed}; \
         ask for fewer connections or raise the hard limit (`ulimit -Hn`)"
    )]
    Descriptors {
        /// Connections and the generator's own files.
        needed: u64,
        /// The limit, after raising it as far as this process may.
        allowed: u64,
    },
    /// What the plan prepares was not answered as it must be.
    #[error(
        "preparing failed: {send} was answered by {came}, expected {expect}: {why}; \
         does the server speak this protocol?"
    )]
    Prepare {
        /// What was asked, escaped and perhaps cut, as are the others.
        send: String,
        /// What should have come.
        expect: String,
        /// What came.
        came: String,
        /// What went wrong.
        why: String,
    },
    /// The process to watch does not exist when the run begins.
    #[error("there is no process {pid} to watch; is the server still running?")]
    NoProcess {
        /// The process asked for.
        pid: u32,
    },
    /// The process to watch does not let itself be read.
    #[error(
        "process {pid} cannot be watched: {why}; run as the server's user, or without watching"
    )]
    Watch {
        /// The process asked for.
        pid: u32,
        /// What the kernel said.
        why: String,
    },
    /// The operating system refused something that the generator itself needs.
    #[error("cannot {doing}: {source}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
}

impl Error {
    /// Names what was being done when `source` happened, for `map_err`.
    pub(crate) fn io(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing, source }
    }
}
