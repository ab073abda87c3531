//! A thread for each source: all wait at once, each on a stack of its own.

use std::{io, thread};

use crate::{Job, fetch::fetch, report::Found, usage::Usage};

// ANCHOR: fetch_all
pub(super) fn fetch_all(job: &Job, usage: &Usage) -> io::Result<Found> {
    thread::scope(|scope| {
        let threads: io::Result<Vec<_>> = job
            .sources
            .clone()
            .map(|number| {
                thread::Builder::new().name(format!("source-{number}")).spawn_scoped(
                    scope,
                    move || {
                        let _running = usage.thread();
                        Found::of(number, fetch(job, number))
                    },
                )
            })
            .collect();
        let found = threads?.into_iter().map(thread::ScopedJoinHandle::join);
        let found = found.map(|joined| joined.map_err(|_| io::Error::other("a thread panicked")));
        found.reduce(|all, one| Ok(all?.merge(one?))).unwrap_or_else(|| Ok(Found::default()))
    })
}
// ANCHOR_END: fetch_all
