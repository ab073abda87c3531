//! What a ratio is worth: whether two cells are told apart.

use crate::{
    Cell, Compare, Comparison, Estimate, Experiment, FEWEST_BLOCKS, Figure, Measured, Of, Standing,
    Unit, blocks,
};

/// Says what ratios of an experiment are worth.
#[derive(Clone, Copy, Debug)]
pub struct Judge<'e> {
    /// What was planned and measured.
    pub experiment: &'e Experiment,
    /// What that comes to.
    pub measured: &'e Measured<'e>,
}

/// A control whose interval reaches beyond δ: it differs from itself, or is too wide
/// to show that it does not.
#[derive(Debug)]
pub struct Stray {
    /// How far it reaches, as a factor of 1 or more.
    pub edge: f64,
    /// The same in words.
    pub why: String,
}

impl Judge<'_> {
    /// The baseline of `cell` against itself; `None` if it was not measured twice.
    #[must_use]
    pub fn control(self, cell: &Cell, figure: Figure) -> Option<Comparison> {
        let again = Of { cell, control: true };
        let estimate = self.measured.ratio(again, cell, figure)?;
        let (standing, why) = match self.too_early(&estimate) {
            Some(why) => (Standing::Inconclusive, Some(why)),
            None => (self.plan().standing(figure, estimate.low, estimate.high), None),
        };
        Some(told(figure, cell, cell, estimate, standing, why))
    }

    /// One cell against another; `None` if no block has both.
    #[must_use]
    pub fn comparison(self, of: &Cell, over: &Cell, figure: Figure) -> Option<Comparison> {
        let estimate = self.measured.ratio(of, over, figure)?;
        let Estimate { low, high, .. } = estimate;
        let (standing, why) = if let Some(why) = self.unlike(of, over, figure) {
            (Standing::Unlike, Some(why))
        } else if let Some(why) = self.too_early(&estimate) {
            (Standing::Inconclusive, Some(why))
        } else if let Some(stray) = self.stray_beside(of, over, figure) {
            // What differs by more than the control reaches differs all the same.
            match self.plan().standing_beyond(stray.edge, figure, low, high) {
                told @ (Standing::Better | Standing::Worse) => (told, Some(stray.why)),
                _ => (Standing::Inconclusive, Some(stray.why)),
            }
        } else {
            (self.plan().standing(figure, low, high), None)
        };
        Some(told(figure, of, over, estimate, standing, why))
    }

    /// How far the control at `cell`'s variant and x reaches, if that is beyond δ.
    #[must_use]
    pub fn stray(self, cell: &Cell, figure: Figure) -> Option<Stray> {
        let twice = self.experiment.trials.iter().find(|trial| {
            trial.control && Cell { model: trial.model.clone(), ..cell.clone() } == trial.cell()
        })?;
        let control = self.control(&twice.cell(), figure)?;
        let Comparison { ratio, low, high, .. } = control;
        let edge = high.max(1.0 / low);
        (edge > self.plan().edge(figure)).then(|| Stray {
            edge,
            why: format!("the control against itself is {ratio:.2} [{low:.2}, {high:.2}]"),
        })
    }

    /// Why there is no verdict yet, if so. How many blocks there are is fixed
    /// beforehand, and nothing is told before all of them are there: so it does no
    /// harm to look earlier.
    #[must_use]
    pub fn too_early(self, estimate: &Estimate) -> Option<String> {
        if !estimate.carries() {
            return Some(few(estimate.blocks));
        }
        let planned = "the plan has more blocks than there are: let the same command go on";
        (!self.experiment.complete).then(|| planned.to_owned())
    }

    /// The control that reaches farther of those beside two cells.
    #[must_use]
    pub fn stray_beside(self, of: &Cell, over: &Cell, figure: Figure) -> Option<Stray> {
        let strays = [of, over].map(|cell| self.stray(cell, figure)).into_iter().flatten();
        strays.max_by(|one, other| one.edge.total_cmp(&other.edge))
    }

    /// Why the two cells did not do the same work, if so. Who is served, and how evenly,
    /// may be held against each other all the same; so may one model at two places.
    fn unlike(self, of: &Cell, over: &Cell, figure: Figure) -> Option<String> {
        let is_of_all = matches!(figure, Figure::Jain | Figure::LongestWaitMs);
        if is_of_all || figure.is_counted() || of.x.total_cmp(&over.x).is_ne() {
            return None;
        }
        let served = |cell| Some(self.measured.value(cell, Figure::Served)?.value);
        let (of, over) = (served(of)?, served(over)?);
        let text = |served| Unit::Count.format(served);
        ((of - over).abs() > 0.01 * over)
            .then(|| format!("of the connections it served {}, the other {}", text(of), text(over)))
    }

    fn plan(&self) -> &Compare {
        &self.experiment.compare
    }
}

/// Why so few blocks carry no verdict.
#[must_use]
pub fn few(count: u32) -> String {
    format!("{}: an interval needs {FEWEST_BLOCKS}", blocks(count))
}

fn told(
    figure: Figure,
    of: &Cell,
    over: &Cell,
    estimate: Estimate,
    standing: Standing,
    why: Option<String>,
) -> Comparison {
    Comparison {
        figure,
        of: of.clone(),
        over: over.clone(),
        ratio: estimate.value,
        low: estimate.low,
        high: estimate.high,
        blocks: estimate.blocks,
        standing,
        why,
    }
}
