//! Claims: sentences of the sources, held against what was measured.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Figure;

/// A sentence that somebody wrote, and what it says that we should measure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// Short name, unique among all experiments.
    pub id: String,
    /// Title of the text that claims it.
    pub source: String,
    /// The claim in our words.
    pub says: String,
    /// What must be measured for the claim to hold.
    pub expects: Expectation,
}

/// Bounds on one figure, or on the ratio of one figure in two cells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// The figure meant.
    pub figure: Figure,
    /// Where it is read.
    pub of: Cell,
    /// With this, the ratio `of / over` is meant, taken within each block.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over: Option<Cell>,
    /// The least value at which the claim holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<f64>,
    /// The greatest value at which the claim holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<f64>,
    /// Share of a bound by which it may be missed: 0.05 lets 0.95 pass for
    /// "at least 1". For claims of sources that give round numbers.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub tolerance: f64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(value: &f64) -> bool {
    *value == 0.0
}

impl Expectation {
    /// The bounds with their tolerance: the claim holds from the first to the second.
    #[must_use]
    pub fn bounds(&self) -> (f64, f64) {
        let slack = |bound: f64| bound.abs() * self.tolerance;
        (
            self.at_least.map_or(f64::NEG_INFINITY, |least| least - slack(least)),
            self.at_most.map_or(f64::INFINITY, |most| most + slack(most)),
        )
    }
}

/// One point of an experiment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cell {
    /// The model measured.
    pub model: String,
    /// The variant, in experiments that have them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// The place on the x axis.
    pub x: f64,
}

/// How a claim fared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The whole interval lies within the bounds.
    Holds,
    /// The whole interval lies outside the bounds.
    Fails,
    /// A bound lies within the interval, or the blocks or the control allow no verdict.
    Inconclusive,
    /// The cells were not measured in this run.
    NotMeasurable,
}

impl Outcome {
    /// The word shown to a reader.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Fails => "fails",
            Self::Inconclusive => "inconclusive",
            Self::NotMeasurable => "not measurable here",
        }
    }
}

/// A claim's outcome and what it rests on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// The [`Claim::id`] that was judged.
    pub claim: String,
    /// How it fared.
    pub outcome: Outcome,
    /// The value, from all blocks; absent if nothing was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured: Option<f64>,
    /// Lower end of its 95 % interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    /// Upper end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
    /// Why, in a sentence.
    pub why: String,
}
