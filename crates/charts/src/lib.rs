//! Draws `results/` as SVG.
//!
//! ```text
//! results/*.json ─▶ series ─▶ plotters: axes, grid, lines ─▶ restyle ─┐
//!                       └───▶ marks, labels, headings, notes ─────────┴─▶ page ─▶ charts/*.svg
//! ```
//!
//! plotters places things; what it cannot say is said here. Its colours are
//! hard-coded, so each stands for a CSS class and is replaced by it
//! (module `restyle`); the classes read variables, so that a chart
//! follows the theme of the page that it stands in (module `sheet`). A chart has no
//! ids and no blank lines, so it can be pasted into a page of the book.
//!
//! The crate only reads results: it runs nothing, and the same results give the
//! same bytes.

mod axis;
mod dodge;
mod dots;
mod endlabels;
mod error;
mod folder;
mod knee;
mod labels;
mod lines;
mod marker;
mod page;
mod palette;
mod plot;
mod ratios;
mod readme;
mod reference;
mod restyle;
mod rows;
mod series;
mod sheet;
mod shortfall;
mod soak;
mod text;
mod told;
mod whiskers;

pub use error::Error;
pub use folder::draw_all;

use results::{Chart, ChartKind, Experiment};

/// Draws one chart of an experiment and returns the SVG.
///
/// # Errors
///
/// Fails only if plotters does, which writes to memory and has no cause to.
/// An experiment without a single figure gives a chart that says so.
pub fn draw(experiment: &Experiment, chart: &Chart) -> Result<String, Error> {
    match chart.kind {
        ChartKind::Lines => lines::draw(experiment, chart),
        ChartKind::Dots => dots::draw(experiment, chart),
        ChartKind::Ratios => ratios::draw(experiment, chart),
    }
}
