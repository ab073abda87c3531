//! One look for each model: a colour, a dash and a marker, the same in every chart.
//!
//! Related models share a hue: threads and processes are warm, loops are cool,
//! mixtures of both purple, futures and completions pink. Servers that are not
//! ours are company, not the subject: thin lines of one neutral colour, with
//! marks that no model has. No two models share dash and mark, so a chart can be
//! read in grey, or where lines lie on one another.
//!
//! The hues follow Okabe and Ito ("Color Universal Design", 2008), but differ more in
//! lightness: each has at least 3:1 of contrast to the paper of every theme,
//! and those of the six first models stay apart for the three kinds of colour
//! blindness (Machado's model: a distance of 16 in CIELAB or more).

use results::Peer;

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
/// Of whatever is not ours.
const STONE: Hue = Hue { name: "stone", light: "#857d74", dark: "#8d857b" };

/// Every colour of the style sheet.
pub(crate) const HUES: [&Hue; 9] =
    [&GREY, &VERMILION, &AMBER, &BLUE, &CYAN, &GREEN, &PURPLE, &PINK, &STONE];

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
    /// The classes that give a line its colour, dash and weight.
    pub(crate) fn classes(self) -> String {
        let peer = if self.is_peer() { " peer" } else { "" };
        format!("hue-{} dash-{}{peer}", self.hue.name, self.dash.class())
    }

    /// Whether it is the look of a server that is not ours.
    pub(crate) fn is_peer(self) -> bool {
        *self.hue == STONE
    }

    /// The class that gives a mark its colour.
    pub(crate) fn hue_class(self) -> String {
        format!("hue-{}", self.hue.name)
    }
}

const fn look(hue: &'static Hue, dash: Dash, marker: Marker) -> Look {
    Look { hue, dash, marker }
}

/// The models, each with a look of its own.
pub(crate) const MODELS: [(&str, Look); 13] = [
    ("single-threaded", look(&GREY, Dash::Solid, Marker::Circle)),
    ("thread-per-connection", look(&VERMILION, Dash::LongShort, Marker::Square)),
    ("thread-pool", look(&AMBER, Dash::Long, Marker::Up)),
    ("event-loop", look(&BLUE, Dash::Solid, Marker::Diamond)),
    ("connection-per-event-base", look(&CYAN, Dash::Dots, Marker::Down)),
    ("pooled-event-loops", look(&GREEN, Dash::Short, Marker::Plus)),
    ("reuseport-loops", look(&PINK, Dash::Long, Marker::Hexagon)),
    ("dispatching-reactor", look(&PURPLE, Dash::Solid, Marker::Cross)),
    ("loops-with-workers", look(&PURPLE, Dash::Short, Marker::Circle)),
    ("prefork-loops", look(&CYAN, Dash::Solid, Marker::Up)),
    ("process-per-connection", look(&VERMILION, Dash::Dots, Marker::Plus)),
    ("async-tasks", look(&PINK, Dash::Solid, Marker::Square)),
    ("completion-rings", look(&BLUE, Dash::Dots, Marker::Circle)),
];

/// The models at other work: proxies and batch jobs look as the servers do that
/// wait as they wait.
const ALIKE: [(&str, &str); 8] = [
    ("proxy-threads", "thread-per-connection"),
    ("proxy-event-loop", "event-loop"),
    ("proxy-pooled-loops", "pooled-event-loops"),
    ("one-after-the-other", "single-threaded"),
    ("a-thread-each", "thread-per-connection"),
    ("16-threads", "thread-pool"),
    ("one-loop", "event-loop"),
    ("a-loop-in-2-processes", "prefork-loops"),
];

/// The servers of others that have a look of their own.
pub(crate) const PEERS: [(&str, Look); 6] = [
    ("bare-epoll", look(&STONE, Dash::Solid, Marker::Wide)),
    ("memcached", look(&STONE, Dash::Dots, Marker::Star)),
    ("nginx", look(&STONE, Dash::LongShort, Marker::Pentagon)),
    ("redis", look(&STONE, Dash::Short, Marker::Hourglass)),
    ("haproxy", look(&STONE, Dash::Long, Marker::Tall)),
    ("go-echo", look(&STONE, Dash::Dots, Marker::Chevron)),
];

