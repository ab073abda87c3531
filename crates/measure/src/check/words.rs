//! What is compared, drawn and claimed.

use results::{Cell, Compare, Expectation};

use super::{is_proper, once};
use crate::{
    Definition,
    wrong::{Wrong, wrong},
};

impl Definition {
    pub(super) fn check_compare(&self) -> Result<(), Wrong> {
        let Compare { figures, at, equivalent, equivalent_tail, floors, .. } = &self.compare;
        if figures.is_empty() {
            return wrong("compare.figures", "`compare.figures` names no figure to compare");
        }
        for (place, figure) in figures.iter().enumerate() {
            if figures[..place].contains(figure) {
                let why = "a figure is there twice: keep one of the two";
                return wrong(format!("compare.figures.{place}"), why);
            }
        }
        for (key, delta) in [("equivalent", equivalent), ("equivalent_tail", equivalent_tail)] {
            if !(*delta > 0.0 && *delta <= 1.0) {
                let why = format!("`{key}` is a share above 0 and at most 1, such as 0.05");
                return wrong(format!("compare.{key}"), why);
            }
        }
        for (figure, &floor) in floors {
            if !(floor.is_finite() && floor > 0.0) {
                let why = format!("a floor of {}: give more than 0", figure.label());
                return wrong("compare.floors", why);
            }
        }
        if let Some(figure) = self.compare.useless_floor() {
            let why = format!(
                "a floor of {}: it must be one of `figures`, and one that each trial has once \
                 (no percentile, no rate)",
                figure.label()
            );
            return wrong("compare.floors", why);
        }
        // A run without a control says nothing about its own noise.
        for (effort, name) in [(&self.full, "full"), (&self.quick, "quick")] {
            if !at.is_empty() && !effort.values.iter().any(|&value| at.contains(&f64::from(value)))
            {
                let why = format!("`compare.at` meets none of the values of [{name}]");
                return wrong("compare.at", why);
            }
        }
        match at.iter().find(|&&at| !self.is_a_value(at)) {
            Some(at) => {
                wrong("compare.at", format!("{at} is not among the `values`: add it there"))
            }
            None => Ok(()),
        }
    }

    pub(super) fn check_charts(&self) -> Result<(), Wrong> {
        once("chart", &self.charts, |chart| &chart.file)?;
        for (place, chart) in self.charts.iter().enumerate() {
            let key = |key: &str| format!("chart.{place}.{key}");
            if !is_proper(&chart.file) {
                let why = format!("`{}` is no file name: use letters, digits, - and _", chart.file);
                return wrong(key("file"), why);
            }
            if chart.variant.as_ref().is_some_and(|name| !self.has_variant(name)) {
                let why = format!("chart `{}` shows a variant that is not there", chart.file);
                return wrong(key("variant"), why);
            }
            if chart.references.iter().any(|line| !line.value.is_finite()) {
                return wrong(key("references"), "the `value` of a line must be a finite number");
            }
        }
        Ok(())
    }

    pub(super) fn check_claims(&self) -> Result<(), Wrong> {
        once("claim", &self.claims, |claim| &claim.id)?;
        for (place, claim) in self.claims.iter().enumerate() {
            let refuse = |why: String| {
                wrong(format!("claim.{place}.expects"), format!("claim `{}` {why}", claim.id))
            };
            let Expectation { of, over, at_least, at_most, tolerance, .. } = &claim.expects;
            for cell in [Some(of), over.as_ref()].into_iter().flatten() {
                if let Err(why) = self.check_cell(cell) {
                    return refuse(why);
                }
            }
            let bounds = [at_least, at_most].map(|bound| bound.unwrap_or_default());
            if at_least.is_none() && at_most.is_none() {
                return refuse("has neither `at_least` nor `at_most`".to_owned());
            }
            if !bounds.iter().all(|bound| bound.is_finite()) {
                return refuse("has a bound that is no finite number".to_owned());
            }
            if at_least.zip(*at_most).is_some_and(|(least, most)| least > most) {
                return refuse("can never hold: `at_least` is more than `at_most`".to_owned());
            }
            if !(0.0..1.0).contains(tolerance) {
                return refuse("has a `tolerance` that is no share of 0 to 1".to_owned());
            }
        }
        Ok(())
    }

    fn check_cell(&self, cell: &Cell) -> Result<(), String> {
        let is_there = match &cell.variant {
            Some(name) => self.has_variant(name),
            None => self.variants.is_empty(),
        };
        if !is_there {
            return Err("names no variant, or one that is not there".to_owned());
        }
        if !self.is_a_value(cell.x) {
            return Err(format!("looks at {}, which is not among the `values`", cell.x));
        }
        Ok(())
    }

    /// Whether a full or a quick run measures at `x`.
    fn is_a_value(&self, x: f64) -> bool {
        let values = self.full.values.iter().chain(&self.quick.values);
        values.map(|&value| f64::from(value)).any(|value| value.total_cmp(&x).is_eq())
    }
}
