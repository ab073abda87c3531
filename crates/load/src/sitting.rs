//! Servers loaded in turn, a slice at a time, so that the noise of the machine
//! falls on all of them.
//!
//! ```text
//! connect all ─▶ round: │ a │ c │ b │ d │ ─▶ round: │ d │ b │ a │ c │ ─▶ … ─▶ Seats
//!                         │
//!                         └ clock ─ ramp, answered ─ clock ─ slice, answered ─ clock
//! ```
//!
//! One generator has connections to all servers, and asks one of them at a time.
//! A slice begins with a ramp, in which the server finds its caches again. The
//! ramp's answers are waited for, the server's CPU clock is read while it has
//! nothing to do, and only then the counted part begins; it too ends when its
//! answers are in. So each reading of a clock is exact: nothing is under way.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use mio::Events;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::{
    clock::{NEVER, nanoseconds},
    crew::Crew,
    error::Error,
    findings::Findings,
    generator::{EVENTS, Generator},
    limits::allow_connections,
    observer::Observer,
    order::Orders,
    own::Usage,
    pacing::Pacing,
    plan::{Mode, Plan},
    prepare::prepare,
    report::Report,
    run::{Part, joined, named},
    share::Share,
    verdict,
};

/// How far the length of a slice strays from the plan's, as a share of it: whatever
/// has a period on this machine must not meet the same server again and again.
const JITTER: f64 = 0.1;

/// Far more than anybody waits for.
const MOST_ROUNDS: u32 = 1_000_000;
const MOST_ROUNDS_BEFORE: u32 = 1_000_000_000;

/// Servers that are loaded in turn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sitting {
    /// What each server is asked. `warmup` is the ramp of each slice, `duration` the
    /// length of its counted part, more or less a tenth, and `grace` how long either
    /// is waited for its last answers. All have as many threads.
    pub plans: Vec<Plan>,
    /// How often each server gets a slice.
    pub rounds: u32,
    /// Rounds of the same servers in sittings before this one: who follows whom is
    /// balanced over all of them.
    #[serde(default)]
    pub rounds_before: u32,
    /// Decides the order and the lengths of slices; that of each plan decides what
    /// is asked.
    pub seed: u64,
}

/// What one server of a sitting did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seat {
    /// All slices together. The window is the sum of their counted parts.
    pub report: Report,
    /// Its slices, one a round.
    pub slices: Vec<Slice>,
    /// CPU time that the server used between its slices, while others were loaded.
    pub outside_cpu_seconds: Option<f64>,
}

/// One server's slice of one round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slice {
    /// Answers of the counted part, its last ones included.
    pub answered: u64,
    /// CPU time that the server used for them.
    pub server_cpu_ns: u64,
    /// CPU time that the generator used for them.
    pub client_cpu_ns: u64,
    /// From the first request to the last answer.
    pub length_ns: u64,
    /// Answers of the ramp, and the server's CPU time for those.
    pub ramp_answered: u64,
    /// See `ramp_answered`.
    pub ramp_cpu_ns: u64,
}

/// What is read of a server's clock at the edges of its slice.
#[derive(Clone, Copy, Debug, Default)]
struct Edges {
    begin: Option<u64>,
    ramped: Option<u64>,
    end: Option<u64>,
}

/// A generator of one thread for one server, with its slices.
struct Turns<'a> {
    generator: Generator<'a>,
    events: Events,
    slices: Vec<Slice>,
}

/// Loads the servers of `sitting` in turn and reports what each of them did, in
/// the order of the plans.
///
/// Setting `interrupt` ends the sitting with what there is. The soft descriptor
/// limit of the process is raised if the plans need it.
///
/// # Errors
///
/// Only what keeps the generator itself from running. Whatever a server does is in
/// its report.
pub fn sit(sitting: &Sitting, interrupt: &AtomicBool) -> Result<Vec<Seat>, Error> {
    sitting.check()?;
    let plans = &sitting.plans;
    allow_connections(plans.iter().map(|plan| plan.connections + plan.threads).sum())?;
    plans.iter().try_for_each(prepare)?;
    let mut observers = plans.iter().map(Observer::new).collect::<Result<Vec<_>, _>>()?;
    let crews: Vec<Crew> = plans.iter().map(|plan| Crew::new(plan, interrupt)).collect();
    let (threads, edges) = attend_all(sitting, &crews, &mut observers)?;
    // From a row a thread to a row a server.
    let mut rows: Vec<Vec<Turns>> = crews.iter().map(|_| Vec::new()).collect();
    for thread in threads {
        rows.iter_mut().zip(thread).for_each(|(row, turns)| row.push(turns));
    }
    let seats = rows.into_iter().zip(observers).zip(edges).zip(&crews);
    let told = seats.map(|(((turns, observer), edges), crew)| {
        let mut seat = seat(crew, turns, observer, &edges);
        seat.report.interrupted = interrupt.load(Ordering::Relaxed);
        verdict::pass(&mut seat.report, crew.plan);
        seat
    });
    Ok(told.collect())
}

