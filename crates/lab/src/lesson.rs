//! `lab lesson NAME`: a question, the flawed server, the mended one, and what to read.

use std::{
    env,
    fmt::Write as _,
    io::{self, IsTerminal as _, Write as _},
    path::Path,
    process::{self, Command, ExitCode},
};

use anyhow::{Context as _, Result};
use clap::builder::PossibleValuesParser;
use gallery::{ALL, Lesson, Outcome, Stage, Version};

use crate::console::{self, code};

/// How wide the text is.
const COLUMNS: usize = 60;

/// Runs a bug of the gallery, then its mend; without a name, lists the lessons.
///
/// Exits 0 if the flaw showed and the mend mended, 1 if not.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The lesson to run
    #[arg(value_parser = PossibleValuesParser::new(ALL.map(|lesson| lesson.name)))]
    #[arg(hide_possible_values = true)]
    name: Option<String>,
    /// Run every lesson
    #[arg(long, conflicts_with = "name")]
    all: bool,
    /// Play the other process of a lesson: `flawed` or `mended`
    #[arg(long, hide = true, requires = "name", value_parser = ["flawed", "mended"])]
    act: Option<String>,
}

/// Lists the lessons, or runs one, or all.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let chosen: Vec<&Lesson> = match &args.name {
        Some(name) => gallery::find(name).into_iter().collect(),
        None if args.all => ALL.to_vec(),
        None => {
            console::print(&list())?;
            return Ok(ExitCode::SUCCESS);
        }
    };
    if let Some(version) = args.act.as_deref().and_then(Version::named) {
        gallery::act(chosen[0], version)?;
        return Ok(ExitCode::SUCCESS);
    }
    let program = env::current_exe().context("cannot tell where this program is")?;
    let mut held = 0;
    for lesson in &chosen {
        match teach(lesson, &program, !args.all) {
            Ok(true) => held += 1,
            Ok(false) => complain(lesson, "the flaw did not show, or the mend did not mend"),
            Err(error) => complain(lesson, &format!("{error:#}")),
        }
    }
    if args.all {
        say(&format!("\n{held} of {} lessons: the flaw showed, the mend mended\n", chosen.len()));
    }
    Ok(if held == chosen.len() { ExitCode::SUCCESS } else { ExitCode::from(code::FAILED) })
}

/// Says on standard error why a lesson went wrong, if anybody listens.
fn complain(lesson: &Lesson, why: &str) {
    let _ = writeln!(io::stderr(), "lab lesson: {}: {why}", lesson.name);
}

/// Every lesson, a line each.
fn list() -> String {
    let mut text = String::new();
    for (number, lesson) in (1..).zip(ALL) {
        let _ = writeln!(text, "{number:>2}  {:<22}  {}", lesson.name, lesson.title);
    }
    text + "\nRun one with: lab lesson NAME\n"
}

/// Runs one lesson; says whether it went as it should.
fn teach(lesson: &Lesson, program: &Path, may_ask: bool) -> Result<bool> {
    say(&question(lesson));
    let said = if may_ask && io::stdin().is_terminal() { answered()? } else { String::new() };
    let actor = |lesson: &Lesson, version: Version| {
        let mut command = Command::new(program);
        command.args(["lesson", lesson.name, "--act", &version.to_string()]);
        command
    };
    let tell = |line: &str| say(&wrapped("  ", line));
    let mut seen = Vec::new();
    for version in [Version::Flawed, Version::Mended] {
        say(&format!("\nThe {version} server:\n"));
        let outcome = (lesson.run)(&Stage { lesson, version, tell: &tell, actor: &actor })
            .with_context(|| format!("the {version} server cannot be shown"))?;
        say(&shown(&outcome));
        seen.push(outcome.flaw_seen);
    }
    say(&afterwards(lesson, &said));
    Ok(seen == [true, false])
}

/// Waits for an answer; without one the lesson goes on as well.
fn answered() -> Result<String> {
    say("\nYour answer, then Enter: ");
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).context("cannot read the answer")?;
    Ok(answer.trim().chars().take(1).collect())
}

/// The title, the question, and what may be answered.
fn question(lesson: &Lesson) -> String {
    let underline = "=".repeat(lesson.title.chars().count());
    let mut text = format!("\n{}\n{underline}\n\n", lesson.title);
    text += &wrapped("", lesson.question);
    for (letter, answer) in ('a'..).zip(lesson.answers) {
        text += &wrapped("  ", &format!("{letter}) {answer}"));
    }
    text
}

fn shown(outcome: &Outcome) -> String {
    let mut text = String::new();
    for (name, value) in &outcome.figures {
        let _ = writeln!(text, "  = {name}: {value}");
    }
    text + &wrapped("  ", &outcome.words)
}

fn afterwards(lesson: &Lesson, said: &str) -> String {
    let letter = ('a'..).nth(lesson.right).unwrap_or('?');
    let right = lesson.answers.get(lesson.right).copied().unwrap_or_default();
    let you = if said.is_empty() { String::new() } else { format!("You said {said}. ") };
    let mut text = String::from("\n");
    text += &wrapped("", &format!("{you}The answer is {letter}) {right}"));
    text.push('\n');
    text += &wrapped("", lesson.because);
    let file = lesson.name.replace('-', "_");
    let _ = write!(
        text,
        "\nRead next:\n  crates/gallery/src/lessons/{file}.rs\n    (look for FLAW and MEND)\n"
    );
    for file in lesson.read {
        let _ = writeln!(text, "  {file}");
    }
    text
}

/// `text` in lines that fit, each behind `indent`.
fn wrapped(indent: &str, text: &str) -> String {
    let (mut wrapped, mut column) = (indent.to_owned(), indent.len());
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if column > indent.len() && column + 1 + length > COLUMNS {
            wrapped = wrapped + "\n" + indent;
            column = indent.len();
        } else if column > indent.len() {
            wrapped.push(' ');
            column += 1;
        }
        wrapped += word;
        column += length;
    }
    wrapped + "\n"
}

/// Prints at once. Where nobody reads any more, nobody needs the rest.
fn say(text: &str) {
    let mut out = io::stdout().lock();
    if let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        if error.kind() == io::ErrorKind::BrokenPipe {
            process::exit(0);
        }
        // Where standard error is broken too, there is nobody left to tell.
        let _ = writeln!(io::stderr(), "lab lesson: cannot write to standard output: {error}");
        process::exit(code::FAILED.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_wrapped_behind_its_indent() {
        let text = wrapped("  ", &"word ".repeat(30));
        assert_eq!(text.lines().count(), 3);
        assert!(text.lines().all(|line| line.starts_with("  word") && line.len() <= COLUMNS));
        assert_eq!(text.split_whitespace().count(), 30);
    }

    #[test]
    fn the_list_has_a_line_a_lesson() {
        let list = list();
        for (number, lesson) in (1..).zip(ALL) {
            assert!(list.contains(&format!("{number}  {}", lesson.name)), "{list}");
        }
    }
}
