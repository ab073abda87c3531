//! What every chart has, whatever it shows.

use results::{Cell, ChartKind, Comparison, Experiment, Figure, Scale, Standing};

use crate::fixture;

fn pictures() -> Vec<(String, String)> {
    let draw = |e: &Experiment| -> Vec<_> {
        e.charts.iter().map(|c| (c.file.clone(), charts::draw(e, c).unwrap())).collect()
    };
    fixture::all().iter().flat_map(draw).collect()
}

/// Leaves the pictures in the target folder, for whoever wants to look at them.
#[test]
fn the_pictures_can_be_looked_at() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("charts");
    std::fs::create_dir_all(&folder).unwrap();
    for (file, svg) in pictures() {
        std::fs::write(folder.join(file).with_extension("svg"), svg).unwrap();
    }
}

#[test]
fn a_chart_is_well_formed_and_says_what_it_shows() {
    for (file, svg) in pictures() {
        let document = roxmltree::Document::parse(&svg).unwrap_or_else(|e| panic!("{file}: {e}"));
        let root = document.root_element();
        assert_eq!(root.attribute("role"), Some("img"));
        assert_eq!(root.attribute("class"), Some("chart"));
        assert!(root.attribute("viewBox").is_some() && root.attribute("width").is_none());
        let child = |name: &str| {
            let found =
                root.children().find(|n| n.has_tag_name(("http://www.w3.org/2000/svg", name)));
            found.and_then(|n| n.text()).unwrap_or_default().to_owned()
        };
        assert!(!child("title").is_empty(), "{file}");
        assert!(child("desc").starts_with(&format!("What to look for in {file}.")), "{file}");
    }
}

#[test]
fn a_chart_can_be_pasted_into_a_page() {
    for (file, svg) in pictures() {
        assert!(!svg.lines().any(|line| line.trim().is_empty()), "{file} has a blank line");
        let document = roxmltree::Document::parse(&svg).unwrap();
        for node in document.descendants().filter(roxmltree::Node::is_element) {
            assert!(node.attribute("id").is_none(), "{file} has an id");
            for attribute in ["fill", "stroke", "opacity", "font-family", "style"] {
                let found = node.attribute(attribute);
                assert!(found.is_none(), "{file}: {attribute}={found:?} cannot be themed");
            }
        }
    }
}

#[test]
fn the_same_results_give_the_same_bytes() {
    assert_eq!(pictures(), pictures());
}

#[test]
fn nothing_is_drawn_outside_the_paper() {
    for (file, svg) in pictures() {
        let document = roxmltree::Document::parse(&svg).unwrap();
        let size: Vec<f64> = document
            .root_element()
            .attribute("viewBox")
            .unwrap()
            .split(' ')
            .map(|n| n.parse().unwrap())
            .collect();
        for text in document.descendants().filter(|n| n.tag_name().name() == "text") {
            let at = |name| text.attribute(name).unwrap().parse::<f64>().unwrap();
            let (x, y) = (at("x"), at("y"));
            assert!(x >= 0.0 && x <= size[2] && y >= 8.0 && y <= size[3], "{file}: {text:?}");
        }
    }
}

#[test]
fn text_from_a_plan_is_escaped() {
    let mut e = fixture::quick();
    let nasty = "a <b> & \"c\" ]]> \n\n </svg>";
    nasty.clone_into(&mut e.x.label);
    e.models[2] = nasty.to_owned();
    e.statistics[0].model = nasty.to_owned();
    nasty.clone_into(&mut e.charts[0].title);
    nasty.clone_into(&mut e.charts[0].look_for);
    let figure = e.charts[0].figure;
    let mut compared = fixture::comparison(nasty, nasty, figure, 2.0, 0.1, Standing::Unlike);
    compared.why = Some(nasty.to_owned());
    e.comparisons.push(compared);
    for kind in [ChartKind::Lines, ChartKind::Dots, ChartKind::Ratios] {
        e.charts[0].kind = kind;
        let svg = charts::draw(&e, &e.charts[0]).unwrap();
        roxmltree::Document::parse(&svg).unwrap();
        assert!(!svg.contains("\n\n"));
        assert_eq!(svg.matches("</svg>").count(), 1);
    }
}

