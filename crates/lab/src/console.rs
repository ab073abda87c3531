//! What the verbs share towards the terminal.

use std::{
    fmt::Display,
    io::{self, Write},
};

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

/// Says a line on standard error. Whoever reads it may be gone, or have no room: then
/// nobody is told, and nothing else is lost.
pub(crate) fn tell(line: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Lines of columns, each as wide as its widest cell; a number stands to the right.
pub(crate) fn aligned<const N: usize>(indent: &str, rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let mut text = String::new();
    for row in rows {
        let mut line = indent.to_owned();
        for (column, cell) in row.iter().enumerate() {
            let room = width(column).unwrap_or(0);
            let is_number = cell.starts_with(|c: char| c.is_ascii_digit() || c == '–');
            let cell = if is_number { format!("{cell:>room$}") } else { format!("{cell:<room$}") };
            line.push_str(&cell);
            line.push_str("  ");
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_lines_have_no_tail() {
        let rows = [["a", "1", "x"], ["bcd", "100", ""]].map(|row| row.map(str::to_owned));
        assert_eq!(aligned("  ", &rows), "  a      1  x\n  bcd  100\n");
    }
}
