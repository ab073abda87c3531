//! Files that are read: experiments, and results.

use measure::{Definition, Known};
use results::Experiment;

/// An experiment file is understood, or refused in words. One that is understood has a
/// plan, and can be held against what there is.
///
/// # Panics
///
/// Where that is not so.
pub fn experiment(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    match Definition::parse("experiment", text) {
        Err(why) => assert!(!why.is_empty(), "it is refused without a word"),
        Ok(definition) => {
            let known = Known {
                models: &["event-loop", "thread-pool"],
                services: &["echo", "http"],
                serves: &|_| Ok(()),
            };
            let models = ["event-loop", "thread-pool"].map(str::to_owned);
            for quick in [false, true] {
                assert!(definition.plan(quick, &definition.models(&models)).is_object());
            }
            if let Err(why) = definition.check_known(&known) {
                assert!(!why.to_string().is_empty());
            }
        }
    }
}

/// A results file is understood, or refused; and one that is understood can be drawn.
///
/// # Panics
///
/// Where that is not so.
pub fn results(data: &[u8]) {
    let Ok(experiment) = serde_json::from_slice::<Experiment>(data) else { return };
    for chart in &experiment.charts {
        if let Ok(svg) = charts::draw(&experiment, chart) {
            assert!(svg.starts_with("<svg"), "{}", chart.file);
        }
    }
    let cells = experiment.void_cells();
    assert!(cells.len() <= experiment.trials.len());
}