#[test]
fn odd_data_is_drawn_all_the_same() {
    let odd: [&[(f64, f64)]; 7] = [
        &[],
        &[(1.0, 0.0)],
        &[(64.0, 5.0)],
        &[(0.0, 0.0), (0.0, 0.0)],
        &[(0.0, 1.0), (1.0, 0.0), (1e9, 1e12)],
        &[(1.0, f64::NAN), (f64::INFINITY, 1.0), (-4.0, -5.0)],
        &[(1.0, 1e-300), (2.0, 1e300)],
    ];
    for points in odd {
        for scale in [Scale::Linear, Scale::Log] {
            for kind in [ChartKind::Lines, ChartKind::Dots, ChartKind::Ratios] {
                for figure in [Figure::Served, Figure::PssBytes, Figure::Jain] {
                    let mut e = fixture::empty("odd", "Odd", fixture::axis("connections", scale));
                    let mut chart = fixture::chart("odd", "Odd", figure, scale);
                    chart.kind = kind;
                    chart.references = fixture::memory().charts[0].references.clone();
                    let one = |&(x, y)| fixture::statistic("event-loop", x, figure, y, 0.5);
                    e.statistics = points.iter().map(one).collect();
                    let ratio = |&(x, y): &(f64, f64)| {
                        let over = "event-loop";
                        let standing = Standing::Inconclusive;
                        let c = fixture::comparison(over, over, figure, y, 0.5, standing);
                        Comparison { of: Cell { x, ..c.of.clone() }, ..c }
                    };
                    e.controls = points.iter().map(ratio).collect();
                    e.comparisons = e.controls.clone();
                    let svg = charts::draw(&e, &chart).unwrap();
                    roxmltree::Document::parse(&svg).unwrap();
                    assert!(!svg.contains("NaN") && !svg.contains("inf"), "{points:?}");
                }
            }
        }
    }
}

#[test]
fn a_model_looks_the_same_in_every_chart() {
    for e in fixture::all() {
        let lines = e.charts.iter().filter(|c| c.kind == ChartKind::Lines);
        for chart in lines.filter(|c| c.figure != Figure::Threads) {
            let svg = charts::draw(&e, chart).unwrap();
            let (line, mark) = ("hue-blue dash-solid\"", "<g class=\"hue-blue\"><title>event-loop");
            assert!(svg.contains(line) && svg.contains(mark), "{}", chart.file);
        }
    }
}

#[test]
fn lines_that_lie_on_one_another_are_told_apart() {
    let e = fixture::starvation();
    let svg = charts::draw(&e, &e.charts[0]).unwrap();
    let document = roxmltree::Document::parse(&svg).unwrap();
    let lines: Vec<(&str, &str)> = document
        .descendants()
        .filter(|n| n.has_tag_name(("http://www.w3.org/2000/svg", "polyline")))
        .filter_map(|n| Some((n.attribute("class")?, n.attribute("points")?)))
        .filter(|(class, _)| class.starts_with("line "))
        .collect();
    assert_eq!(lines.len(), 6);
    for (n, (class, points)) in lines.iter().enumerate() {
        for (other_class, other_points) in &lines[..n] {
            assert!(class != other_class && points != other_points, "{class}");
        }
    }
    assert!(svg.contains("side by side"));
}

/// The marks of a chart, hollow or not, with what each says.
fn marks(svg: &str) -> Vec<(bool, String)> {
    let document = roxmltree::Document::parse(svg).unwrap();
    let groups = document.descendants().filter(|n| n.tag_name().name() == "g");
    groups
        .filter_map(|group| {
            let path = group.children().find(|n| n.tag_name().name() == "path")?;
            let words = group.first_element_child().unwrap().text().unwrap().to_owned();
            Some((path.attribute("class") == Some("mark hollow"), words))
        })
        .collect()
}

const HOLLOW: &str = "Hollow marks: not every connection was served.";

#[test]
fn a_speed_that_leaves_connections_out_has_a_hollow_mark() {
    let e = fixture::throughput();
    let svg = charts::draw(&e, &e.charts[0]).unwrap();
    for (hollow, words) in marks(&svg) {
        assert_eq!(hollow, words.ends_with("connections served)"), "{words}");
    }
    // Two models, at 16, 64, 256 and 1000 connections.
    assert_eq!(marks(&svg).iter().filter(|(hollow, _)| *hollow).count(), 8);
    for expected in [
        "<title>thread-pool, 64 connections: 92 k (88 k to 96 k) \
         (only 4 of 64 connections served)</title>",
        ">4 of 1,000 served</text>",
        HOLLOW,
    ] {
        assert!(svg.contains(expected), "{expected}");
    }
}

