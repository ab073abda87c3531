//! A file of each kind in which nothing that can be there is missing.

use results::{
    Axis, Cell, Chart, ChartKind, Claim, Compare, Comparison, CoreSpeed, Environment, Expectation,
    Experiment, Figure, LeftOut, Outcome, Peer, Reference, SCHEMA, Scale, Share, Slices, Slicing,
    Standing, Statistic, Trial, Verdict,
};

const FIGURE: Figure = Figure::RequestsPerServerCpuSecond;

fn cell(model: &str) -> Cell {
    Cell { model: model.to_owned(), variant: Some("echo".to_owned()), x: 64.0 }
}

fn trial(turn: u32, model: &str) -> Trial {
    Trial {
        block: 0,
        turn,
        model: model.to_owned(),
        control: turn == 1,
        variant: Some("echo".to_owned()),
        x: 64.0,
        void: (turn == 2).then(|| "adherence was 0.9".to_owned()),
        warnings: vec!["adherence was 0.9".to_owned()],
        figures: [(FIGURE, 150_000.5), (Figure::Served, 64.0)].into(),
        workers: vec![Share { name: "worker-0".to_owned(), connections: 64, requests: 1000 }],
        sitting: Some(0),
        slices: Some(Slices {
            answered: vec![2000, 2010],
            server_cpu_ns: vec![13_000_000, 13_100_000],
            client_cpu_ns: vec![14_000_000, 14_100_000],
            length_ns: vec![20_000_000, 20_500_000],
            ramp_answered: vec![200, 210],
            ramp_cpu_ns: vec![1_500_000, 1_600_000],
            bytes_per_answer: 128.0,
        }),
        histogram: Some("SGlzdG9ncmFt".to_owned()),
    }
}

fn comparison(of: &str, standing: Standing) -> Comparison {
    Comparison {
        figure: FIGURE,
        of: cell(of),
        over: cell("event-loop"),
        ratio: 0.9,
        low: 0.8,
        high: 1.1,
        blocks: 6,
        standing,
        why: Some("1 block: an interval needs 6".to_owned()),
    }
}

fn claim() -> Claim {
    Claim {
        id: "go-is-half".to_owned(),
        source: "nobody".to_owned(),
        says: "Go answers half as much.".to_owned(),
        expects: Expectation {
            figure: FIGURE,
            of: cell("go-echo"),
            over: Some(cell("event-loop")),
            at_least: Some(0.4),
            at_most: Some(0.6),
            tolerance: 0.05,
        },
    }
}

fn chart() -> Chart {
    Chart {
        file: "example".to_owned(),
        title: "An example".to_owned(),
        look_for: "Everything.".to_owned(),
        figure: FIGURE,
        kind: ChartKind::Dots,
        scale: Scale::Log,
        knee: true,
        variant: Some("echo".to_owned()),
        references: vec![Reference { label: "all".to_owned(), value: 1.0, per_x: true }],
    }
}

/// One experiment.
pub(crate) fn experiment() -> Experiment {
    Experiment {
        schema: SCHEMA,
        name: "example".to_owned(),
        title: "An example".to_owned(),
        question: "Does it pass?".to_owned(),
        plan: serde_json::json!({ "blocks": 6 }),
        run: environment().started,
        quick: false,
        complete: true,
        x: Axis { label: "connections".to_owned(), scale: Scale::Linear },
        models: vec!["event-loop".to_owned(), "go-echo".to_owned()],
        peers: vec![Peer { name: "go-echo".to_owned(), version: "go version 1".to_owned() }],
        variants: vec!["echo".to_owned()],
        left_out: vec![LeftOut {
            model: "nginx".to_owned(),
            above: None,
            why: "it is not here".to_owned(),
        }],
        compare: Compare {
            baseline: "event-loop".to_owned(),
            figures: vec![FIGURE],
            at: vec![64.0],
            equivalent: 0.05,
            equivalent_tail: 0.2,
            floors: [(Figure::LongestWaitMs, 20.0)].into(),
        },
        charts: vec![chart()],
        claims: vec![claim()],
        verdicts: vec![Verdict {
            claim: "go-is-half".to_owned(),
            outcome: Outcome::Inconclusive,
            measured: Some(0.9),
            low: Some(0.8),
            high: Some(1.1),
            why: "a bound lies within".to_owned(),
        }],
        controls: vec![comparison("event-loop", Standing::Equivalent)],
        comparisons: vec![comparison("go-echo", Standing::Inconclusive)],
        slices: Some(Slicing { rounds: 2, slice_ms: 20.0, ramp_ms: 2.5 }),
        spent_seconds: 12.5,
        statistics: vec![Statistic {
            model: "go-echo".to_owned(),
            variant: Some("echo".to_owned()),
            x: 64.0,
            figure: FIGURE,
            value: 150_000.5,
            low: 140_000.0,
            high: 160_000.0,
            blocks: 6,
        }],
        remarks: vec!["the sweep was cut".to_owned()],
        trials: vec![trial(0, "event-loop"), trial(1, "event-loop"), trial(2, "go-echo")],
    }
}

/// One machine.
pub(crate) fn environment() -> Environment {
    Environment {
        schema: SCHEMA,
        cpu: "a processor".to_owned(),
        cores: 2,
        server_cores: vec![0],
        client_cores: vec![1],
        memory_bytes: 1 << 34,
        kernel: "Linux 6.1".to_owned(),
        governor: "unknown".to_owned(),
        clock_source: "tsc".to_owned(),
        limits: [("open files".to_owned(), "20000".to_owned())].into(),
        rustc: "rustc 1".to_owned(),
        commit: "unknown".to_owned(),
        program: "0123456789abcdef".to_owned(),
        remarks: vec!["the machine was busy".to_owned()],
        speed: vec![CoreSpeed { core: 0, median: 1.0, slow: 0.25, slowest: 3.5, drift: 0.98 }],
        started: "2026-01-01T00:00:00Z".to_owned(),
        finished: true,
    }
}
