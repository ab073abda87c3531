//! `{{verdict EXPERIMENT MODEL X FIGURE over=MODEL}}`: who has more, in words that a
//! sentence can hold, and that the results decide.
//!
//! It becomes `more than`, `less than`, `about as much as`, `not told apart from` or
//! `not comparable with`: write `the p99 of a pool is {{verdict …}} that of a loop`. The
//! options are those of `{{ratio …}}`. So no sentence can say what was not measured.

use crate::{
    directive::Directive,
    evidence::{Evidence, Failure},
    pair::{OPTIONS, Pair},
};

const USAGE: &str = "verdict EXPERIMENT MODEL X FIGURE [variant=NAME] \
                     [over=MODEL] [over-x=X] [over-variant=NAME]";

pub(super) fn render(directive: &Directive<'_>, evidence: &Evidence) -> Result<String, Failure> {
    let [options @ .., _show] = &OPTIONS;
    let pair = Pair::read(directive, evidence, options, USAGE)?;
    Ok(pair.show(pair.comparison.than()))
}

#[cfg(test)]
mod tests {
    use results::{Experiment, Standing, Store};

    use super::super::testing::{missing, render, render_in, render_without_results, wrong};
    use crate::fixture;

    const WAIT: &str = "{{verdict starvation thread-pool 64 longest_wait_ms over=event-loop}}";
    const SERVED: &str = "{{verdict starvation thread-pool 64 served over-x=2}}";

    /// Renders `text` against the fixture's experiment, changed.
    fn changed(text: &str, change: impl Fn(&mut Experiment)) -> String {
        let folder = tempfile::tempdir().unwrap();
        fixture::results(folder.path());
        let mut experiment = fixture::starvation();
        change(&mut experiment);
        Store::new(folder.path().join("results")).write_experiment(&experiment).unwrap();
        render_in(folder.path(), text).unwrap()
    }

    #[test]
    fn the_words_follow_the_comparison() {
        let more = render(WAIT).unwrap();
        assert!(more.ends_with(">more than</span>"), "{more}");
        assert!(more.contains("3.00 95 % interval [2.00, 4.00]: slower\""), "{more}");
        for (standing, words) in [
            (Standing::Better, "less than"),
            (Standing::Equivalent, "about as much as"),
            (Standing::Inconclusive, "not told apart from"),
            (Standing::Unlike, "not comparable with"),
        ] {
            let text = changed(WAIT, |e| e.comparisons[0].standing = standing);
            assert!(text.ends_with(&format!(">{words}</span>")), "{text}");
        }
    }

    #[test]
    fn a_comparison_is_read_from_either_side() {
        let turned = "{{verdict starvation event-loop 64 longest_wait_ms over=thread-pool}}";
        let less = render(turned).unwrap();
        assert!(less.ends_with(">less than</span>"), "{less}");
        assert!(less.contains("0.33 95 % interval [0.25, 0.50]: faster"), "{less}");
    }

    #[test]
    fn what_is_not_compared_is_held_against_the_same_edge() {
        let more = render(SERVED).unwrap();
        assert!(more.ends_with(">more than</span>"), "{more}");
        let alike = changed(SERVED, |e| e.compare.equivalent = 2.0);
        assert!(alike.ends_with(">about as much as</span>"), "{alike}");
        let early = changed(SERVED, |e| e.complete = false);
        assert!(early.ends_with(">not told apart from</span>"), "{early}");
        let few = changed(SERVED, |e| e.trials.retain(|trial| trial.block < 2));
        assert!(few.ends_with(">not told apart from</span>"), "{few}");
        let strayed = changed(SERVED, |e| {
            let twice = e.trials.iter().filter(|t| t.model == "thread-pool" && t.x > 60.0);
            let mut again: Vec<results::Trial> = twice.cloned().collect();
            for trial in &mut again {
                trial.control = true;
                trial.figures.values_mut().for_each(|value| *value *= 3.0);
            }
            e.trials.append(&mut again);
        });
        assert!(strayed.ends_with(">not told apart from</span>"), "{strayed}");
    }

    #[test]
    fn what_is_missing_or_misspelt_is_told() {
        assert_eq!(missing(render_without_results(WAIT)), "cargo lab bench starvation");
        assert!(wrong("{{verdict starvation event-loop 64 served}}").contains("over=MODEL"));
        let reason = wrong(&WAIT.replace("}}", " show=interval}}"));
        assert!(reason.contains("unknown option `show`"), "{reason}");
    }
}
