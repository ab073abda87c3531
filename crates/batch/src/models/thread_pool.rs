//! A fixed set of threads: as many sources are waited for at once as there are
//! workers. The rest wait for a worker.

use std::io;

use rayon::{
    ThreadPoolBuilder,
    iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator},
};

use crate::{Job, fetch::fetch, report::Found, usage::Usage};

// ANCHOR: fetch_all
pub(super) fn fetch_all(job: &Job, usage: &Usage) -> io::Result<Found> {
    let work = |worker: rayon::ThreadBuilder| {
        let _running = usage.thread();
        worker.run();
    };
    let fetch_all = |pool: &rayon::ThreadPool| {
        pool.install(|| {
            job.sources
                .clone()
                .into_par_iter()
                .with_max_len(1) // A source is worth a hand-over: it is waited for.
                .map(|number| Found::of(number, fetch(job, number)))
                .reduce(Found::default, Found::merge)
        })
    };
    ThreadPoolBuilder::new()
        .num_threads(job.workers.get())
        .build_scoped(work, fetch_all)
        .map_err(io::Error::other)
}
// ANCHOR_END: fetch_all
