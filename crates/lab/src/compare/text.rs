//! The comparison as text, in columns.

use std::{fmt::Write as _, path::Path};

use measure::{Across, Interval};
use results::{Figure, Standing};

use super::{Differences, Pair, is_open, is_worse};
use crate::console::aligned;

/// Why a verdict without a baseline is to be taken with care.
const NOT_INTERLEAVED: &str = "not interleaved: the machine's mood is in it";

/// Differences first, then every figure.
pub(super) fn report(
    (before, after): (&Path, &Path),
    differences: &Differences,
    pairs: &[Pair<'_>],
) -> String {
    let mut text = format!("before  {}\nafter   {}\n\n", before.display(), after.display());
    environments(&mut text, differences);
    for (which, names) in [("before", &differences.only_before), ("after", &differences.only_after)]
    {
        if !names.is_empty() {
            let _ = writeln!(text, "only {which}: {}\n", names.join(", "));
        }
    }
    for pair in pairs {
        experiment(&mut text, pair);
    }
    text
}

fn environments(text: &mut String, differences: &Differences) {
    if differences.environments.is_empty() {
        text.push_str("the same machine and build\n\n");
        return;
    }
    text.push_str("what differs\n");
    for one in &differences.environments {
        let _ = writeln!(
            text,
            "  {}\n    before  {}\n    after   {}",
            one.field, one.before, one.after
        );
    }
    text.push('\n');
}

fn experiment(text: &mut String, pair: &Pair<'_>) {
    let _ = writeln!(text, "{}", pair.after.name);
    if !pair.same_plan {
        text.push_str("  the plans differ: only the cells in common are compared\n");
    }
    if pair.cells.is_empty() {
        text.push_str("  no cell in common\n");
    }
    let mut figures: Vec<Figure> = Vec::new();
    for cell in &pair.cells {
        if !figures.contains(&cell.figure) {
            figures.push(cell.figure);
        }
    }
    for figure in figures {
        let delta = 100.0 * pair.after.compare.equivalent;
        let _ = writeln!(text, "  {}; within {delta:.0} % is equivalent", figure.label());
        let head = ["", "before", "after", "after/before", "", "over baseline", "", "verdict"];
        let cells = pair.cells.iter().filter(|cell| cell.figure == figure);
        let rows: Vec<[String; 8]> = std::iter::once(head.map(str::to_owned))
            .chain(cells.map(|cell| row(pair, cell)))
            .collect();
        text.push_str(&aligned("    ", &rows));
    }
    text.push('\n');
}

fn row(pair: &Pair<'_>, cell: &Across) -> [String; 8] {
    let unit = cell.figure.unit();
    let (change, change_ends) = interval(cell.change);
    let (relative, relative_ends) = interval(cell.relative);
    [
        pair.after.place(&cell.of),
        unit.format(cell.before),
        unit.format(cell.after),
        change,
        change_ends,
        relative,
        relative_ends,
        verdict(cell),
    ]
}

fn interval(interval: Option<Interval>) -> (String, String) {
    match interval {
        Some(Interval { ratio, low, high }) => (results::ratio(ratio), results::ratios(low, high)),
        None => ("–".to_owned(), String::new()),
    }
}

fn verdict(cell: &Across) -> String {
    let word = cell.standing.label(cell.figure);
    match &cell.why {
        Some(why) => format!("{word}: {why}"),
        None if cell.cancels_the_machine() => word.to_owned(),
        None => format!("{word}; {NOT_INTERLEAVED}"),
    }
}

/// How many cells fared how, in a line.
pub(super) fn summary(cells: &[&Across]) -> String {
    let count = |is: &dyn Fn(&Across) -> bool| cells.iter().filter(|cell| is(cell)).count();
    let better = |cell: &Across| cell.standing == Standing::Better && !is_open(cell);
    let equivalent = |cell: &Across| cell.standing == Standing::Equivalent;
    format!(
        "compared: {} better, {} worse, {} equivalent, {} open",
        count(&better),
        count(&is_worse),
        count(&equivalent),
        count(&is_open)
    )
}
