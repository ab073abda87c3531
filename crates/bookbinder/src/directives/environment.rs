//! `{{environment}}`: a sentence or two on the machine of the results.

use results::{Environment, core_names};

use crate::{
    directive::Directive,
    evidence::{Evidence, Failure, Missing},
    html, quantity,
};

pub(super) fn render(directive: &Directive<'_>, evidence: &Evidence) -> Result<String, Failure> {
    let [] = directive.exactly(&[], "environment")?;
    match &evidence.environment {
        Some(environment) => Ok(html::escape(&describe(environment))),
        None => Err(Failure::Missing(Missing::experiment(""))),
    }
}

fn describe(environment: &Environment) -> String {
    let cores = match environment.cores {
        1 => "one core".to_owned(),
        cores => format!("{cores} cores"),
    };
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let memory = quantity::format(results::Unit::Bytes, environment.memory_bytes as f64);
    let pinned = match (&environment.server_cores[..], &environment.client_cores[..]) {
        ([], []) => String::new(),
        (server, client) => format!(
            " The server ran on {}, the load generator on {}.",
            core_names(server),
            core_names(client)
        ),
    };
    let day = environment.started.split('T').next().unwrap_or_default();
    let remarks = match &environment.remarks[..] {
        [] => String::new(),
        remarks => {
            let remarks = remarks.iter().map(|remark| remark.trim_end_matches('.'));
            format!(" Before the run: {}.", remarks.collect::<Vec<_>>().join("; "))
        }
    };
    format!(
        "{} with {cores} and {memory} of memory, {}, {}.{pinned} Measured on {day}, at commit {}.{remarks}",
        environment.cpu, environment.kernel, environment.rustc, environment.commit
    )
}

#[cfg(test)]
mod tests {
    use super::super::testing::{missing, render, render_without_results, wrong};

    #[test]
    fn the_machine_is_named_or_missing() {
        assert_eq!(
            render("{{environment}}").unwrap(),
            "Example CPU with 2 cores and 8\u{202f}GiB of memory, Linux 6.1, rustc 1.88.0. \
             The server ran on core 0, the load generator on core 1. \
             Measured on 2025-01-02, at commit abc1234. \
             Before the run: others use core 1 to 30 %; the governor is slow."
        );
        assert_eq!(missing(render_without_results("{{environment}}")), "cargo lab bench");
        assert!(wrong("{{environment here}}").contains("{{environment}}"));
    }
}
