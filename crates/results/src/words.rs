//! How a reader is told of an experiment, wherever it is shown: on a chart, in the
//! book, in a terminal. Whoever shows it adds what its medium needs, and no words.

use crate::{
    Better, Cell, Comparison, Expectation, Experiment, FEWEST_BLOCKS, Standing, Unit, Verdict,
};

/// `1 block`, `6 blocks`.
#[must_use]
pub fn blocks(count: u32) -> String {
    if count == 1 { "1 block".to_owned() } else { format!("{count} blocks") }
}

/// What the ends of an interval over so many blocks are.
#[must_use]
pub fn ends(blocks: u32) -> &'static str {
    if blocks < FEWEST_BLOCKS { "range" } else { "95 % interval" }
}

/// A ratio with the digits that tell it from 1: `0.96`, `1.04`, `12.3`.
#[must_use]
pub fn ratio(value: f64) -> String {
    if (0.095..9.995).contains(&value) { format!("{value:.2}") } else { Unit::Count.format(value) }
}

/// `[0.96, 1.04]`.
#[must_use]
pub fn ratios(low: f64, high: f64) -> String {
    format!("[{}, {}]", ratio(low), ratio(high))
}

impl Experiment {
    /// How it was measured: `6 blocks, in each of which every server had 12 slices of
    /// 20 ms`, or `6 blocks`; and that it is not done, if so.
    #[must_use]
    pub fn effort(&self) -> String {
        let blocks = blocks(self.blocks());
        let slices = self.slices.map_or_else(String::new, |slices| {
            let length = Unit::Milliseconds.format(slices.slice_ms);
            format!(", in each of which every server had {} slices of {length}", slices.rounds)
        });
        let missing = if self.complete { "" } else { "; not yet all that are planned" };
        format!("{blocks}{slices}{missing}")
    }

    /// A place on the x axis: `10 k idle connections`, `1 worker`, `pause, ms: 5`.
    #[must_use]
    pub fn at(&self, x: f64) -> String {
        at(&self.x.label, x)
    }

    /// A cell in words: `event-loop (sleep, 64 connections)`.
    #[must_use]
    pub fn place(&self, cell: &Cell) -> String {
        let x = self.at(cell.x);
        let details: Vec<String> = cell.variant.iter().cloned().chain([x]).collect();
        format!("{} ({})", cell.model, details.join(", "))
    }

    /// Two cells, one over the other. What is the same of both is said once:
    /// `thread-pool over event-loop (64 connections)`.
    #[must_use]
    pub fn pair(&self, of: &Cell, over: &Cell) -> String {
        if of.x.total_cmp(&over.x).is_ne() {
            return format!("{} over {}", self.place(of), self.place(over));
        }
        let first = match &of.variant {
            Some(variant) if of.variant != over.variant => format!("{} ({variant})", of.model),
            _ => of.model.clone(),
        };
        format!("{first} over {}", self.place(over))
    }

    /// What a claim expects: `p99 latency, thread-pool over event-loop (64 connections):
    /// at least 3 ×`.
    #[must_use]
    pub fn expected(&self, expects: &Expectation) -> String {
        let cells = match &expects.over {
            Some(over) => self.pair(&expects.of, over),
            None => self.place(&expects.of),
        };
        format!("{}, {cells}: {}", expects.figure.label(), expects.told())
    }
}

fn at(label: &str, x: f64) -> String {
    let count = Unit::Count.format(x);
    match label {
        "" => count,
        // With a unit of its own the label is not what is counted.
        label if label.contains(',') => format!("{label}: {count}"),
        label if x.total_cmp(&1.0).is_eq() => format!("{count} {}", singular(label)),
        label => format!("{count} {label}"),
    }
}

/// `connections held open` for one of them: the first plural loses its s.
fn singular(label: &str) -> String {
    let mut words: Vec<&str> = label.split(' ').collect();
    let plural = |word: &&mut &str| word.ends_with('s') && !word.ends_with("ss");
    if let Some(word) = words.iter_mut().find(plural) {
        *word = &word[..word.len() - 1];
    }
    words.join(" ")
}

impl Expectation {
    /// The bounds as the claim has them, and by how much they may be missed:
    /// `at least 0.95 × (± 5 %)`.
    #[must_use]
    pub fn told(&self) -> String {
        let value = |value| self.value(value);
        let bounds = match (self.at_least, self.at_most) {
            (Some(least), Some(most)) if least.total_cmp(&most).is_eq() => value(least),
            (Some(least), Some(most)) => format!("{} to {}", value(least), value(most)),
            (Some(least), None) => format!("at least {}", value(least)),
            (None, Some(most)) => format!("at most {}", value(most)),
            (None, None) => "any value".to_owned(),
        };
        // A source that gives a round number may be missed by a little.
        if self.tolerance > 0.0 {
            format!("{bounds} (± {} %)", Unit::Count.format(self.tolerance * 100.0))
        } else {
            bounds
        }
    }

    /// A value as the claim means it: a ratio, or the figure in its unit.
    #[must_use]
    pub fn value(&self, value: f64) -> String {
        if self.over.is_some() {
            format!("{} ×", Unit::Count.format(value))
        } else {
            self.figure.unit().format(value)
        }
    }
}