impl Sitting {
    fn check(&self) -> Result<(), Error> {
        let refuse = |why: &str| Err(Error::Plan(why.to_owned()));
        let Some(first) = self.plans.first() else {
            return refuse("the sitting has no plans; name at least one server");
        };
        if self.rounds == 0 {
            return refuse("rounds is 0; ask for at least 1");
        }
        if self.rounds > MOST_ROUNDS || self.rounds_before > MOST_ROUNDS_BEFORE {
            return refuse("rounds is at most 1000000, and rounds_before 1000000000");
        }
        for plan in &self.plans {
            plan.check()?;
            if matches!(plan.mode, Mode::Idle { .. }) {
                return refuse("an idle load has no slices; run it by itself");
            }
            if plan.slow_readers > 0 || plan.stall.is_some() {
                return refuse(
                    "slow readers and stalls do not keep to slices; run their plan by itself",
                );
            }
            if plan.threads != first.threads {
                return refuse("the plans of a sitting differ in threads; give all the same");
            }
        }
        Ok(())
    }
}

/// All threads of the generator, each with its part of every server's connections,
/// and the edges of each server's slices.
type Attended<'a> = (Vec<Vec<Turns<'a>>>, Vec<Vec<Edges>>);

fn attend_all<'a>(
    sitting: &Sitting,
    crews: &'a [Crew<'a>],
    observers: &mut [Observer],
) -> Result<Attended<'a>, Error> {
    let threads = sitting.plans[0].threads;
    thread::scope(|scope| {
        let mut others = Vec::new();
        for first in 1..threads {
            let other = named(&format!("load-{first}"))
                .spawn_scoped(scope, move || attend(sitting, crews, first, None));
            match other {
                Ok(other) => others.push(other),
                Err(why) => {
                    crews.iter().for_each(Crew::abandon);
                    return Err(Error::io("start another thread")(why));
                }
            }
        }
        let leader = attend(sitting, crews, 0, Some(observers));
        let others: Vec<_> = others.into_iter().map(joined).collect();
        let (turns, edges) = leader?;
        let mut all = vec![turns];
        for other in others {
            all.push(other?.0);
        }
        Ok((all, edges))
    })
}

/// One thread's part in a sitting. The thread that has the observers leads: it
/// reads the clocks.
fn attend<'a>(
    sitting: &Sitting,
    crews: &'a [Crew<'a>],
    first: usize,
    mut leads: Option<&mut [Observer]>,
) -> Result<(Vec<Turns<'a>>, Vec<Vec<Edges>>), Error> {
    let mut parts: Vec<Part> = crews.iter().map(Part::new).collect();
    let mut servers = Vec::new();
    for crew in crews {
        let mut generator = Generator::new(crew, Share::new(first, crew.plan.threads))?;
        let mut events = Events::with_capacity(EVENTS);
        generator.begin_sitting(&mut events)?;
        servers.push(Turns { generator, events, slices: Vec::new() });
    }
    for observer in leads.iter_mut().flat_map(|all| all.iter_mut()) {
        observer.begin_sitting();
    }
    let mut edges = vec![Vec::new(); crews.len()];
    let mut orders = Orders::new(crews.len(), sitting.seed);
    for _ in 0..sitting.rounds_before {
        orders.next();
    }
    let mut random = ChaCha8Rng::seed_from_u64(sitting.seed ^ u64::from(sitting.rounds_before));
    for _ in 0..sitting.rounds {
        for &place in orders.next() {
            if crews[place].is_over() {
                continue;
            }
            let length = random.random_range(1.0 - JITTER..1.0 + JITTER);
            let observer = leads.as_mut().map(|all| &mut all[place]);
            edges[place].push(servers[place].slice(length, observer)?);
        }
    }
    for observer in leads.iter_mut().flat_map(|all| all.iter_mut()) {
        observer.end();
        observer.finish();
    }
    parts.iter_mut().for_each(Part::done);
    Ok((servers, edges))
}

