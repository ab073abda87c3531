//! What a chart of ratios draws: the comparisons of an experiment, sorted into rows.

use results::{Chart, Comparison, Experiment, Standing, Unit};

use crate::{
    palette::{Look, looks},
    series,
};

/// What was compared at one variant and x.
pub(crate) struct Group<'a> {
    /// `over event-loop, 64 connections`.
    pub(crate) over: String,
    /// The control, if there is one, then everyone else.
    pub(crate) rows: Vec<Row<'a>>,
}

/// One comparison.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a> {
    pub(crate) of: &'a Comparison,
    pub(crate) look: Look,
    pub(crate) is_control: bool,
}

impl Row<'_> {
    /// Who is compared.
    pub(crate) fn name(&self) -> String {
        let model = &self.of.of.model;
        if self.is_control { format!("{model} against itself") } else { model.clone() }
    }

    pub(crate) fn ratio(&self) -> String {
        results::ratio(self.of.ratio)
    }

    /// `[0.98, 1.03]`.
    pub(crate) fn interval(&self) -> String {
        results::ratios(self.of.low, self.of.high)
    }

    pub(crate) fn verdict(&self) -> &'static str {
        match self.of.standing {
            Standing::Better | Standing::Worse if self.is_control => "differs",
            standing => standing.label(self.of.figure),
        }
    }

    /// What is no difference is said more softly.
    pub(crate) fn verdict_class(&self) -> &'static str {
        match self.of.standing {
            Standing::Better | Standing::Worse => "verdict",
            _ => "soft",
        }
    }

    /// Whether it says anything at all.
    pub(crate) fn is_told(&self) -> bool {
        !matches!(self.of.standing, Standing::Inconclusive | Standing::Unlike)
    }

    /// The classes that give it its colour: a control has none of its own, nor
    /// has what should not be compared.
    pub(crate) fn classes(&self) -> String {
        if self.is_control || self.of.standing == Standing::Unlike {
            "quiet".to_owned()
        } else {
            self.look.hue_class()
        }
    }

    /// All of it, for a reader who rests the pointer on its mark.
    pub(crate) fn in_words(&self, experiment: &Experiment) -> String {
        let place = experiment.at(self.of.of.x);
        let variant = self.of.of.variant.iter().fold(String::new(), |_, name| format!(", {name}"));
        let over =
            if self.is_control { String::new() } else { format!(" over {}", self.of.over.model) };
        let why = self.of.why.iter().fold(String::new(), |_, why| format!(" ({why})"));
        format!(
            "{}{over}, {place}{variant}: {}, {}: {}{why}",
            self.name(),
            self.of.told(),
            results::blocks(self.of.blocks),
            self.verdict()
        )
    }
}

/// The comparisons of the chart's figure, by variant and x.
pub(crate) fn collect<'a>(experiment: &'a Experiment, chart: &'a Chart) -> Vec<Group<'a>> {
    let looks = looks(&experiment.models, &experiment.peers);
    let row = |of: &'a Comparison, is_control| {
        let known = [of.low, of.ratio, of.high, of.of.x].iter().all(|value| value.is_finite());
        let place = experiment.models.iter().position(|model| *model == of.of.model);
        let look = looks[place.filter(|_| known && of.figure == chart.figure)?];
        Some(Row { of, look, is_control })
    };
    let controls = experiment.controls.iter().filter_map(|of| row(of, true));
    let others = experiment.comparisons.iter().filter_map(|of| row(of, false));
    let rows: Vec<Row<'a>> = controls.chain(others).collect();
    let mut xs: Vec<f64> = rows.iter().map(|row| row.of.of.x).collect();
    xs.sort_by(f64::total_cmp);
    xs.dedup_by(|a, b| a.total_cmp(b).is_eq());

    let mut groups = Vec::new();
    for variant in series::variants(experiment, chart) {
        for x in &xs {
            let is_here = |row: &&Row<'_>| {
                row.of.of.variant.as_deref() == variant && row.of.of.x.total_cmp(x).is_eq()
            };
            let rows: Vec<Row<'a>> = rows.iter().filter(is_here).copied().collect();
            let Some(first) = rows.first() else { continue };
            let over = format!("over {}", first.of.over.model);
            // The subtitle names the variant of a chart that has one only.
            let variant = variant.filter(|_| chart.variant.is_none()).map(str::to_owned);
            let place = experiment.at(*x);
            let over = variant.into_iter().chain([over, place]).collect::<Vec<_>>().join(", ");
            groups.push(Group { over, rows });
        }
    }
    groups
}

/// What the drawing shows, for those who cannot see it.
pub(crate) fn in_words(chart: &Chart) -> String {
    format!(
        "A row for each comparison: the ratio of the {} with its interval on a logarithmic axis; \
         the shaded band round 1 holds what is equivalent; the first row of a group is the \
         baseline against itself.",
        chart.figure.label()
    )
}

/// How to read the rows, and why some of them say nothing.
pub(crate) fn notes(experiment: &Experiment, rows: &[&Row<'_>]) -> Vec<String> {
    let counts = || rows.iter().map(|row| row.of.blocks);
    let (least, most) = (counts().min().unwrap_or(0), counts().max().unwrap_or(0));
    let band = Unit::Count.format(experiment.compare.equivalent * 100.0);
    let mut notes = vec![
        format!("Marks: mean of the ratios within {}.", blocks(least, most)),
        format!("Shaded: within {band} % of 1, which nobody would act on."),
    ];
    if rows.iter().any(|row| row.is_control) {
        notes.push("In grey on top, the control: how far a server differs from itself.".to_owned());
    }
    let mut whys: Vec<(&str, Vec<&str>)> = Vec::new();
    for row in rows.iter().filter(|row| !row.is_told()) {
        let why = row.of.why.as_deref().unwrap_or("it may lie within the band or beyond");
        let model = row.of.of.model.as_str();
        match whys.iter_mut().find(|(known, _)| *known == why) {
            Some((_, models)) if models.contains(&model) => {}
            Some((_, models)) => models.push(model),
            None => whys.push((why, vec![model])),
        }
    }
    let hollow = whys.iter().map(|(why, models)| format!("{}: {why}.", models.join(", ")));
    let hollow: Vec<String> = hollow.collect();
    if !hollow.is_empty() {
        notes.push(format!("Hollow, no verdict: {}", hollow.join(" ")));
    }
    notes
}

fn blocks(least: u32, most: u32) -> String {
    if least == most { results::blocks(most) } else { format!("{least} to {most} blocks") }
}
