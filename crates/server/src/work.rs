//! Running the work that requests ask for.

use std::{panic, thread};

use service::{Done, Failed, Job, Work, compute};

/// Runs a job on this thread, which does nothing else meanwhile.
///
/// A panic is the end of the job, not of the thread.
#[must_use]
#[expect(clippy::missing_panics_doc, reason = "its panic is caught here")]
pub fn run(job: Job) -> Done {
    let outcome = panic::catch_unwind(|| match job.work {
        Work::Block(duration) => thread::sleep(duration),
        Work::Compute { units } => {
            let _ = compute(units);
        }
        Work::Panic => panic!("a request asked for a panic"),
    });
    Done { id: job.id, outcome: outcome.map_err(|_| Failed::Panicked) }
}
