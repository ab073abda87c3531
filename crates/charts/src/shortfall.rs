//! Connections that were never served: a mark that hides them would lie.
//!
//! Speed and latency are taken over the connections that were served. A model
//! that serves 4 of 64 and lets the rest wait looks quick; so wherever a chart
//! shows such a figure it shows this too: a hollow mark, words, a note.

use results::{Experiment, Figure, Statistic, Unit, grouped};

/// What a note says of the marks of such points.
pub(crate) const NOTE: &str = "Hollow marks: not every connection was served.";

/// That a cell left connections unserved.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Shortfall {
    /// Connections served and requested, where the results say.
    counts: Option<(f64, f64)>,
}

/// What the figure of `point` keeps silent about; `None` if nothing.
pub(crate) fn of(experiment: &Experiment, point: &Statistic) -> Option<Shortfall> {
    let value = |figure| {
        let variant = point.variant.as_deref();
        Some(experiment.statistic(&point.model, variant, point.x, figure)?.value)
    };
    if !is_of_the_served(point.figure) || value(Figure::Starved)? <= 0.0 {
        return None;
    }
    Some(Shortfall { counts: value(Figure::Served).zip(value(Figure::Requested)) })
}

/// Whether `figure` says how quickly requests were answered, and so leaves out
/// those that were not. The longest wait leaves out nobody.
fn is_of_the_served(figure: Figure) -> bool {
    match figure.unit() {
        Unit::Rate | Unit::Microseconds | Unit::Milliseconds => figure != Figure::LongestWaitMs,
        Unit::Count | Unit::Share | Unit::Bytes => false,
    }
}

impl Shortfall {
    /// For a reader who rests the pointer on the mark.
    pub(crate) fn in_words(self) -> String {
        match self.counts {
            Some((served, requested)) => {
                format!("only {} of {} connections served", whole(served), whole(requested))
            }
            None => "not every connection served".to_owned(),
        }
    }

    /// For a label.
    pub(crate) fn in_short(self) -> String {
        match self.counts {
            Some((served, requested)) => {
                format!("{} of {} served", whole(served), whole(requested))
            }
            None => "not all served".to_owned(),
        }
    }
}

/// A number of connections in full: `9,996`, which three digits would round to all of 10 k.
///
/// A mean of two blocks may lie between two numbers; it is rounded down, so
/// that it never says more than were served.
fn whole(count: f64) -> String {
    grouped(count.floor())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speed_is_of_the_served_and_a_wait_is_of_all() {
        for figure in [
            Figure::RequestsPerServerCpuSecond,
            Figure::RequestsPerCpuSecond,
            Figure::RequestsPerSecond,
            Figure::LatencyP50Us,
            Figure::LatencyMaxUs,
            Figure::SlowLatencyP99Us,
        ] {
            assert!(is_of_the_served(figure), "{figure:?}");
        }
        for figure in [Figure::LongestWaitMs, Figure::Served, Figure::Jain, Figure::PssBytes] {
            assert!(!is_of_the_served(figure), "{figure:?}");
        }
    }

    #[test]
    fn nearly_all_is_not_all() {
        let one = |served, requested| Shortfall { counts: Some((served, requested)) };
        assert_eq!(one(4.0, 64.0).in_words(), "only 4 of 64 connections served");
        assert_eq!(one(9_999.5, 10_000.0).in_short(), "9,999 of 10,000 served");
        assert_eq!(one(0.0, 1_234_567.0).in_short(), "0 of 1,234,567 served");
        assert_eq!(Shortfall { counts: None }.in_short(), "not all served");
    }
}
