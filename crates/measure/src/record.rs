//! The record of an experiment: begun, concluded from its trials, judged again.

use results::{Environment, Experiment, LeftOut, Measured, SCHEMA, Slicing};

use crate::{
    Definition, Effort, claims::judge, comparisons::compare, peer::Words, statistics::statistics,
    trial::Bed,
};

/// An experiment before its first trial. What it needs of others is made ready;
/// what is missing is named.
pub(crate) fn begin(
    definition: &Definition,
    models: &[String],
    quick: bool,
    bed: &Bed,
    run: &Environment,
) -> Experiment {
    let mut models = definition.models(models);
    let mut left_out = definition.left_out.clone();
    let mut peers = Vec::new();
    let words = Words {
        lab: &bed.lab,
        benches: &bed.benches,
        scratch: &bed.scratch,
        built: &bed.scratch,
        port: 0,
        backend: None,
        x: 0,
        workers: definition.server.workers,
    };
    for peer in &definition.peers {
        match peer.prepare(&words) {
            Ok(version) => {
                models.push(peer.name.clone());
                peers.push(results::Peer { name: peer.name.clone(), version });
            }
            Err(missing) => left_out.push(missing),
        }
    }
    models.retain(|name| definition.takes_part(name, quick));
    Experiment {
        schema: SCHEMA,
        name: definition.name.clone(),
        title: definition.title.clone(),
        question: definition.question.clone(),
        plan: definition.plan(quick, &models),
        run: run.started.clone(),
        quick,
        complete: false,
        slices: slicing(definition.effort(quick)),
        x: definition.axis(),
        models,
        peers,
        variants: definition.variants.iter().map(|variant| variant.name.clone()).collect(),
        left_out,
        compare: definition.compare.clone(),
        charts: definition.charts.clone(),
        claims: definition.claims.clone(),
        verdicts: Vec::new(),
        controls: Vec::new(),
        comparisons: Vec::new(),
        spent_seconds: 0.0,
        statistics: Vec::new(),
        remarks: Vec::new(),
        trials: Vec::new(),
    }
}

/// What the trials come to.
pub(crate) fn conclude(experiment: &mut Experiment) {
    let measured = Measured::of(experiment);
    let (controls, comparisons) = compare(experiment, &measured);
    let verdicts = judge(experiment, &measured);
    let statistics = statistics(&experiment.trials, &measured);
    (experiment.controls, experiment.comparisons) = (controls, comparisons);
    (experiment.verdicts, experiment.statistics) = (verdicts, statistics);
}

fn slicing(effort: &Effort) -> Option<Slicing> {
    let milliseconds = |time: std::time::Duration| time.as_secs_f64() * 1e3;
    let rounds = effort.rounds?.get();
    let (slice_ms, ramp_ms) = (milliseconds(effort.duration), milliseconds(effort.warmup));
    Some(Slicing { rounds, slice_ms, ramp_ms })
}

/// Lays the words, claims and charts of `definition` over what was measured, and
/// judges again. False if its trials would be others today: then nothing changes.
pub(crate) fn renew(experiment: &mut Experiment, definition: &Definition) -> bool {
    if experiment.plan != definition.plan(experiment.quick, &experiment.models) {
        return false;
    }
    experiment.title.clone_from(&definition.title);
    experiment.question.clone_from(&definition.question);
    experiment.x = definition.axis();
    experiment.compare = definition.compare.clone();
    experiment.charts.clone_from(&definition.charts);
    experiment.claims.clone_from(&definition.claims);
    experiment.left_out.retain(|out| is_missing(definition, out));
    experiment.left_out.splice(0..0, definition.left_out.iter().cloned());
    conclude(experiment);
    true
}

/// Whether it is left out for not being installed.
pub(crate) fn is_missing(definition: &Definition, out: &LeftOut) -> bool {
    definition.peer(&out.model).is_some() && out.above.is_none()
}
