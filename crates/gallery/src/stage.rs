//! Where a lesson is run: which version, who listens to what it tells, and its other process.

use std::{
    fmt,
    io::{self, Read as _},
    process::{self, Command, Stdio},
    thread,
};

use crate::{Lesson, Version, actor::Actor};

/// What a lesson is given to run.
#[derive(Clone, Copy)]
pub struct Stage<'a> {
    /// The lesson that is run.
    pub lesson: &'a Lesson,
    /// The server to show.
    pub version: Version,
    /// Takes a line about what happens, when it happens.
    pub tell: &'a dyn Fn(&str),
    /// The command that calls [`act`] with the lesson and the version in another process.
    pub actor: &'a dyn Fn(&Lesson, Version) -> Command,
}

impl Stage<'_> {
    /// Tells the audience what happens now.
    pub(crate) fn tell(&self, line: impl AsRef<str>) {
        (self.tell)(line.as_ref());
    }

    /// Starts the lesson's other process; it ends when the value is dropped.
    pub(crate) fn actor(&self, stderr: Stdio) -> io::Result<Actor> {
        let mut command = (self.actor)(self.lesson, self.version);
        Actor::start(command.stderr(stderr))
    }
}

impl fmt::Debug for Stage<'_> {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        let Self { lesson, version, .. } = self;
        out.debug_struct("Stage").field("lesson", &lesson.name).field("version", version).finish()
    }
}

/// Plays the other process of a lesson, until whoever holds our standard input is gone.
///
/// # Errors
///
/// As the lesson's own part; also if the lesson has none.
pub fn act(lesson: &Lesson, version: Version) -> io::Result<()> {
    let part = lesson.act.ok_or_else(|| io::Error::other("this lesson needs no other process"))?;
    thread::spawn(|| {
        // A part that hangs, as some do on purpose, must not outlive its lesson.
        let _ = io::stdin().read_to_end(&mut Vec::new());
        process::exit(1);
    });
    part(version)
}
