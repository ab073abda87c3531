//! `{{ratio EXPERIMENT MODEL X FIGURE over=MODEL}}`: how many times as much.
//!
//! The ratio is taken within each block, where the machine was the same for both; its
//! interval and verdict are told with it. `over-x=` and `over-variant=` choose another
//! point of the same or of another model; `show=interval` adds the interval.

use crate::{
    directive::Directive,
    evidence::{Evidence, Failure},
    pair::{OPTIONS, Pair},
    quantity,
};

const USAGE: &str = "ratio EXPERIMENT MODEL X FIGURE [variant=NAME] \
                     [over=MODEL] [over-x=X] [over-variant=NAME] [show=interval]";

pub(super) fn render(directive: &Directive<'_>, evidence: &Evidence) -> Result<String, Failure> {
    let pair = Pair::read(directive, evidence, &OPTIONS, USAGE)?;
    let text = match directive.option("show") {
        None => quantity::narrow(&results::ratio(pair.comparison.ratio)),
        Some("interval") => pair.comparison.told(),
        Some(other) => return Err(format!("show={other}; write {{{{{USAGE}}}}}").into()),
    };
    Ok(pair.show(&text))
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
        assert!(ratio.contains("event-loop over thread-pool (64 connections)"));
        let ratio = render("{{ratio starvation thread-pool 64 served over-x=2}}").unwrap();
        assert!(ratio.ends_with(">2.00</span>"), "{ratio}");
    }

    #[test]
    fn what_the_experiment_compares_has_its_interval_and_verdict() {
        let text = "{{ratio starvation thread-pool 64 longest_wait_ms over=event-loop}}";
        let ratio = render(text).unwrap();
        assert!(ratio.ends_with(">3.00</span>"), "{ratio}");
        assert!(ratio.contains("9 blocks, 3.00 95 % interval [2.00, 4.00]: slower\""), "{ratio}");
        let shown = render(&text.replace("}}", " show=interval}}")).unwrap();
        assert!(shown.ends_with(">3.00 [2.00, 4.00]</span>"), "{shown}");
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
