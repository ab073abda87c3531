//! One experiment: its question, its raw trials, and what they come to.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Cell, Claim, Compare, Comparison, Figure, Verdict};

/// The content of `results/NAME.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Experiment {
    /// Version of the format, [`crate::SCHEMA`].
    #[schemars(extend("const" = crate::SCHEMA))]
    pub schema: u32,
    /// Name of the experiment, of its plan and of this file.
    pub name: String,
    /// A few words for headings.
    pub title: String,
    /// The question that the experiment answers.
    pub question: String,
    /// Everything that determines the trials, with no words and no charts: another
    /// plan, another experiment.
    pub plan: Value,
    /// The run that measured it: [`crate::Environment::started`].
    pub run: String,
    /// True for a run of `--quick`: fewer points, fewer blocks.
    pub quick: bool,
    /// False while trials are missing, as after an interruption. How many there are
    /// is fixed by the plan, whatever they show; nothing is told apart before.
    pub complete: bool,
    /// How servers were loaded in turn; absent where each had trials by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slices: Option<Slicing>,
    /// What is varied.
    pub x: Axis,
    /// Those measured, in the order of the plan: models, then peers.
    pub models: Vec<String>,
    /// Those of `models` that are not ours, with their versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub peers: Vec<Peer>,
    /// Named variations of the load, in the order of the plan; empty if there is one only.
    #[serde(default)]
    pub variants: Vec<String>,
    /// Models that the plan leaves out, and peers that are not installed.
    #[serde(default)]
    pub left_out: Vec<LeftOut>,
    /// Who is compared with whom.
    pub compare: Compare,
    /// What to draw.
    pub charts: Vec<Chart>,
    /// What the experiment settles.
    pub claims: Vec<Claim>,
    /// How each claim fared, in the order of `claims`.
    pub verdicts: Vec<Verdict>,
    /// The A/A controls: the baseline against itself, wherever it is compared with.
    pub controls: Vec<Comparison>,
    /// Everyone against the baseline, within blocks.
    pub comparisons: Vec<Comparison>,
    /// Time that the trials took, over all sittings.
    pub spent_seconds: f64,
    /// Every figure of every cell, with its interval.
    pub statistics: Vec<Statistic>,
    /// Remarks on the run: a sweep cut to a limit, a server that worked while others were loaded.
    #[serde(default)]
    pub remarks: Vec<String>,
    /// Every trial, raw.
    pub trials: Vec<Trial>,
}

/// The x axis of an experiment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Axis {
    /// The label of the axis, as `connections`.
    pub label: String,
    /// How the axis is divided.
    #[serde(default)]
    pub scale: Scale,
}

/// How an axis is divided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scale {
    /// Equal steps.
    #[default]
    Linear,
    /// Equal ratios.
    Log,
}

/// A server that is not ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Peer {
    /// Its name, used as a model's is.
    pub name: String,
    /// What it says of its version.
    pub version: String,
}

/// How servers were loaded in turn.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Slicing {
    /// Slices that each server had in a sitting.
    pub rounds: u32,
    /// Length of a slice, more or less a tenth.
    pub slice_ms: f64,
    /// Length of the ramp before it, which is not counted.
    pub ramp_ms: f64,
}

/// A model that an experiment does not measure, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LeftOut {
    /// The model.
    pub model: String,
    /// Left out only where x is greater than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub above: Option<u32>,
    /// Why it is left out.
    pub why: String,
}

impl LeftOut {
    /// Whether the model is not measured at `x`, or nowhere if that is absent.
    #[must_use]
    pub fn is_out(&self, model: &str, x: Option<u32>) -> bool {
        self.model == model && self.above.is_none_or(|above| x.is_some_and(|x| x > above))
    }

    /// Where it is left out, after its name; empty if everywhere.
    #[must_use]
    pub fn place(&self) -> String {
        self.above.map_or_else(String::new, |above| format!(" (beyond {above})"))
    }
}

/// One chart of an experiment, drawn into `results/charts/FILE.svg`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Chart {
    /// File name without `.svg`, unique among all experiments.
    pub file: String,
    /// What the chart shows; becomes the SVG's `<title>`.
    pub title: String,
    /// What to look for, in a sentence; becomes the SVG's `<desc>`.
    pub look_for: String,
    /// The figure on the y axis.
    pub figure: Figure,
    /// The kind of marks.
    #[serde(default)]
    pub kind: ChartKind,
    /// How the y axis is divided.
    #[serde(default)]
    pub scale: Scale,
    /// Mark the knee of each model: [`Experiment::knee`]. For lines of latency.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub knee: bool,
    /// Draw this variant only; without it all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// Lines to compare with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<Reference>,
}

