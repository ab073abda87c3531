//! One point of an experiment, as a directive names it.

use results::{Experiment, Figure, Statistic};
use serde_json::Value;

use crate::{
    evidence::{Failure, Missing},
    nearest::advice,
};

/// A point as written: the place on the x axis may be `max` or `min`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Point<'a> {
    pub(crate) model: &'a str,
    pub(crate) variant: Option<&'a str>,
    pub(crate) x: &'a str,
}

impl<'a> Point<'a> {
    /// Finds the statistic of `figure` at this point.
    pub(crate) fn statistic(
        self,
        experiment: &'a Experiment,
        figure: Figure,
    ) -> Result<&'a Statistic, Failure> {
        self.check(experiment)?;
        let here: Vec<&Statistic> = experiment
            .statistics
            .iter()
            .filter(|s| s.model == self.model && s.variant.as_deref() == self.variant)
            .filter(|s| s.figure == figure)
            .collect();
        let by_x = |one: &&&Statistic, other: &&&Statistic| one.x.total_cmp(&other.x);
        let found = match self.x {
            "max" => here.iter().max_by(by_x),
            "min" => here.iter().min_by(by_x),
            number => {
                let x = number
                    .parse::<f64>()
                    .map_err(|_| format!("`{number}` is neither a number, `max` nor `min`"))?;
                here.iter().find(|s| s.x.total_cmp(&x).is_eq())
            }
        };
        found.copied().ok_or_else(|| self.absent(experiment, figure))
    }

    /// Whether the experiment has this model and variant.
    fn check(self, experiment: &Experiment) -> Result<(), String> {
        let name = &experiment.name;
        if let Some(left_out) = experiment.left_out.iter().find(|out| out.is_out(self.model, None))
        {
            return Err(format!("`{name}` leaves out `{}`: {}", self.model, left_out.why));
        }
        let models = || experiment.models.iter().map(String::as_str);
        if !models().any(|model| model == self.model) {
            return Err(format!(
                "no model `{}` in `{name}`{}",
                self.model,
                advice(self.model, models())
            ));
        }
        let variants = || experiment.variants.iter().map(String::as_str);
        match self.variant {
            Some(variant) if !variants().any(|v| v == variant) => {
                Err(format!("no variant `{variant}` in `{name}`{}", advice(variant, variants())))
            }
            None if variants().next().is_some() => {
                Err(format!("`{name}` has variants: add variant=…{}", advice("", variants())))
            }
            _ => Ok(()),
        }
    }

    /// Why a point of a known model has no such figure.
    fn absent(self, experiment: &Experiment, figure: Figure) -> Failure {
        let names: Vec<String> = experiment.statistics.iter().map(|s| name(s.figure)).collect();
        let wanted = name(figure);
        // A percentile that no trial could support, as in a short run, is planned all the same.
        let is_planned = experiment.compare.figures.contains(&figure)
            || experiment.charts.iter().any(|chart| chart.figure == figure);
        if names.is_empty() || names.contains(&wanted) || is_planned {
            let x = self.x.parse::<f64>();
            let point = x.map_or_else(|_| self.x.to_owned(), |x| experiment.at(x));
            return Failure::Missing(Missing::point(&experiment.name, &point));
        }
        let advice = advice(&wanted, names.iter().map(String::as_str));
        Failure::Wrong(format!("`{}` has no figure `{wanted}`{advice}", experiment.name))
    }
}

/// The figure that the files call `name`.
pub(crate) fn figure(name: &str) -> Result<Figure, String> {
    // The message lists every figure there is.
    serde_json::from_value(Value::from(name)).map_err(|error| error.to_string())
}

/// What the files call a figure.
pub(crate) fn name(figure: Figure) -> String {
    match serde_json::to_value(figure) {
        Ok(Value::String(name)) => name,
        _ => figure.label().to_owned(),
    }
}

/// `5 blocks`, and whether the run was a short one.
pub(crate) fn blocks(experiment: &Experiment, count: u32) -> String {
    let quick = if experiment.quick { ", quick run" } else { "" };
    format!("{}{quick}", results::blocks(count))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    fn wrong(point: Point<'_>, figure: Figure) -> String {
        match point.statistic(&fixture::starvation(), figure) {
            Err(Failure::Wrong(reason)) => reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_point_is_found_by_number_and_by_extreme() {
        let experiment = fixture::starvation();
        for (x, served) in [("64", 4.0), ("max", 4.0), ("min", 2.0)] {
            let point = Point { model: "thread-pool", variant: None, x };
            let statistic = point.statistic(&experiment, Figure::Served).unwrap();
            assert!((statistic.value - served).abs() < f64::EPSILON, "{x}");
        }
    }

    #[test]
    fn a_point_that_was_not_run_is_missing() {
        let experiment = fixture::starvation();
        let point = Point { model: "thread-pool", variant: None, x: "1000" };
        let Err(Failure::Missing(missing)) = point.statistic(&experiment, Figure::Served) else {
            panic!()
        };
        assert_eq!(missing.what, "not measured at 1 k connections");
    }

    #[test]
    fn a_misspelt_model_variant_or_figure_is_wrong() {
        let pool = Point { model: "thread-pool", variant: None, x: "64" };
        let reason = wrong(Point { model: "thread-poll", ..pool }, Figure::Served);
        assert!(reason.contains("did you mean `thread-pool`?"), "{reason}");
        let reason = wrong(Point { model: "single-threaded", ..pool }, Figure::Served);
        assert!(reason.contains("leaves out"), "{reason}");
        let reason = wrong(Point { variant: Some("sleep"), ..pool }, Figure::Served);
        assert!(reason.contains("no variant `sleep`"), "{reason}");
        let reason = wrong(Point { x: "many", ..pool }, Figure::Served);
        assert!(reason.contains("`many`"), "{reason}");
        assert!(wrong(pool, Figure::PssBytes).contains("no figure `pss_bytes`"));
        let mut planned = fixture::starvation();
        planned.compare.figures.push(Figure::PssBytes);
        let result = pool.statistic(&planned, Figure::PssBytes);
        assert!(matches!(result, Err(Failure::Missing(_))), "{result:?}");
        assert!(figure("servd").unwrap_err().contains("`served`"));
    }

    #[test]
    fn where_there_are_variants_one_must_be_named() {
        let mut experiment = fixture::starvation();
        experiment.variants = vec!["sleep".to_owned()];
        let point = Point { model: "thread-pool", variant: None, x: "64" };
        let result = point.statistic(&experiment, Figure::Served);
        assert!(matches!(&result, Err(Failure::Wrong(why)) if why.contains("sleep")), "{result:?}");
    }
}
