//! One source after the other: the job takes as long as all of them together.

use crate::{Job, fetch::fetch, report::Found};

// ANCHOR: fetch_all
pub(super) fn fetch_all(job: &Job) -> Found {
    let mut found = Found::default();
    for number in job.sources.clone() {
        found.add(number, fetch(job, number));
    }
    found
}
// ANCHOR_END: fetch_all
