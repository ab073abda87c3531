//! Comparisons: two cells, held against each other within blocks.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Better, Cell, Figure};

/// Who an experiment compares with whom, and how finely.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Compare {
    /// Everyone is compared with this one: a model, or a peer. Where a variant
    /// does not measure it, with the first that the variant measures.
    pub baseline: String,
    /// What is compared; the first decides when there are enough blocks.
    pub figures: Vec<Figure>,
    /// Where on the x axis; everywhere, if nothing is named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub at: Vec<f64>,
    /// Ratios from 1 / (1 + δ) to 1 + δ are equivalent: a difference that
    /// nobody would act on.
    #[serde(default = "equivalent")]
    pub equivalent: f64,
    /// The same of latencies from the 90th percentile up: a few requests decide them.
    #[serde(default = "equivalent_tail")]
    pub equivalent_tail: f64,
    /// Values that nobody would tell from less, in the figure's unit: a smaller value
    /// counts as this one. The ratio of 0.4 ms to 2 ms says nothing where clients
    /// wait for 800 ms elsewhere.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub floors: BTreeMap<Figure, f64>,
}

fn equivalent() -> f64 {
    0.05
}

fn equivalent_tail() -> f64 {
    0.2
}

impl Compare {
    /// How far beyond 1 a ratio of `figure` is still equivalent: 1 + δ.
    #[must_use]
    pub fn edge(&self, figure: Figure) -> f64 {
        let is_tail = figure.quantile().is_some_and(|quantile| quantile >= 0.9);
        1.0 + if is_tail { self.equivalent_tail } else { self.equivalent }
    }

    /// A figure that has a floor in vain: it is not compared, or its ratio is not one of
    /// the trials' own figures.
    #[must_use]
    pub fn useless_floor(&self) -> Option<Figure> {
        let is_in_vain = |figure: &Figure| {
            !self.figures.contains(figure) || figure.quantile().is_some() || figure.is_of_rounds()
        };
        self.floors.keys().copied().find(is_in_vain)
    }

    /// Whether cells at `x` are compared.
    #[must_use]
    pub fn is_at(&self, x: f64) -> bool {
        self.at.is_empty() || self.at.iter().any(|at| at.total_cmp(&x).is_eq())
    }

    /// What an interval of ratios says, better or worse by `figure`'s sense. Where
    /// it lies across an edge of δ, nothing.
    #[must_use]
    pub fn standing(&self, figure: Figure, low: f64, high: f64) -> Standing {
        self.standing_beyond(self.edge(figure), figure, low, high)
    }

    /// The same with another edge than 1 + δ: where a control strays, it is no
    /// nearer than that to anything.
    #[must_use]
    pub fn standing_beyond(&self, edge: f64, figure: Figure, low: f64, high: f64) -> Standing {
        let (least, most) = (1.0 / edge, edge);
        if low >= least && high <= most {
            Standing::Equivalent
        } else if high >= least && low <= most {
            Standing::Inconclusive
        } else if (low > most) == (figure.better() == Better::Higher) {
            Standing::Better
        } else {
            Standing::Worse
        }
    }
}

/// The ratio of one figure in two cells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    /// The figure compared.
    pub figure: Figure,
    /// The numerator.
    pub of: Cell,
    /// The denominator; in a control the same cell, measured a second time.
    pub over: Cell,
    /// The ratio, from all blocks.
    pub ratio: f64,
    /// Lower end of its 95 % interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Blocks in which both were measured.
    pub blocks: u32,
    /// What that says.
    pub standing: Standing,
    /// Why it says no more, where it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// What a comparison says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// The whole interval lies beyond δ, on the better side.
    Better,
    /// The whole interval lies beyond δ, on the worse side.
    Worse,
    /// The whole interval lies within δ of 1.
    Equivalent,
    /// The interval lies across an edge of δ; or the control, or too few blocks,
    /// allow no verdict.
    Inconclusive,
    /// The two did not do the same work: one served fewer connections.
    Unlike,
}

impl Standing {
    /// The word shown to a reader, for a comparison of `figure`.
    #[must_use]
    pub fn label(self, figure: Figure) -> &'static str {
        match (self, figure.better(), figure.is_speed()) {
            (Self::Better, _, true) => "faster",
            (Self::Worse, _, true) => "slower",
            (Self::Better, Better::Higher, _) | (Self::Worse, Better::Lower, _) => "more",
            (Self::Better, Better::Lower, _) | (Self::Worse, Better::Higher, _) => "less",
            (Self::Equivalent, ..) => "equivalent",
            (Self::Inconclusive, ..) => "inconclusive",
            (Self::Unlike, ..) => "not alike",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compare() -> Compare {
        Compare {
            baseline: "event-loop".to_owned(),
            figures: vec![Figure::RequestsPerServerCpuSecond],
            at: Vec::new(),
            equivalent: equivalent(),
            equivalent_tail: equivalent_tail(),
            floors: BTreeMap::new(),
        }
    }

    #[test]
    fn an_interval_has_one_standing() {
        let standing =
            |low, high| compare().standing(Figure::RequestsPerServerCpuSecond, low, high);
        assert_eq!(standing(0.7, 0.9), Standing::Worse);
        assert_eq!(standing(1.06, 1.3), Standing::Better);
        assert_eq!(standing(0.98, 1.04), Standing::Equivalent);
        // Different, but by less than anybody minds.
        assert_eq!(standing(1.01, 1.03), Standing::Equivalent);
        assert_eq!(standing(1.01, 1.2), Standing::Inconclusive);
        assert_eq!(standing(0.9, 1.1), Standing::Inconclusive);
    }

    #[test]
    fn words_follow_the_figure() {
        let latency = compare().standing(Figure::LatencyP99Us, 2.0, 3.0);
        assert_eq!((latency, latency.label(Figure::LatencyP99Us)), (Standing::Worse, "slower"));
        let memory = compare().standing(Figure::PssBytes, 0.2, 0.3);
        assert_eq!((memory, memory.label(Figure::PssBytes)), (Standing::Better, "less"));
        assert_eq!(Standing::Worse.label(Figure::PssBytes), "more");
    }
}
