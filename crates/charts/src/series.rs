//! What a chart draws: the statistics of an experiment, sorted into lines.

use results::{Chart, Experiment, FEWEST_BLOCKS, Statistic};

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
    let place = experiment.at(point.x);
    let value = unit.format(point.value);
    let range = if point.low < point.high {
        format!(" ({} to {})", unit.format(point.low), unit.format(point.high))
    } else {
        String::new()
    };
    let short = shortfall::of(experiment, point);
    let short = short.map_or_else(String::new, |s| format!(" ({})", s.in_words()));
    format!("{}, {place}: {value}{range}{short}", series.name)
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
    (blocks > 1).then(|| format!("Marks: mean of {}{bars}.", results::blocks(blocks)))
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
