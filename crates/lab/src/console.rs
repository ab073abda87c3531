//! What the verbs share towards the terminal.

use std::io::{self, Write};

/// Exit codes of the measuring verbs, beside 0 (all held) and 2 (usage).
pub(crate) mod code {
    /// A claim failed, or a server answered wrongly.
    pub(crate) const FAILED: u8 = 1;
    /// The command line asks for what cannot be.
    pub(crate) const USAGE: u8 = 2;
    /// The environment cannot: a limit, or nothing to read.
    pub(crate) const ENVIRONMENT: u8 = 3;
    /// The generator was the bottleneck.
    pub(crate) const VOID: u8 = 4;
    /// Some claims could not be decided.
    pub(crate) const INCONCLUSIVE: u8 = 5;
    /// Ended by Ctrl-C, as shells tell it.
    pub(crate) const INTERRUPTED: u8 = 130;
}

/// Prints to standard output; a reader that has seen enough is no error.
pub(crate) fn print(text: &str) -> io::Result<()> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}