/// The look of each of `models`, in their order; some of them may be `peers`.
///
/// Whoever has no look of its own, as a reader's own server, gets one that
/// follows from its name, so that it too is the same in every chart. It steps
/// aside only where another of the same experiment has it already.
pub(crate) fn looks(models: &[String], peers: &[Peer]) -> Vec<Look> {
    let named = || MODELS.iter().chain(&PEERS);
    let known = |model: &String| {
        let alike = ALIKE.iter().find(|(name, _)| name == model);
        let model = alike.map_or(model.as_str(), |(_, of)| of);
        named().find(|(name, _)| *name == model).map(|(_, look)| *look)
    };
    let mut taken: Vec<Look> = models.iter().filter_map(known).collect();
    let foreign = |model: &String| {
        if peers.iter().any(|peer| peer.name == *model) {
            spare_looks(&[&STONE], &Marker::PEERS)
        } else {
            spare_looks(&[&PURPLE, &PINK, &GREY], &Marker::VARIANTS)
        }
    };
    models
        .iter()
        .map(|model| {
            known(model).unwrap_or_else(|| {
                let spare = foreign(model);
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

/// Looks of these hues and marks that nobody has.
fn spare_looks(hues: &[&'static Hue], markers: &[Marker]) -> Vec<Look> {
    let mut spare = Vec::new();
    for &marker in markers {
        for (dash, ..) in Dash::ALL {
            for &hue in hues {
                let candidate = look(hue, dash, marker);
                if MODELS.iter().chain(&PEERS).all(|(_, used)| *used != candidate) {
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
    fn everybody_can_be_told_apart_in_grey() {
        let all = || MODELS.iter().chain(&PEERS);
        let signs: HashSet<_> = all().map(|(_, l)| (l.dash, l.marker)).collect();
        assert_eq!(signs.len(), all().count());
        let named: HashSet<_> = all().map(|(name, _)| name).collect();
        assert_eq!(named.len(), all().count());
    }

    #[test]
    fn a_model_at_other_work_looks_as_the_model_does() {
        let look = |name: &str| looks(&[name.to_owned()], &[])[0];
        for (name, of) in ALIKE {
            assert!(MODELS.iter().any(|(model, _)| *model == of), "{of}");
            assert_eq!(look(name), look(of), "{name}");
        }
    }

    #[test]
    fn the_first_eight_share_no_marker_and_relatives_share_only_a_hue() {
        let markers: HashSet<_> = MODELS[..8].iter().map(|(_, l)| l.marker).collect();
        assert_eq!(markers.len(), 8);
        for (n, (name, one)) in MODELS.iter().enumerate() {
            for (other_name, other) in &MODELS[..n] {
                let relatives = one.hue == other.hue;
                let alike = one.dash == other.dash || one.marker == other.marker;
                assert!(!(relatives && alike), "{name}, {other_name}");
            }
        }
    }

    #[test]
    fn a_peer_has_neither_the_hue_nor_the_mark_of_a_model() {
        let unknown = Peer { name: "my-peer".to_owned(), version: "1".to_owned() };
        let looks = looks(&["redis".to_owned(), unknown.name.clone()], &[unknown]);
        for look in PEERS.iter().map(|(_, look)| look).chain(&looks) {
            assert!(look.is_peer() && look.classes().ends_with(" peer"));
            assert!(MODELS.iter().all(|(_, l)| l.hue != look.hue && l.marker != look.marker));
        }
        assert_ne!(looks[0], looks[1]);
    }

    #[test]
    fn a_foreign_model_looks_the_same_in_every_company() {
        let alone = looks(&["my-server".to_owned()], &[]);
        let among = looks(&["event-loop".to_owned(), "my-server".to_owned()], &[]);
        assert_eq!(alone[0], among[1]);
        assert!(MODELS.iter().all(|(_, used)| *used != alone[0]));
    }

    #[test]
    fn foreign_models_never_look_alike_in_one_experiment() {
        let names: Vec<String> = (0..50).map(|n| format!("server-{n}")).collect();
        let found = looks(&names, &[]);
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