/// The marks of a chart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ChartKind {
    /// A line for each model against x.
    #[default]
    Lines,
    /// A row for each model, a dot for each variant, the figure to the right;
    /// for experiments with one x.
    Dots,
    /// A row for each comparison of the figure, with its interval and what it
    /// says; the controls on top.
    Ratios,
}

/// A line `y = value`, or `y = value * x`, to compare the measured with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    /// What the line means.
    pub label: String,
    /// The height of the line, in the figure's unit.
    pub value: f64,
    /// Whether the height is for each unit of x.
    #[serde(default)]
    pub per_x: bool,
}

/// One trial: one server process, one load, one window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Trial {
    /// Block of the trial, counted from 0; what shares a block may be compared.
    pub block: u32,
    /// Place of the trial in the randomised order of its block, from 0.
    pub turn: u32,
    /// The model or peer measured.
    pub model: String,
    /// The second of two trials of the baseline in this block: an A/A control,
    /// used for nothing else.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub control: bool,
    /// The variant of the load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// The place on the x axis.
    pub x: f64,
    /// Number of the sitting in which it was loaded in turn with others; absent of a
    /// trial by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sitting: Option<u32>,
    /// Why the trial cannot be used, if it cannot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub void: Option<String>,
    /// What the generator had to say of itself, or of the figures.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Everything measured.
    #[schemars(extend("propertyNames" = { "$ref": "#/$defs/Figure" }))]
    pub figures: BTreeMap<Figure, f64>,
    /// What each worker did over the server's whole life, if the server says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub workers: Vec<Share>,
    /// What was counted in each round of a sitting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slices: Option<Slices>,
    /// Latencies of the short requests in nanoseconds: `HdrHistogram`'s V2 format,
    /// deflated, in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub histogram: Option<String>,
}

/// The slices of one server in a sitting: in each list a number for each round.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Slices {
    /// Answers.
    pub answered: Vec<u64>,
    /// CPU time that the server used for them.
    pub server_cpu_ns: Vec<u64>,
    /// CPU time that the generator used for them.
    pub client_cpu_ns: Vec<u64>,
    /// From the first request to the last answer.
    pub length_ns: Vec<u64>,
    /// Answers of the ramp before.
    pub ramp_answered: Vec<u64>,
    /// CPU time that the server used for those.
    pub ramp_cpu_ns: Vec<u64>,
    /// Bytes that the generator sent and received for each answer.
    pub bytes_per_answer: f64,
}

/// One worker's share of a trial.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Share {
    /// The worker.
    pub name: String,
    /// Connections that ended with it.
    pub connections: u64,
    /// Requests that it answered.
    pub requests: u64,
}

/// One figure of one cell over all blocks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Statistic {
    /// The model measured.
    pub model: String,
    /// The variant of the load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// The place on the x axis.
    pub x: f64,
    /// The figure.
    pub figure: Figure,
    /// The value, from all blocks.
    pub value: f64,
    /// Lower end of its 95 % interval; the value itself, where blocks are few.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Number of blocks with a usable trial.
    pub blocks: u32,
}

impl Trial {
    /// The cell that it measured.
    #[must_use]
    pub fn cell(&self) -> Cell {
        Cell { model: self.model.clone(), variant: self.variant.clone(), x: self.x }
    }

    /// Whether the trial counts for the statistics.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.void.is_none() && !self.control
    }
}

impl Experiment {
    /// Whole blocks measured so far.
    #[must_use]
    pub fn blocks(&self) -> u32 {
        self.trials.iter().map(|trial| trial.block + 1).max().unwrap_or(0)
    }

    /// The cells that have no usable trial in some block: the block, the cell, and why
    /// its last attempt is void.
    #[must_use]
    pub fn void_cells(&self) -> Vec<(u32, Cell, &str)> {
        fn name(one: &Trial) -> (u32, &str, Option<&str>, u64, bool) {
            (one.block, &one.model, one.variant.as_deref(), one.x.to_bits(), one.control)
        }
        let usable = self.trials.iter().filter(|trial| trial.void.is_none());
        let mut seen: BTreeSet<_> = usable.map(name).collect();
        let attempts = self.trials.iter().rev().filter_map(|trial| {
            let why = trial.void.as_deref()?;
            seen.insert(name(trial)).then(|| (trial.block, trial.cell(), why))
        });
        let mut cells: Vec<_> = attempts.collect();
        cells.reverse();
        cells
    }

    /// The statistic of one cell, if it was measured.
    #[must_use]
    pub fn statistic(
        &self,
        model: &str,
        variant: Option<&str>,
        x: f64,
        figure: Figure,
    ) -> Option<&Statistic> {
        self.statistics.iter().find(|s| {
            s.model == model
                && s.variant.as_deref() == variant
                && s.x.total_cmp(&x).is_eq()
                && s.figure == figure
        })
    }
}
