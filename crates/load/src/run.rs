//! A run from its plan to its report: one generator a thread, the first on the
//! caller's own.

use std::{
    panic,
    sync::atomic::{AtomicBool, Ordering},
    thread::{self, ScopedJoinHandle},
};

use crate::{
    crew::Crew,
    drops::accept_drops,
    error::Error,
    fault::Fault,
    findings::Findings,
    generator::Generator,
    limits::allow_connections,
    observer::Observer,
    plan::Plan,
    prepare::prepare,
    report::Report,
    share::Share,
    slow::{Slow, SlowReaders},
    stall::stall,
    verdict,
};

/// Runs `plan` against its target and reports what happened.
///
/// Takes at most the plan's connect timeout, longest warm-up, duration and grace
/// together, the connect timeout again for what is prepared and for slow readers,
/// and the time to sample memory if that is asked for. Setting `interrupt` ends
/// the run, once it connects, with a report of what there is. The soft
/// descriptor limit of the process is raised if the plan needs it.
///
/// # Errors
///
/// Only what keeps the generator itself from running. Whatever the server does
/// is in the report, a server that is not there included.
pub fn run(plan: &Plan, interrupt: &AtomicBool) -> Result<Report, Error> {
    plan.check()?;
    // Threads have an epoll instance each.
    allow_connections(plan.connections + plan.slow_readers + plan.threads)?;
    prepare(plan)?;
    let mut observer = Observer::new(plan)?;
    let drops_before = accept_drops();
    let slow = Slow::connect(plan);
    let crew = Crew::new(plan, interrupt);
    let (generators, beside) = accompany(&crew, slow, || generate(&crew, &mut observer))?;
    let (leader, others) = generators;
    let end = crew.clock.now();
    let (watched, errors) = observer.told();
    let others = others.into_iter().map(Generator::findings);
    let mut findings = others.fold(leader.findings(), Findings::and);
    findings.ledger.errors.add(errors);
    if let Some(fault) = beside.fault {
        findings.ledger.errors.count("stalling", &fault);
    }
    let mut report = Report::of(plan, findings, end, watched);
    report.accept_drops =
        accept_drops().zip(drops_before).map(|(after, before)| after.saturating_sub(before));
    report.slow_readers = beside.slow;
    report.interrupted = interrupt.load(Ordering::Relaxed);
    verdict::pass(&mut report, plan);
    Ok(report)
}

/// What accompanied the generators, told.
struct Beside {
    slow: Option<SlowReaders>,
    /// Why the watched process was not stopped though the plan asked for it.
    fault: Option<Fault>,
}

/// Runs `generators`, and beside them what the plan wants, for as long as they run.
fn accompany<T>(
    crew: &Crew,
    slow: Option<Slow>,
    generators: impl FnOnce() -> Result<T, Error>,
) -> Result<(T, Beside), Error> {
    thread::scope(|scope| {
        let _finish = Finish(crew); // Whatever happens: the scope waits for all its threads.
        let slow = slow.map(|slow| named("load-slow").spawn_scoped(scope, || slow.run(crew)));
        let stalling = crew.plan.stall.zip(crew.plan.watch);
        let stall = stalling.map(|(plan, pid)| {
            named("load-stall").spawn_scoped(scope, move || stall(plan, pid, crew))
        });
        let no_thread = |why| Error::io("start another thread")(why);
        let slow = slow.transpose().map_err(no_thread)?;
        let stall = stall.transpose().map_err(no_thread)?;
        let found = generators()?;
        crew.finish();
        let fault = stall.and_then(|stall| joined(stall).err());
        Ok((found, Beside { slow: slow.map(joined), fault }))
    })
}

pub(crate) fn named(name: &str) -> thread::Builder {
    thread::Builder::new().name(name.to_owned())
}

pub(crate) fn joined<T>(thread: ScopedJoinHandle<T>) -> T {
    thread.join().unwrap_or_else(|why| panic::resume_unwind(why))
}

/// Ends what accompanies the generators.
struct Finish<'a>(&'a Crew<'a>);

impl Drop for Finish<'_> {
    fn drop(&mut self) {
        self.0.finish();
    }
}

/// Runs a generator on this thread, which leads, and on as many more as the plan asks for.
fn generate<'a>(
    crew: &'a Crew<'a>,
    observer: &mut Observer,
) -> Result<(Generator<'a>, Vec<Generator<'a>>), Error> {
    thread::scope(|scope| {
        let mut others = Vec::new();
        for first in 1..crew.plan.threads {
            let follower = named(&format!("load-{first}"))
                .spawn_scoped(scope, move || attend(crew, first, None));
            match follower {
                Ok(follower) => others.push(follower),
                Err(why) => {
                    crew.abandon();
                    return Err(Error::io("start another thread")(why));
                }
            }
        }
        let leader = attend(crew, 0, Some(observer));
        let others: Vec<_> = others.into_iter().map(joined).collect();
        observer.finish(); // All connections are still open.
        Ok((leader?, others.into_iter().collect::<Result<_, _>>()?))
    })
}

/// One thread's part in the run.
fn attend<'a>(
    crew: &'a Crew<'a>,
    first: usize,
    leads: Option<&mut Observer>,
) -> Result<Generator<'a>, Error> {
    let mut part = Part::new(crew);
    let mut generator = Generator::new(crew, Share::new(first, crew.plan.threads))?;
    generator.run(leads)?;
    part.done();
    Ok(generator)
}

/// Tells the others if a thread leaves early, by an error or a panic.
pub(crate) struct Part<'a> {
    crew: &'a Crew<'a>,
    done: bool,
}

impl<'a> Part<'a> {
    pub(crate) fn new(crew: &'a Crew<'a>) -> Self {
        Self { crew, done: false }
    }

    pub(crate) fn done(&mut self) {
        self.done = true;
    }
}

impl Drop for Part<'_> {
    fn drop(&mut self) {
        if !self.done {
            self.crew.abandon();
        }
    }
}
