//! The shapes that mark a measured point.

use std::fmt::Write as _;

/// Radius of a mark.
pub(crate) const RADIUS: f64 = 3.8;

/// A shape; all have about the same area, so that none looks heavier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Marker {
    Circle,
    Square,
    Diamond,
    Up,
    Down,
    Plus,
    Cross,
    Hexagon,
    // Of servers that are not ours.
    Wide,
    Tall,
    Star,
    Pentagon,
    Hourglass,
    Chevron,
}

impl Marker {
    /// The shapes of servers that are not ours; no model has one of them.
    pub(crate) const PEERS: [Self; 6] =
        [Self::Wide, Self::Tall, Self::Star, Self::Pentagon, Self::Hourglass, Self::Chevron];

    /// The shapes given to the variants of a dots chart, in their order.
    pub(crate) const VARIANTS: [Self; 8] = [
        Self::Circle,
        Self::Square,
        Self::Up,
        Self::Diamond,
        Self::Down,
        Self::Plus,
        Self::Cross,
        Self::Hexagon,
    ];

    /// The outline as the `d` of an SVG path, centred on `x`, `y`.
    pub(crate) fn outline(self, x: f64, y: f64, radius: f64) -> String {
        if self == Self::Circle {
            let r = radius;
            return format!(
                "M{} {}a{r} {r} 0 1 0 {} 0a{r} {r} 0 1 0 -{} 0z",
                x - r,
                y,
                2. * r,
                2. * r
            );
        }
        let mut path = String::new();
        for (index, (dx, dy)) in self.corners().iter().enumerate() {
            let command = if index == 0 { 'M' } else { 'L' };
            // Tenths of a pixel are enough, and keep the file short.
            let (px, py) = (tenths(x + dx * radius), tenths(y + dy * radius));
            let _ = write!(path, "{command}{px} {py}");
        }
        path.push('z');
        path
    }

    /// The corners of the shape with radius 1.
    fn corners(self) -> &'static [(f64, f64)] {
        match self {
            Self::Circle => &[],
            Self::Square => &[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)],
            Self::Diamond => &[(0., -1.3), (1.3, 0.), (0., 1.3), (-1.3, 0.)],
            Self::Up => &[(0., -1.3), (1.25, 0.95), (-1.25, 0.95)],
            Self::Down => &[(0., 1.3), (1.25, -0.95), (-1.25, -0.95)],
            Self::Plus => &[
                (-0.45, -1.3),
                (0.45, -1.3),
                (0.45, -0.45),
                (1.3, -0.45),
                (1.3, 0.45),
                (0.45, 0.45),
                (0.45, 1.3),
                (-0.45, 1.3),
                (-0.45, 0.45),
                (-1.3, 0.45),
                (-1.3, -0.45),
                (-0.45, -0.45),
            ],
            Self::Cross => &[
                (0., -0.6),
                (0.65, -1.25),
                (1.25, -0.65),
                (0.6, 0.),
                (1.25, 0.65),
                (0.65, 1.25),
                (0., 0.6),
                (-0.65, 1.25),
                (-1.25, 0.65),
                (-0.6, 0.),
                (-1.25, -0.65),
                (-0.65, -1.25),
            ],
            Self::Hexagon => {
                &[(-1.1, 0.), (-0.55, -1.), (0.55, -1.), (1.1, 0.), (0.55, 1.), (-0.55, 1.)]
            }
            Self::Wide => &[(-1.4, -0.5), (1.4, -0.5), (1.4, 0.5), (-1.4, 0.5)],
            Self::Tall => &[(-0.5, -1.4), (0.5, -1.4), (0.5, 1.4), (-0.5, 1.4)],
            Self::Star => &[
                (0., -1.5),
                (0.38, -0.5),
                (1.42, -0.46),
                (0.6, 0.2),
                (0.88, 1.2),
                (0., 0.62),
                (-0.88, 1.2),
                (-0.6, 0.2),
                (-1.42, -0.46),
                (-0.38, -0.5),
            ],
            Self::Pentagon => &[(0., -1.2), (1.15, -0.37), (0.7, 1.), (-0.7, 1.), (-1.15, -0.37)],
            Self::Hourglass => {
                &[(-1.1, -1.2), (1.1, -1.2), (0.25, 0.), (1.1, 1.2), (-1.1, 1.2), (-0.25, 0.)]
            }
            Self::Chevron => {
                &[(-1.2, -1.1), (0., -0.3), (1.2, -1.1), (1.2, 0.2), (0., 1.1), (-1.2, 0.2)]
            }
        }
    }
}

fn tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}
