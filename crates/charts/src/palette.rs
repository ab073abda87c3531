//! One look for each model: a colour, a dash and a marker, the same in every chart.
//!
//! Related models share a hue: threads and processes are warm, loops are cool,
//! mixtures of both purple, futures and completions pink. No two models share
//! all three signs, and the six models that are measured most share none, so a
//! chart can be read in grey, or where lines lie on one another.
//!
//! The hues follow Okabe and Ito ("Color Universal Design", 2008), but differ more in
//! lightness: each has at least 3:1 of contrast to the paper of every theme,
//! and those of the six first models stay apart for the three kinds of colour
//! blindness (Machado's model: a distance of 16 in CIELAB or more).

use crate::marker::Marker;

/// A colour, for light and for dark paper.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Hue {
    pub(crate) name: &'static str,
    pub(crate) light: &'static str,
    pub(crate) dark: &'static str,
}

const GREY: Hue = Hue { name: "grey", light: "#50565f", dark: "#a3abb5" };
const VERMILION: Hue = Hue { name: "vermilion", light: "#9c2c00", dark: "#ff5f3a" };
const AMBER: Hue = Hue { name: "amber", light: "#9d7700", dark: "#ffd98f" };
const BLUE: Hue = Hue { name: "blue", light: "#123f9e", dark: "#5c8bff" };
const CYAN: Hue = Hue { name: "cyan", light: "#0a86be", dark: "#35c3ff" };
const GREEN: Hue = Hue { name: "green", light: "#2a8f54", dark: "#2fbf5c" };
const PURPLE: Hue = Hue { name: "purple", light: "#8a35dd", dark: "#e9d2ff" };
const PINK: Hue = Hue { name: "pink", light: "#c5157e", dark: "#ee4a90" };

/// Every colour of the style sheet.
pub(crate) const HUES: [&Hue; 8] =
    [&GREY, &VERMILION, &AMBER, &BLUE, &CYAN, &GREEN, &PURPLE, &PINK];

/// How a line is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Dash {
    Solid,
    Long,
    Short,
    Dots,
    LongShort,
}

impl Dash {
    /// Every dash with its class and `stroke-dasharray`.
    pub(crate) const ALL: [(Self, &'static str, &'static str); 5] = [
        (Self::Solid, "solid", "none"),
        (Self::Long, "long", "10 4"),
        (Self::Short, "short", "4 3"),
        (Self::Dots, "dots", "2 2.5"),
        (Self::LongShort, "long-short", "9 3 2 3"),
    ];

    fn class(self) -> &'static str {
        Self::ALL.iter().find(|(dash, ..)| *dash == self).map_or("solid", |(_, class, _)| class)
    }
}

/// The look of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    pub(crate) hue: &'static Hue,
    pub(crate) dash: Dash,
    pub(crate) marker: Marker,
}

impl Look {
    /// The classes that give a line its colour and dash.
    pub(crate) fn classes(self) -> String {
        format!("hue-{} dash-{}", self.hue.name, self.dash.class())
    }

    /// The class that gives a mark its colour.
    pub(crate) fn hue_class(self) -> String {
        format!("hue-{}", self.hue.name)
    }
}

const fn look(hue: &'static Hue, dash: Dash, marker: Marker) -> Look {
    Look { hue, dash, marker }
}

/// The models that have a look of their own.
pub(crate) const MODELS: [(&str, Look); 13] = [
    ("single-threaded", look(&GREY, Dash::Solid, Marker::Circle)),
    ("thread-per-connection", look(&VERMILION, Dash::LongShort, Marker::Square)),
    ("thread-pool", look(&AMBER, Dash::Long, Marker::Up)),
    ("event-loop", look(&BLUE, Dash::Solid, Marker::Diamond)),
    ("connection-per-event-base", look(&CYAN, Dash::Dots, Marker::Down)),
    ("pooled-event-loops", look(&GREEN, Dash::Short, Marker::Plus)),
    ("process-per-connection", look(&VERMILION, Dash::Dots, Marker::Cross)),
    ("prefork-loops", look(&CYAN, Dash::Long, Marker::Hexagon)),
    ("reuseport-loops", look(&BLUE, Dash::Short, Marker::Cross)),
    ("dispatching-reactor", look(&PURPLE, Dash::Solid, Marker::Square)),
    ("loops-with-workers", look(&PURPLE, Dash::Long, Marker::Circle)),
    ("async-tasks", look(&PINK, Dash::Solid, Marker::Up)),
    ("completion-rings", look(&PINK, Dash::Short, Marker::Hexagon)),
];

