//! Why a bench cannot go on.

use std::{io, path::PathBuf};

/// Why a bench cannot go on. A failing *trial* is not an error: it is void, and
/// says why.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// An experiment file is not understood.
    #[error("{} is not an experiment: {message}", path.display())]
    Definition {
        /// The file.
        path: PathBuf,
        /// Line, column and what is wrong there.
        message: String,
    },
    /// Of all that was asked for, nothing can be measured here.
    #[error("there is nothing to measure: {0}")]
    Nothing(String),
    /// Somebody else writes to the results folder.
    #[error(
        "{owner} measures into {} already: wait for it, or name another folder (--out)",
        folder.display()
    )]
    Taken {
        /// The folder.
        folder: PathBuf,
        /// Who has it.
        owner: String,
    },
    /// The results cannot be read or written.
    #[error(transparent)]
    Results(#[from] results::Error),
    /// The system refuses something that every trial needs.
    #[error("cannot {action}: {source}")]
    System {
        /// What was tried.
        action: String,
        /// The cause.
        source: io::Error,
    },
}

impl Error {
    pub(crate) fn system(action: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::System { action: action.into(), source }
    }
}