impl Turns<'_> {
    /// One slice, its length given as a share of the plan's.
    fn slice(&mut self, length: f64, mut observer: Option<&mut Observer>) -> Result<Edges, Error> {
        let Self { generator, events, slices } = self;
        let plan = generator.plan;
        let mut clock = || observer.as_mut().and_then(|observer| observer.cpu_ns());
        let mut edges = Edges { begin: clock(), ..Edges::default() };
        let ramp = generator.burst(events, nanoseconds(plan.warmup), false)?;
        edges.ramped = clock();
        let counted = nanoseconds(plan.duration.mul_f64(length));
        let counted = generator.burst(events, counted, true)?;
        edges.end = clock();
        slices.push(Slice { ramp_answered: ramp.answered, ..counted });
        Ok(edges)
    }
}

impl Generator<'_> {
    /// Connects, and meets the other threads.
    fn begin_sitting(&mut self, events: &mut Events) -> Result<(), Error> {
        let since = self.crew.meet(&[]);
        self.connect(events, since)?;
        self.start();
        (self.sending, self.warming) = (false, false);
        Ok(())
    }

    /// Traffic for `length`, and until its answers are in; counted or not. Whoever
    /// still owes one from before is not asked again. All threads begin together,
    /// and none leaves before the last.
    fn burst(&mut self, events: &mut Events, length: u64, counted: bool) -> Result<Slice, Error> {
        let start = self.crew.meet(&[]);
        if length == 0 {
            return Ok(Slice::default());
        }
        let answered = self.ledger.answered_total;
        let usage = Usage::now();
        let end = start.saturating_add(length);
        if counted {
            (self.ledger.start, self.ledger.end) = (start, end);
        }
        self.pacing = Pacing::new(self.plan, start, self.ready(), self.share);
        self.sending = true;
        self.drive(events, end, false)?;
        self.dispatch(end, end);
        self.sending = false;
        self.drive(events, end.saturating_add(nanoseconds(self.plan.grace)), true)?;
        let usage = Usage::now().since(usage);
        self.given_up = self.outstanding;
        if counted {
            self.close_window(start, usage);
        }
        self.crew.meet(&[]);
        Ok(Slice {
            answered: self.ledger.answered_total - answered,
            client_cpu_ns: usage.cpu,
            length_ns: self.answered_at.max(end).saturating_sub(start),
            ..Slice::default()
        })
    }

    /// Connections that can be asked: in an open loop also those that owe an
    /// answer, since it asks whether or not the server keeps up.
    fn ready(&self) -> Vec<u32> {
        let mut live = self.crew.established();
        if matches!(self.plan.mode, Mode::Closed { .. }) {
            live.retain(|&number| {
                let place = self.share.place(number);
                place.is_none_or(|place| self.connections[place].exchanges.owed() == 0)
            });
        }
        live
    }

    /// Ends a counted part: what is still owed of it counts as unanswered.
    fn close_window(&mut self, start: u64, usage: Usage) {
        let now = self.clock.now();
        let end = self.ledger.end.min(now);
        self.ledger.window_ns += end.saturating_sub(start);
        (self.ledger.start, self.ledger.end) = (NEVER, NEVER);
        self.usage = self.usage.and(usage);
        for connection in &mut self.connections {
            connection.waiting.clear();
            let owed = connection.exchanges.owed_since().filter(|&since| since >= start);
            self.unanswered_ns.extend(owed.map(|since| now - since));
        }
    }
}

/// What the threads did for one server, put together.
fn seat(crew: &Crew, turns: Vec<Turns>, observer: Observer, edges: &[Edges]) -> Seat {
    let end = crew.clock.now();
    let mut slices = vec![Slice::default(); edges.len()];
    for one in &turns {
        for (sum, slice) in slices.iter_mut().zip(&one.slices) {
            sum.answered += slice.answered;
            sum.ramp_answered += slice.ramp_answered;
            sum.client_cpu_ns += slice.client_cpu_ns;
            sum.length_ns = sum.length_ns.max(slice.length_ns);
        }
    }
    let findings = turns.into_iter().map(|one| one.generator.findings());
    let mut findings = findings.reduce(Findings::and).expect("the plans were checked: threads > 0");
    let span = |from: Option<u64>, to: Option<u64>| Some(to?.saturating_sub(from?));
    for (slice, edges) in slices.iter_mut().zip(edges) {
        slice.server_cpu_ns = span(edges.ramped, edges.end).unwrap_or(0);
        slice.ramp_cpu_ns = span(edges.begin, edges.ramped).unwrap_or(0);
    }
    let between = edges.windows(2).map(|pair| span(pair[0].end, pair[1].begin));
    let outside: Option<u64> = between.sum();
    let (watched, errors) = observer.told();
    findings.ledger.errors.add(errors);
    Seat {
        report: Report::of(crew.plan, findings, end, watched),
        slices,
        outside_cpu_seconds: outside.map(crate::clock::seconds),
    }
}