impl Verdict {
    /// What was measured, as the claim means it: `4 × [2, 8]`; the value alone where
    /// the interval has no width. `None` if nothing was.
    #[must_use]
    pub fn told(&self, expects: &Expectation) -> Option<String> {
        let value = expects.value(self.measured?);
        let (Some(low), Some(high)) = (self.low, self.high) else { return Some(value) };
        // The sign of a ratio is said once.
        let end = |end| expects.value(end).trim_end_matches(" ×").to_owned();
        let (low, high) = (end(low), end(high));
        Some(if low == high { value } else { format!("{value} [{low}, {high}]") })
    }
}

impl Comparison {
    /// The ratio and its interval: `0.62 [0.59, 0.65]`.
    #[must_use]
    pub fn told(&self) -> String {
        format!("{} {}", ratio(self.ratio), ratios(self.low, self.high))
    }

    /// Whether it is a control: a cell against itself.
    #[must_use]
    pub fn is_control(&self) -> bool {
        self.of == self.over
    }

    /// What it says, in a word or two: `slower`, or of a control `differs from itself`.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self.standing {
            Standing::Better | Standing::Worse if self.is_control() => "differs from itself",
            standing => standing.label(self.figure),
        }
    }

    /// The same as the middle of a sentence, whatever the figure: that of one cell is
    /// `more than` that of the other.
    #[must_use]
    pub fn than(&self) -> &'static str {
        match (self.standing, self.figure.better()) {
            (Standing::Better, Better::Higher) | (Standing::Worse, Better::Lower) => "more than",
            (Standing::Better, Better::Lower) | (Standing::Worse, Better::Higher) => "less than",
            (Standing::Equivalent, _) => "about as much as",
            (Standing::Inconclusive, _) => "not told apart from",
            (Standing::Unlike, _) => "not comparable with",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Figure, Outcome};

    fn cell(model: &str, variant: Option<&str>) -> Cell {
        Cell { model: model.to_owned(), variant: variant.map(str::to_owned), x: 64.0 }
    }

    #[test]
    fn a_place_reads_as_it_is_spoken() {
        for (label, x, words) in [
            ("connections", 64.0, "64 connections"),
            ("idle connections", 10_000.0, "10 k idle connections"),
            ("connections held open", 1.0, "1 connection held open"),
            ("workers", 1.0, "1 worker"),
            ("pause, ms", 1.0, "pause, ms: 1"),
            ("", 5.0, "5"),
        ] {
            assert_eq!(at(label, x), words);
        }
    }

    #[test]
    fn a_ratio_is_told_from_one() {
        for (value, text) in
            [(0.996, "1.00"), (0.042, "0.042"), (1.0 / 3.0, "0.33"), (12.34, "12.3"), (2e4, "20 k")]
        {
            assert_eq!(ratio(value), text);
        }
        assert_eq!(ratios(0.996, 12.34), "[1.00, 12.3]");
    }

    #[test]
    fn what_is_expected_is_told_with_what_was_measured() {
        let mut expects = Expectation {
            figure: Figure::LatencyP99Us,
            of: cell("event-loop", Some("sleep")),
            over: None,
            at_least: Some(10_000.0),
            at_most: None,
            tolerance: 0.05,
        };
        assert_eq!(expects.told(), "at least 10 ms (± 5 %)");
        let mut verdict = Verdict {
            claim: String::new(),
            outcome: Outcome::Holds,
            measured: Some(12_000.0),
            low: Some(11_000.0),
            high: Some(13_000.0),
            why: String::new(),
        };
        assert_eq!(verdict.told(&expects).unwrap(), "12 ms [11 ms, 13 ms]");
        expects = Expectation {
            over: Some(cell("event-loop", None)),
            at_least: Some(4.0),
            at_most: Some(4.0),
            tolerance: 0.0,
            ..expects
        };
        assert_eq!(expects.told(), "4 ×");
        (verdict.measured, verdict.low, verdict.high) = (Some(4.0), Some(2.0), Some(8.0));
        assert_eq!(verdict.told(&expects).unwrap(), "4 × [2, 8]");
        (verdict.low, verdict.high) = (Some(4.0), Some(4.0));
        assert_eq!(verdict.told(&expects).unwrap(), "4 ×");
        verdict.measured = None;
        assert_eq!(verdict.told(&expects), None);
    }

    #[test]
    fn a_sentence_says_more_of_what_is_more_and_better_of_nothing() {
        let compared = |figure, standing| Comparison {
            figure,
            of: cell("thread-pool", None),
            over: cell("event-loop", None),
            ratio: 3.0,
            low: 2.0,
            high: 4.0,
            blocks: 6,
            standing,
            why: None,
        };
        let latency = compared(Figure::LatencyP99Us, Standing::Worse);
        assert_eq!((latency.than(), latency.label()), ("more than", "slower"));
        assert_eq!(latency.told(), "3.00 [2.00, 4.00]");
        let rate = compared(Figure::RequestsPerServerCpuSecond, Standing::Worse);
        assert_eq!(rate.than(), "less than");
        let open = compared(Figure::PssBytes, Standing::Inconclusive);
        assert_eq!(open.than(), "not told apart from");
        let control = Comparison { over: latency.of.clone(), ..latency };
        assert_eq!(control.label(), "differs from itself");
    }
}
