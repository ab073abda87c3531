//! Progress of a bench: a bar on a terminal, plain lines elsewhere.

use std::{
    io::{IsTerminal, stderr},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};
use measure::Event;

/// Shows what happens in a run, on standard error.
#[derive(Debug)]
pub(crate) struct Progress {
    /// Absent where standard error is no terminal.
    bar: Option<ProgressBar>,
}

impl Progress {
    pub(crate) fn new() -> Self {
        let bar = stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{bar:24} {pos}/{len}  {wide_msg}")
                .unwrap_or_else(|_| ProgressStyle::default_bar());
            ProgressBar::new(0).with_style(style)
        });
        Self { bar }
    }

    pub(crate) fn show(&mut self, event: &Event) {
        match event {
            Event::Begin {
                environment,
                limit: (connections, name),
                trials: (left, kept),
                estimate,
            } => {
                if let Some(bar) = &self.bar {
                    bar.set_length(*left as u64);
                }
                self.line(&format!(
                    "{}, {} cores, {}; server on {}, generator on {}",
                    environment.cpu,
                    environment.cores,
                    environment.kernel,
                    cores(&environment.server_cores),
                    cores(&environment.client_cores),
                ));
                self.line(&format!("at most {connections} connections, by {name}"));
                if *kept > 0 {
                    self.line(&format!(
                        "going on with an interrupted run: {kept} trials are there"
                    ));
                }
                self.line(&format!("{left} trials, about {}", rounded(*estimate)));
            }
            Event::Experiment(definition, trials) => {
                self.line(&format!(
                    "{}: {} ({trials} trials)",
                    definition.name, definition.question
                ));
            }
            Event::Remark(remark) => self.line(&format!("  {remark}")),
            Event::Trial { label, left } => {
                if let Some(bar) = &self.bar {
                    bar.set_message(format!("{label} · {} left", rounded(*left)));
                }
            }
            Event::Done(void) => {
                if let Some(bar) = &self.bar {
                    bar.inc(1);
                }
                if let Some(why) = void {
                    self.line(&format!("  void: {why}"));
                }
            }
        }
    }

    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            None => eprintln!("{text}"),
        }
    }
}

fn cores(cores: &[u32]) -> String {
    match cores {
        [] => "any core".to_owned(),
        [core] => format!("core {core}"),
        cores => {
            format!("cores {}", cores.iter().map(u32::to_string).collect::<Vec<_>>().join(", "))
        }
    }
}

/// To the second: a promise of milliseconds would be none.
fn rounded(duration: Duration) -> String {
    humantime::format_duration(Duration::from_secs(duration.as_secs())).to_string()
}
