//! What plotters draws: the axes, their ticks, the grid, and every line.

use plotters::{
    chart::{ChartBuilder, ChartContext},
    coord::Shift,
    coord::cartesian::Cartesian2d,
    element::PathElement,
    prelude::{DrawingArea, IntoDrawingArea, SVGBackend},
    style::{Color, IntoFont, RGBColor, TRANSPARENT, TextStyle},
};
use results::Chart;

use crate::{Error, axis::Axis, page::WIDTH, restyle::Inks, text::SMALL};

/// The pixels between the axes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Area {
    pub(crate) left: i32,
    pub(crate) top: i32,
    pub(crate) right: i32,
    pub(crate) bottom: i32,
}

/// Which lines of the grid are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grid {
    /// Across, at the ticks of y.
    Horizontal,
    /// Down, at the ticks of x, which carry the figure.
    Vertical,
}

/// A drawing of plotters under way.
pub(crate) struct Plot<'a, 'b> {
    root: &'a DrawingArea<SVGBackend<'b>, Shift>,
    context: ChartContext<'a, SVGBackend<'b>, Cartesian2d<Axis, Axis>>,
    pub(crate) inks: Inks,
    failed: Option<String>,
}

impl Plot<'_, '_> {
    /// The pixel of a point.
    pub(crate) fn pixel(&self, x: f64, y: f64) -> (i32, i32) {
        self.context.backend_coord(&(x, y))
    }

    /// Whether `x` lies between the ends of its axis.
    pub(crate) fn holds(&self, x: f64) -> bool {
        self.context.as_coord_spec().x_spec().holds(x)
    }

    /// Draws a line through pixels.
    pub(crate) fn path(&mut self, class: &str, pixels: Vec<(i32, i32)>) {
        let ink = self.inks.ink(class);
        let drawn = self.root.draw(&PathElement::new(pixels, ink.stroke_width(1)));
        self.note(drawn.map_err(|error| error.to_string()));
    }

    /// Draws a line through points.
    pub(crate) fn curve(&mut self, class: &str, points: &[(f64, f64)]) {
        let pixels = points.iter().map(|&(x, y)| self.pixel(x, y)).collect();
        self.path(class, pixels);
    }

    /// Keeps the first failure: whoever draws need not ask at each line.
    fn note(&mut self, drawn: Result<(), String>) {
        self.failed = self.failed.take().or(drawn.err());
    }
}

/// Draws axes and grid, then whatever `paint` draws; gives the elements and
/// what `paint` returns.
pub(crate) fn plot<T>(
    chart: &Chart,
    area: Area,
    (x, y): (Axis, Axis),
    grid: Grid,
    paint: impl FnOnce(&mut Plot<'_, '_>) -> T,
) -> Result<(Vec<String>, T), Error> {
    let failed = |why: String| Error::Plot { chart: chart.file.clone(), why };
    let below = 24;
    let left = area.left.min(120);
    let size = (WIDTH.unsigned_abs(), (area.bottom + below).unsigned_abs());
    let mut svg = String::new();
    // A block of its own, because the drawing holds the string.
    let (inks, failure, painted) = {
        let root = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        let context = ChartBuilder::on(&root)
            .margin_left(area.left - left)
            .margin_top(area.top)
            .margin_right(WIDTH - area.right)
            .x_label_area_size(below)
            .y_label_area_size(left)
            .build_cartesian_2d(x, y)
            .map_err(|error| failed(error.to_string()))?;
        let mut plot = Plot { root: &root, context, inks: Inks::default(), failed: None };
        mesh(&mut plot, grid);
        let painted = paint(&mut plot);
        (plot.inks, plot.failed, painted)
    };
    match failure {
        Some(why) => Err(failed(why)),
        None => Ok((inks.restyle(&svg), painted)),
    }
}

fn mesh(plot: &mut Plot<'_, '_>, grid: Grid) {
    let (axis, line) = (plot.inks.ink("axis"), plot.inks.ink("grid"));
    let tick: RGBColor = plot.inks.ink("tick");
    let font = TextStyle::from(("sans-serif", SMALL).into_font()).color(&tick);
    let mut mesh = plot.context.configure_mesh();
    mesh.axis_style(axis)
        .bold_line_style(line)
        .light_line_style(TRANSPARENT)
        .label_style(font)
        .set_all_tick_mark_size(4);
    match grid {
        Grid::Horizontal => mesh.disable_x_mesh(),
        Grid::Vertical => mesh.disable_y_mesh().disable_y_axis().y_labels(0),
    };
    let drawn = mesh.draw().map_err(|error| error.to_string());
    drop(mesh);
    plot.note(drawn);
}
