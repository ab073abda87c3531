//! What a chart draws: the statistics of an experiment, sorted into lines.

use results::{Chart, Experiment, Statistic, Unit};

use crate::palette::{Look, looks};

/// The points of one model under one variant, by x.
pub(crate) struct Series<'a> {
    /// The model, with the variant if the chart shows several.
    pub(crate) name: String,
    pub(crate) model: &'a str,
    /// Place of the variant among those shown.
    pub(crate) rank: usize,
    pub(crate) look: Look,
    pub(crate) points: Vec<&'a Statistic>,
}

/// The series of a chart, in the order of the plan; those without a point are empty.
pub(crate) fn collect<'a>(experiment: &'a Experiment, chart: &'a Chart) -> Vec<Series<'a>> {
    let variants = variants(experiment, chart);
    let mut all = Vec::new();
    for (model, look) in experiment.models.iter().zip(looks(&experiment.models)) {
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
                .filter(|s| s.median.is_finite() && s.x.is_finite())
                .collect();
            points.sort_by(|a, b| a.x.total_cmp(&b.x));
            all.push(Series { name, model, rank, look, points });
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
    points.flat_map(|p| [p.low, p.median, p.high]).filter(|v| v.is_finite()).collect()
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
pub(crate) fn in_words(
    series: &Series<'_>,
    point: &Statistic,
    x_label: &str,
    unit: Unit,
) -> String {
    let place = place(x_label, point.x);
    let median = unit.format(point.median);
    let range = if point.low < point.high {
        format!(" ({} to {})", unit.format(point.low), unit.format(point.high))
    } else {
        String::new()
    };
    format!("{}, {place}: {median}{range}", series.name)
}

/// A place on the x axis in words: `64 connections`, `pause, ms: 5`.
pub(crate) fn place(x_label: &str, x: f64) -> String {
    let x = Unit::Count.format(x);
    match x_label {
        "" => x,
        label if label.contains(' ') => format!("{label}: {x}"),
        label => format!("{x} {label}"),
    }
}

/// How to read the marks and their bars.
pub(crate) fn how_to_read(series: &[Series<'_>]) -> Option<String> {
    let blocks = series.iter().flat_map(|s| &s.points).map(|p| p.blocks).max()?;
    (blocks > 1).then(|| format!("Marks: median of {blocks} blocks; bars: least to greatest."))
}

/// The series that have no line, by name.
pub(crate) fn absent(series: &[Series<'_>]) -> Option<String> {
    let names = series.iter().filter(|s| s.points.is_empty()).map(|s| s.name.as_str());
    let names: Vec<&str> = names.collect();
    (!names.is_empty()).then(|| format!("Without a figure: {}.", names.join("; ")))
}
