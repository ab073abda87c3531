//! A thread for each source: all wait at once, each on a stack of its own.

use std::{
    io,
    thread::{self, Builder},
};

use crate::{Job, fetch::fetch, report::Found, usage::Usage};

// ANCHOR: fetch_all
pub(super) fn fetch_all(job: &Job, usage: &Usage) -> io::Result<Found> {
    thread::scope(|scope| {
        let mut threads = Vec::new();
        for number in job.sources.clone() {
            let fetch = move || {
                let _running = usage.thread();
                Found::of(number, fetch(job, number))
            };
            let thread = Builder::new().name(format!("source-{number}"));
            threads.push(thread.spawn_scoped(scope, fetch)?);
        }
        let mut found = Found::default();
        for thread in threads {
            let one = thread.join().map_err(|_| io::Error::other("a thread panicked"))?;
            found = found.merge(one);
        }
        Ok(found)
    })
}
// ANCHOR_END: fetch_all
