//! What a chart draws: the statistics of an experiment, sorted into lines.

use results::{Chart, Experiment, FEWEST_BLOCKS, Statistic, Unit};

use crate::{
    palette::{Look, looks},
    shortfall,
};

/// The points of one model under one variant, by x.
pub(crate) struct Series<'a> {
    /// The model, with the variant if the chart shows several.
    pub(crate) name: String,
    pub(crate) model: &'a str,
    pub(crate) variant: Option<&'a str>,
    /// Place of the variant among those shown.
    pub(crate) rank: usize,
    pub(crate) look: Look,
    pub(crate) points: Vec<&'a Statistic>,
}

/// The series of a chart, in the order of the plan; those without a point are empty.
pub(crate) fn collect<'a>(experiment: &'a Experiment, chart: &'a Chart) -> Vec<Series<'a>> {
    let variants = variants(experiment, chart);
    let mut all = Vec::new();
    for (model, look) in experiment.models.iter().zip(looks(&experiment.models, &experiment.peers))
    {
        for (rank, &variant) in variants.iter().enumerate() {
            let name = match variant {
                Some(variant) if variants.len() > 1 => format!("{model}, {variant}"),
                _ => model.clone(),
            };
            let mut points: Vec<&Statistic> = experiment
                .statistics
                .iter()
                .filter(|s| s.model == *model && s.figure == chart.figure)
                .filter(|s| s.variant.as_deref() == variant)
                .filter(|s| s.value.is_finite() && s.x.is_finite())
                .collect();
            points.sort_by(|a, b| a.x.total_cmp(&b.x));
            all.push(Series { name, model, variant, rank, look, points });
        }
    }
    all
}

/// The variants that a chart shows; one `None` where the load has one only.
pub(crate) fn variants<'a>(experiment: &'a Experiment, chart: &'a Chart) -> Vec<Option<&'a str>> {
    match &chart.variant {
        Some(variant) => vec![Some(variant)],
        None if experiment.variants.is_empty() => vec![None],
        None => experiment.variants.iter().map(|v| Some(v.as_str())).collect(),
    }
}

/// Every x of the series, once, in order.
pub(crate) fn sweep(series: &[Series<'_>]) -> Vec<f64> {
    let mut xs: Vec<f64> = series.iter().flat_map(|s| s.points.iter().map(|p| p.x)).collect();
    xs.sort_by(f64::total_cmp);
    xs.dedup_by(|a, b| a.total_cmp(b).is_eq());
    xs
}

/// Every value that the axis of the figure must hold.
pub(crate) fn values(series: &[Series<'_>]) -> Vec<f64> {
    let points = series.iter().flat_map(|s| &s.points);
    points.flat_map(|p| [p.low, p.value, p.high]).filter(|v| v.is_finite()).collect()
}

/// What the axis of the figure shows, in words; it stands below the title.
pub(crate) fn subtitle(chart: &Chart) -> String {
    let label = chart.figure.label();
    match &chart.variant {
        Some(variant) => format!("{label} · {variant}"),
        None => label.to_owned(),
    }
}

/// A point in words, for a reader who rests the pointer on it.
pub(crate) fn in_words(experiment: &Experiment, series: &Series<'_>, point: &Statistic) -> String {
    let unit = point.figure.unit();
    let place = place(&experiment.x.label, point.x);
    let median = unit.format(point.value);
    let range = if point.low < point.high {
        format!(" ({} to {})", unit.format(point.low), unit.format(point.high))
    } else {
        String::new()
    };
    let short = shortfall::of(experiment, point);
    let short = short.map_or_else(String::new, |s| format!(" ({})", s.in_words()));
    format!("{}, {place}: {median}{range}{short}", series.name)
}

/// A place on the x axis in words: `10 k idle connections`, `1 worker`, `pause, ms: 5`.
pub(crate) fn place(x_label: &str, x: f64) -> String {
    let count = Unit::Count.format(x);
    match x_label {
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

/// How to read the marks and their bars.
pub(crate) fn how_to_read(series: &[Series<'_>]) -> Option<String> {
    let points = || series.iter().flat_map(|s| &s.points);
    let blocks = points().map(|p| p.blocks).max()?;
    let bars = if blocks < FEWEST_BLOCKS { "least to greatest" } else { "its 95 % interval" };
    // Where all blocks agree there is no bar to explain.
    let bars = if points().any(|p| p.low < p.high) {
        format!("; bars: {bars}, where longer than the mark")
    } else {
        String::new()
    };
    (blocks > 1).then(|| format!("Marks: mean of {blocks} blocks{bars}."))
}

/// What the hollow marks mean, if there are any.
pub(crate) fn unserved(experiment: &Experiment, series: &[Series<'_>]) -> Option<String> {
    let mut points = series.iter().flat_map(|s| &s.points);
    points.any(|p| shortfall::of(experiment, p).is_some()).then(|| shortfall::NOTE.to_owned())
}

/// The series that have no line, by name.
pub(crate) fn absent(series: &[Series<'_>]) -> Option<String> {
    let names = series.iter().filter(|s| s.points.is_empty()).map(|s| s.name.as_str());
    let names: Vec<&str> = names.collect();
    (!names.is_empty()).then(|| format!("Without a figure: {}.", names.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert_eq!(place(label, x), words);
        }
    }
}
