//! The record of an experiment: begun, concluded from its trials, judged again.

use std::time::Duration;

use results::{Ended, Environment, Experiment, LeftOut, SCHEMA};

use crate::{
    Definition, Effort,
    claims::judge,
    comparisons::{are_narrow, compare},
    peer::Words,
    statistics::statistics,
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
        plan_hash: definition.hash(quick, &models),
        run: run.started.clone(),
        quick,
        complete: false,
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
        ended: Ended::Not,
        spent_seconds: 0.0,
        statistics: Vec::new(),
        remarks: Vec::new(),
        trials: Vec::new(),
    }
}

/// What the trials come to.
pub(crate) fn conclude(experiment: &mut Experiment) {
    let Experiment { compare: plan, models, trials, claims, .. } = &*experiment;
    let (controls, comparisons) = compare(plan, models, trials);
    let verdicts = judge(claims, plan, trials);
    experiment.statistics = statistics(trials);
    (experiment.controls, experiment.comparisons) = (controls, comparisons);
    experiment.verdicts = verdicts;
}

/// Whether there are enough blocks, and why.
pub(crate) fn ended(experiment: &Experiment, effort: &Effort) -> Ended {
    let blocks = experiment.blocks();
    if blocks < effort.blocks.get() {
        return Ended::Not;
    }
    let compared: Vec<_> = experiment.controls.iter().chain(&experiment.comparisons).collect();
    if are_narrow(&experiment.compare, &compared) {
        return Ended::Narrow;
    }
    let each = experiment.spent_seconds / f64::from(blocks.max(1));
    let fits = |budget: Duration| experiment.spent_seconds + each <= budget.as_secs_f64();
    if blocks < effort.most().get() && effort.budget.is_none_or(fits) {
        Ended::Not
    } else {
        Ended::Budget
    }
}

/// Lays the words, claims and charts of `definition` over what was measured, and
/// judges again. False if its trials would be others today: then nothing changes.
pub(crate) fn renew(experiment: &mut Experiment, definition: &Definition) -> bool {
    if experiment.plan_hash != definition.hash(experiment.quick, &experiment.models) {
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
