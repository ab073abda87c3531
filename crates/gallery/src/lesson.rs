//! What a lesson is made of, and what a run of it shows.

use std::{fmt, io};

use crate::Stage;

/// One bug to run.
#[derive(Debug)]
pub struct Lesson {
    /// What it is called on the command line; its file has the same name.
    pub name: &'static str,
    /// The lesson in one line.
    pub title: &'static str,
    /// What to answer before it is run.
    pub question: &'static str,
    /// What the answer may be.
    pub answers: &'static [&'static str],
    /// Which of `answers` is right, from 0.
    pub right: usize,
    /// Why it is.
    pub because: &'static str,
    /// Runs the server of one version, and tests it.
    ///
    /// # Errors
    ///
    /// Fails if the test cannot be made: no socket, no process.
    pub run: fn(&Stage) -> io::Result<Outcome>,
    /// What a process of its own does, for a lesson that needs one.
    ///
    /// # Errors
    ///
    /// As any program.
    pub act: Option<fn(Version) -> io::Result<()>>,
    /// Files of this workspace to read afterwards.
    pub read: &'static [&'static str],
    /// The file that this is in.
    pub source: &'static str,
}

/// Which of the two servers of a lesson.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// With the flaw.
    Flawed,
    /// Without.
    Mended,
}

impl Version {
    /// The version that is called so, if one is.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Flawed, Self::Mended].into_iter().find(|version| version.to_string() == name)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        out.write_str(match self {
            Self::Flawed => "flawed",
            Self::Mended => "mended",
        })
    }
}

/// What one run showed.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Whether the flaw did its damage.
    pub flaw_seen: bool,
    /// What was counted or timed, each with its name and its unit.
    pub figures: Vec<(&'static str, String)>,
    /// What happened, in a sentence.
    pub words: String,
}

impl Outcome {
    /// A run in which the flaw was seen or not; `words` say what happened.
    pub(crate) fn new(flaw_seen: bool, words: impl Into<String>) -> Self {
        Self { flaw_seen, figures: Vec::new(), words: words.into() }
    }

    /// Adds a figure.
    pub(crate) fn figure(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.figures.push((name, value.to_string()));
        self
    }
}
