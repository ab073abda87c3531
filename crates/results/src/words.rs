//! How a reader is told of an experiment, wherever it is shown.

use crate::{Cell, Expectation, Experiment, Unit};

impl Experiment {
    /// How it was measured: `6 blocks, in each of which every server had 12 slices of
    /// 20 ms`, or `6 blocks`; and that it is not done, if so.
    #[must_use]
    pub fn effort(&self) -> String {
        let blocks = match self.blocks() {
            1 => "1 block".to_owned(),
            count => format!("{count} blocks"),
        };
        let slices = self.slices.map_or_else(String::new, |slices| {
            let length = Unit::Milliseconds.format(slices.slice_ms);
            format!(", in each of which every server had {} slices of {length}", slices.rounds)
        });
        let missing = if self.complete { "" } else { "; not yet all that are planned" };
        format!("{blocks}{slices}{missing}")
    }

    /// A cell in words: `event-loop (sleep, 64 connections)`.
    #[must_use]
    pub fn place(&self, cell: &Cell) -> String {
        let variant = cell.variant.iter().fold(String::new(), |_, name| format!("{name}, "));
        let x = Unit::Count.format(cell.x);
        format!("{} ({variant}{x} {})", cell.model, self.x.label)
    }
}

impl Expectation {
    /// The bounds as the claim has them, and by how much they may be missed:
    /// `at least 0.95 (± 5 %)`.
    #[must_use]
    pub fn told(&self) -> String {
        let unit = if self.over.is_some() { Unit::Count } else { self.figure.unit() };
        let bounds = match (self.at_least, self.at_most) {
            (Some(least), Some(most)) if least.total_cmp(&most).is_eq() => unit.format(least),
            (Some(least), Some(most)) => format!("{} to {}", unit.format(least), unit.format(most)),
            (Some(least), None) => format!("at least {}", unit.format(least)),
            (None, Some(most)) => format!("at most {}", unit.format(most)),
            (None, None) => "anything".to_owned(),
        };
        if self.tolerance > 0.0 {
            format!("{bounds} (± {} %)", Unit::Count.format(self.tolerance * 100.0))
        } else {
            bounds
        }
    }
}
