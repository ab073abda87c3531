//! `{{ratio EXPERIMENT MODEL X FIGURE over=MODEL}}`: how many times as much.
//!
//! The ratio is taken within each block, where the machine was the same for both.
//! Where the experiment compares
//! the two, its interval and verdict are told. `over-x=` and `over-variant=`
//! choose another point of the same or of another model; `show=interval` adds
//! the interval.

use results::{Cell, Experiment, Figure, Measured, Statistic};

use crate::{
    cell::{self, Point},
    directive::Directive,
    evidence::{Evidence, Failure, Missing},
    html, quantity,
};

const OPTIONS: [&str; 5] = ["variant", "over", "over-x", "over-variant", "show"];
const USAGE: &str = "ratio EXPERIMENT MODEL X FIGURE [variant=NAME] \
                     [over=MODEL] [over-x=X] [over-variant=NAME] [show=interval]";

pub(super) fn render(directive: &Directive<'_>, evidence: &Evidence) -> Result<String, Failure> {
    let [experiment, model, x, figure] = directive.exactly(&OPTIONS, USAGE)?;
    let figure = cell::figure(figure)?;
    if !directive.options.iter().any(|(key, _)| key.starts_with("over")) {
        return Err(format!("nothing to divide by; write {{{{{USAGE}}}}}").into());
    }
    let with_interval = match directive.option("show") {
        None => false,
        Some("interval") => true,
        Some(other) => return Err(format!("show={other}; write {{{{{USAGE}}}}}").into()),
    };
    let experiment = evidence.experiment(experiment)?;
    let of = Point { model, variant: directive.option("variant"), x };
    let over = Point {
        model: directive.option("over").unwrap_or(of.model),
        variant: directive.option("over-variant").or(of.variant),
        x: directive.option("over-x").unwrap_or(of.x),
    };
    let (of, over) = (of.statistic(experiment, figure)?, over.statistic(experiment, figure)?);
    let ratio = compared(experiment, of, over, figure)
        .or_else(|| measured(experiment, of, over, figure))
        .ok_or_else(|| {
            Failure::Missing(Missing {
                what: "no block holds both points".to_owned(),
                ..Missing::experiment(&experiment.name)
            })
        })?;
    let title = format!(
        "{}: {}, {} over {}: {}, {}",
        experiment.name,
        figure.label(),
        cell::describe(experiment, &of.model, of.variant.as_deref(), of.x),
        cell::describe(experiment, &over.model, over.variant.as_deref(), over.x),
        cell::blocks(experiment, ratio.blocks),
        ratio.told
    );
    let value = quantity::digits(ratio.value);
    let text = if with_interval { format!("{value} ({})", ratio.interval) } else { value };
    Ok(html::figure(&text, &title))
}

/// A ratio with what is known of it.
struct Ratio {
    value: f64,
    blocks: u32,
    /// `0.58–0.62`.
    interval: String,
    /// What the interval is, and what it says.
    told: String,
}

/// The ratio as the experiment compares the two, if it does.
fn compared(
    experiment: &Experiment,
    of: &Statistic,
    over: &Statistic,
    figure: Figure,
) -> Option<Ratio> {
    let cell =
        |at: &Statistic| Cell { model: at.model.clone(), variant: at.variant.clone(), x: at.x };
    let found = cell::comparison(experiment, figure, &cell(of), &cell(over))?;
    let interval = quantity::ratios(found.low, found.high);
    let why = found.why.iter().fold(String::new(), |_, why| format!(" ({why})"));
    let told = format!(
        "{}: {}{why}",
        cell::interval(found.blocks, &interval),
        found.standing.label(figure)
    );
    Some(Ratio { value: found.ratio, blocks: found.blocks, interval, told })
}

/// The ratio of two points that the experiment does not compare: nobody has judged it.
fn measured(
    experiment: &Experiment,
    of: &Statistic,
    over: &Statistic,
    figure: Figure,
) -> Option<Ratio> {
    let cell =
        |at: &Statistic| Cell { model: at.model.clone(), variant: at.variant.clone(), x: at.x };
    let estimate = Measured::of(experiment).ratio(&cell(of), &cell(over), figure)?;
    let interval = quantity::ratios(estimate.low, estimate.high);
    Some(Ratio {
        value: estimate.value,
        blocks: estimate.blocks,
        told: cell::interval(estimate.blocks, &interval),
        interval,
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{missing, render, render_in, render_without_results, wrong};
    use crate::fixture;

    #[test]
    fn a_ratio_is_taken_within_blocks() {
        // Blocks drift; the ratio within each is 16.
        let ratio = render("{{ratio starvation event-loop 64 served over=thread-pool}}").unwrap();
        assert!(ratio.ends_with(">16</span>"), "{ratio}");
        assert!(ratio.contains("event-loop, 64 connections over thread-pool, 64 connections"));
        let ratio = render("{{ratio starvation thread-pool 64 served over-x=2}}").unwrap();
        assert!(ratio.ends_with(">2</span>"), "{ratio}");
    }

    #[test]
    fn what_the_experiment_compares_has_its_interval_and_verdict() {
        let text = "{{ratio starvation thread-pool 64 longest_wait_ms over=event-loop}}";
        let ratio = render(text).unwrap();
        assert!(ratio.ends_with(">3</span>"), "{ratio}");
        assert!(ratio.contains("9 blocks, 95 % interval 2.00–4.00: slower\""), "{ratio}");
        let shown = render(&text.replace("}}", " show=interval}}")).unwrap();
        assert!(shown.ends_with(">3 (2.00–4.00)</span>"), "{shown}");
        assert!(wrong(&text.replace("}}", " show=all}}")).contains("show=all"));
    }

    #[test]
    fn without_a_common_block_there_is_no_ratio() {
        let text = "{{ratio starvation event-loop 64 served over=thread-pool}}";
        assert_eq!(missing(render_without_results(text)), "cargo lab bench starvation");

        let folder = tempfile::tempdir().unwrap();
        fixture::results(folder.path());
        let mut experiment = fixture::starvation();
        experiment.trials.retain(|trial| trial.model != "thread-pool");
        experiment.comparisons.clear();
        results::Store::new(folder.path().join("results")).write_experiment(&experiment).unwrap();
        assert_eq!(missing(render_in(folder.path(), text)), "cargo lab bench starvation");
    }

    #[test]
    fn a_misspelt_ratio_is_wrong() {
        assert!(wrong("{{ratio starvation event-loop 64 served}}").contains("over=MODEL"));
        let reason = wrong("{{ratio starvation event-loop 64 served over=thread-poll}}");
        assert!(reason.contains("did you mean `thread-pool`?"), "{reason}");
        let reason = wrong("{{ratio starvation event-loop 64 served under=thread-pool}}");
        assert!(reason.contains("unknown option `under`"), "{reason}");
    }
}
