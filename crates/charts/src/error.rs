//! Why charts could not be drawn.

use std::{io, path::PathBuf};

/// Why charts could not be drawn.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// plotters refused.
    #[error("cannot draw the chart `{chart}`: {why}")]
    Plot {
        /// [`results::Chart::file`] of the chart.
        chart: String,
        /// What plotters says.
        why: String,
    },
    /// Two experiments name the same chart.
    #[error("the chart `{chart}` is named by `{first}` and by `{second}`: rename one in its plan")]
    Twice {
        /// The name.
        chart: String,
        /// The experiment that has it first.
        first: String,
        /// The experiment that has it too.
        second: String,
    },
    /// A name that would leave the folder of the charts.
    #[error(
        "`{chart}`, a chart of `{experiment}`, is not a file name: \
         use letters, digits, `-` and `_`"
    )]
    Name {
        /// The name.
        chart: String,
        /// The experiment that has it.
        experiment: String,
    },
    /// A results file cannot be read, or a chart not be written.
    #[error(transparent)]
    Results(#[from] results::Error),
    /// The folder of the charts cannot be tidied.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}
