//! Progress of a bench: a bar on a terminal, plain lines elsewhere.

use std::{
    io::{IsTerminal, stderr},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};
use measure::Event;
use results::core_list;

use crate::console;

/// Steps of the bar.
const STEPS: u32 = 1000;

/// Shows what happens in a run, on standard error.
#[derive(Debug)]
pub(crate) struct Progress {
    /// Absent where standard error is no terminal.
    bar: Option<ProgressBar>,
}

impl Progress {
    pub(crate) fn new() -> Self {
        let bar = stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{bar:24} {percent:>3} %  {wide_msg}")
                .unwrap_or_else(|_| ProgressStyle::default_bar());
            ProgressBar::new(STEPS.into()).with_style(style)
        });
        Self { bar }
    }

    pub(crate) fn show(&mut self, event: &Event) {
        match event {
            Event::Begin { environment, limit: (connections, name), kept, estimate } => {
                self.line(&format!(
                    "{}, {} cores, {}; server on {}, generator on {}",
                    environment.cpu,
                    environment.cores,
                    environment.kernel,
                    cores(&environment.server_cores),
                    cores(&environment.client_cores),
                ));
                self.line(&format!("at most {connections} connections, by {name}"));
                for remark in &environment.remarks {
                    self.line(&format!("beware: {remark}"));
                }
                if *kept > 0 {
                    self.line(&format!(
                        "going on with an interrupted run: {kept} trials are there"
                    ));
                }
                self.line(&format!("about {}", rounded(*estimate)));
            }
            Event::Experiment(definition) => {
                self.line(&format!("{}: {}", definition.name, definition.question));
            }
            Event::Remark(remark) => self.line(&format!("  {remark}")),
            Event::Trial { label, done, left } => {
                if let Some(bar) = &self.bar {
                    #[expect(
                        clippy::cast_possible_truncation,
                        clippy::cast_sign_loss,
                        reason = "a share of 0 to 1"
                    )]
                    bar.set_position((done * f64::from(STEPS)) as u64);
                    bar.set_message(format!("{label} · {} left", rounded(*left)));
                }
            }
            Event::Done(void) => {
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
            None => console::tell(text),
        }
    }
}

fn cores(cores: &[u32]) -> String {
    match cores {
        [] => "any core".to_owned(),
        [core] => format!("core {core}"),
        cores => format!("cores {}", core_list(cores)),
    }
}

/// To the second: a promise of milliseconds would be none.
fn rounded(duration: Duration) -> String {
    humantime::format_duration(Duration::from_secs(duration.as_secs())).to_string()
}
