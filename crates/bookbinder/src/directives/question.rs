//! `{{question EXPERIMENT}}`: what an experiment asks.

use crate::{
    directive::Directive,
    evidence::{Evidence, Failure},
    html,
};

pub(super) fn render(directive: &Directive<'_>, evidence: &Evidence) -> Result<String, Failure> {
    let [experiment] = directive.exactly(&[], "question EXPERIMENT")?;
    Ok(html::escape(evidence.experiment(experiment)?.question.trim()))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{missing, render, render_without_results, wrong};

    #[test]
    fn the_question_is_shown_missing_or_misspelt() {
        let text = "{{question starvation}}";
        assert_eq!(render(text).unwrap(), "Of N held connections, how many are served?");
        assert_eq!(missing(render_without_results(text)), "cargo lab bench starvation");
        assert!(wrong("{{question starvatoin}}").contains("did you mean `starvation`?"));
    }
}
