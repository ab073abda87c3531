//! A process a core, each with a loop and its share of the sources. Processes
//! share nothing: each adds up its part, and the first adds up the parts.

use std::{
    env,
    io::{self, Read},
    process::{self, Child, Command, Stdio},
};

use crate::{Job, Model, Report, report::Found, usage::Usage};

// ANCHOR: fetch_all
pub(super) fn fetch_all(job: &Job, usage: &Usage) -> io::Result<Found> {
    let mut children = Vec::new();
    for part in parts(job) {
        children.push(start(&part)?);
    }
    let mut found = Found::default();
    for child in children {
        let report = finish(child)?;
        usage.child(&report);
        let part = Found { aggregate: report.aggregate, failures: report.failures };
        found = found.merge(part);
    }
    Ok(found)
}
// ANCHOR_END: fetch_all

/// The job in as many parts as there are workers, as alike as can be.
fn parts(job: &Job) -> impl Iterator<Item = Job> {
    let workers = u32::try_from(job.workers.get()).unwrap_or(u32::MAX);
    let (begin, end) = (job.sources.start, job.sources.end);
    let share = (end - begin).div_ceil(workers).max(1);
    (begin..end).step_by(share as usize).map(move |first| {
        let sources = first..end.min(first.saturating_add(share));
        Job { sources, ..job.clone() }
    })
}

/// Another process of this program does a part, by an event loop.
// ANCHOR: start
fn start(part: &Job) -> io::Result<Child> {
    Command::new(env::current_exe()?)
        .args(["batch", Model::EventLoop.name(), "--json"])
        .args(["--part-of", &process::id().to_string()])
        .args(["--server", &part.server.to_string()])
        .args(["--first", &part.sources.start.to_string()])
        .args(["--sources", &part.sources.len().to_string()])
        .args(["--timeout", &format!("{}ms", part.timeout.as_millis())])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
}
// ANCHOR_END: start

fn finish(mut child: Child) -> io::Result<Report> {
    let mut said = String::new();
    if let Some(stdout) = &mut child.stdout {
        stdout.read_to_string(&mut said)?;
    }
    let status = child.wait()?;
    serde_json::from_str(&said)
        .map_err(|_| io::Error::other(format!("a process of the job ended with {status}")))
}

#[cfg(test)]
mod tests {
    use std::{num::NonZeroUsize, time::Duration};

    use super::*;

    #[test]
    fn every_source_is_in_one_part() {
        for (sources, workers) in [(0..10, 3), (5..6, 4), (0..0, 2), (0..8, 2), (3..10, 5)] {
            let job = Job {
                server: "127.0.0.1:1".parse().unwrap(),
                sources: sources.clone(),
                workers: NonZeroUsize::new(workers).unwrap(),
                part: false,
                timeout: Duration::ZERO,
            };
            let parts: Vec<_> = parts(&job).map(|part| part.sources).collect();
            assert!(parts.len() <= workers, "{parts:?}");
            let all: Vec<u32> = parts.into_iter().flatten().collect();
            assert_eq!(all, sources.collect::<Vec<_>>());
        }
    }
}