#[test]
fn dots_of_some_variants_may_be_hollow() {
    let e = fixture::mixes();
    let svg = charts::draw(&e, &e.charts[0]).unwrap();
    let hollow: Vec<String> = marks(&svg).into_iter().filter(|m| m.0).map(|m| m.1).collect();
    assert_eq!(hollow.len(), 1, "{hollow:?}");
    assert!(hollow[0].starts_with("connection-per-event-base, 1 in 100 blocks, 64 connections"));
    assert!(svg.contains("1.4 s · 4 of 64 served</text>") && svg.contains(HOLLOW));
}

#[test]
fn what_counts_every_connection_and_what_is_zero_has_full_marks() {
    let mut e = fixture::starvation();
    for figure in [Figure::Served, Figure::Starved, Figure::LongestWaitMs, Figure::PssBytes] {
        e.charts[1].figure = figure;
        for x in fixture::CONNECTIONS {
            e.statistics.push(fixture::statistic("thread-pool", x, figure, 5.0, 0.0));
        }
        let svg = charts::draw(&e, &e.charts[1]).unwrap();
        assert!(marks(&svg).iter().all(|(hollow, _)| !hollow), "{figure:?}");
        assert!(!svg.contains("Hollow"), "{figure:?}");
        // Most models starved nobody: that zero is on the chart, and said to be apart.
        let zero = figure == Figure::Starved;
        assert_eq!(svg.contains("0 stands apart"), zero, "{figure:?}");
        assert_eq!(svg.contains("class=\"break\""), zero, "{figure:?}");
    }
}

#[test]
fn knees_are_ringed_and_told() {
    let e = fixture::saturation();
    let svg = charts::draw(&e, &e.charts[0]).unwrap();
    let ring = |hue: &str, name: &str| {
        svg.matches(&format!("<g class=\"hue-{hue}\"><title>{name}: the knee")).count()
    };
    // nginx keeps up with everything.
    let rings = [ring("blue", "event-loop"), ring("amber", "thread-pool"), ring("stone", "nginx")];
    assert_eq!(rings, [1, 1, 0]);
    for expected in [
        "What to look for in saturation. A ring marks the knee of a line: beyond that place on \
         the axis of requests per second the p99 latency is more than ten times",
        ">Rings: the knee",
        ">knee at 20 k</text>",
    ] {
        assert!(svg.contains(expected), "{expected}");
    }
    let without = charts::draw(&e, &e.charts[1]).unwrap();
    assert!(!without.contains("<circle") && without.contains("No knee: at every load"));
    assert!(
        !charts::draw(&fixture::throughput(), &fixture::throughput().charts[0])
            .unwrap()
            .contains("knee")
    );
}

#[test]
fn ratios_show_the_control_the_band_and_the_verdicts() {
    let e = fixture::compared();
    let svg = charts::draw(&e, &e.charts[0]).unwrap();
    let words: Vec<(bool, String)> = marks(&svg);
    assert_eq!(words.len(), 11);
    assert!(words[0].1.starts_with("event-loop against itself, 64 connections: 1.01 [0.98, 1.04]"));
    for (hollow, words) in &words {
        assert_eq!(*hollow, words.contains("not alike") || words.contains("inconclusive"));
    }
    for expected in [
        "requests per server-CPU-second, as a ratio over event-loop, 64 connections",
        "class=\"band\"",
        "class=\"unity\"",
        "← slower</text>",
        "faster →</text>",
        "thread-pool over event-loop, 64 connections: 0.60 [0.58, 0.62], 9 blocks: not alike \
         (of the connections it served 4, the other 64)</title>",
        "Hollow, no verdict:",
    ] {
        assert!(svg.contains(expected), "{expected}");
    }
    let empty = fixture::throughput();
    let mut chart = e.charts[0].clone();
    chart.figure = Figure::Jain;
    assert!(charts::draw(&empty, &chart).unwrap().contains("Nothing was measured"));
}

#[test]
fn ratios_of_several_variants_have_a_group_each() {
    let e = fixture::doubtful();
    let svg = charts::draw(&e, &e.charts[0]).unwrap();
    for variant in &e.variants {
        let heading = format!(">{variant}, over thread-per-connection, 64 connections</text>");
        assert!(svg.contains(&heading), "{heading}");
    }
    assert!(svg.contains(">differs</text>"));
    let one = charts::draw(&e, &e.charts[1]).unwrap();
    assert_eq!(marks(&one).len(), 3);
    assert!(one.contains("p99 latency · 1 in 100 computes, as a ratio over"));
}