/// The look of each of `models`, in their order.
///
/// A model that is not ours, as a reader's own server, gets a look that follows
/// from its name, so that it too is the same in every chart. It steps aside only
/// where another model of the same experiment has it already.
pub(crate) fn looks(models: &[String]) -> Vec<Look> {
    let known = |model: &String| MODELS.iter().find(|(name, _)| name == model).map(|(_, l)| *l);
    let mut taken: Vec<Look> = models.iter().filter_map(known).collect();
    let spare = spare_looks();
    models
        .iter()
        .map(|model| {
            known(model).unwrap_or_else(|| {
                let start = usize::from(hash(model)) % spare.len();
                let look = (0..spare.len())
                    .map(|step| spare[(start + step) % spare.len()])
                    .find(|look| !taken.contains(look))
                    .unwrap_or(spare[start]);
                taken.push(look);
                look
            })
        })
        .collect()
}

/// Looks that no model of ours has.
fn spare_looks() -> Vec<Look> {
    let mut spare = Vec::new();
    for marker in Marker::VARIANTS {
        for (dash, ..) in Dash::ALL {
            for hue in [&PURPLE, &PINK, &GREY] {
                let candidate = look(hue, dash, marker);
                if MODELS.iter().all(|(_, used)| *used != candidate) {
                    spare.push(candidate);
                }
            }
        }
    }
    spare
}

/// FNV-1a, folded to 16 bits: the standard library's hasher may change between versions.
fn hash(text: &str) -> u16 {
    let full =
        text.bytes().fold(0x811c_9dc5_u32, |h, b| (h ^ u32::from(b)).wrapping_mul(0x0100_0193));
    let [a, b, c, d] = full.to_be_bytes();
    u16::from_be_bytes([a ^ c, b ^ d])
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_model_looks_different() {
        let all: HashSet<_> = MODELS.iter().map(|(_, l)| (l.hue.name, l.dash, l.marker)).collect();
        assert_eq!(all.len(), MODELS.len());
    }

    #[test]
    fn the_first_six_share_no_hue_and_no_marker() {
        let six = &MODELS[..6];
        assert_eq!(six.iter().map(|(_, l)| l.hue.name).collect::<HashSet<_>>().len(), 6);
        assert_eq!(six.iter().map(|(_, l)| l.marker).collect::<HashSet<_>>().len(), 6);
    }

    #[test]
    fn a_foreign_model_looks_the_same_in_every_company() {
        let alone = looks(&["my-server".to_owned()]);
        let among = looks(&["event-loop".to_owned(), "my-server".to_owned()]);
        assert_eq!(alone[0], among[1]);
        assert!(MODELS.iter().all(|(_, used)| *used != alone[0]));
    }

    #[test]
    fn foreign_models_never_look_alike_in_one_experiment() {
        let names: Vec<String> = (0..50).map(|n| format!("server-{n}")).collect();
        let found = looks(&names);
        let all: HashSet<_> = found.iter().map(|l| (l.hue.name, l.dash, l.marker)).collect();
        assert_eq!(all.len(), names.len());
    }

    #[test]
    fn every_colour_can_be_seen_on_every_paper() {
        for hue in HUES {
            for (colour, papers) in
                [(hue.light, ["#ffffff", "#e1e1db"]), (hue.dark, ["#15181e", "#161923"])]
            {
                for paper in papers {
                    let contrast = contrast(colour, paper);
                    assert!(contrast >= 3.0, "{} on {paper}: {contrast:.2}", hue.name);
                }
            }
        }
    }

    /// Contrast ratio of WCAG 2.
    fn contrast(one: &str, other: &str) -> f64 {
        let luminance = |colour: &str| {
            let channel = |at: usize| {
                let value = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
                if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
            };
            0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5) + 0.05
        };
        let (one, other) = (luminance(one), luminance(other));
        one.max(other) / one.min(other)
    }
}
