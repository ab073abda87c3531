//! A run from its first socket to its report, in one thread.

use std::{
    io,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use mio::{Events, Poll};

use crate::{
    clock::{Clock, NEVER, nanoseconds},
    connection::Connection,
    error::Error,
    fault::{Cause, Fault},
    ledger::Ledger,
    limits::allow_connections,
    own::Usage,
    pacing::Pacing,
    plan::{Mode, Plan},
    report::Report,
    script::Script,
    watch::{Memory, Sample, Watch, Watched},
};

/// Longest wait without a look at the interrupt flag.
pub(crate) const NAP: Duration = Duration::from_millis(100);

/// Events taken from the kernel at once. Few enough that an answer does not
/// wait long in our own hands before its instant is noted.
const EVENTS: usize = 64;

/// Read buffer, shared by all connections.
const BUFFER: usize = 128 * 1024;

/// Everything that one thread of traffic owns.
#[derive(Debug)]
pub(crate) struct Generator<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) interrupt: &'a AtomicBool,
    pub(crate) clock: Clock,
    pub(crate) poll: Poll,
    pub(crate) connections: Vec<Connection>,
    pub(crate) script: Script,
    pub(crate) pacing: Pacing,
    pub(crate) ledger: Ledger,
    pub(crate) buffer: Box<[u8]>,
    /// Handshakes under way, connections established and not ended, and answers owed.
    pub(crate) connecting: usize,
    pub(crate) live: usize,
    pub(crate) outstanding: usize,
    /// New requests may be made.
    pub(crate) sending: bool,
    /// When traffic began; never, while it has not.
    pub(crate) traffic_at: u64,
    /// Time in the window in which the generator did not run, or not keep up.
    pub(crate) stalled_ns: u64,
    /// What this thread used in the window.
    pub(crate) usage: Usage,
}

/// Runs `plan` against its target and reports what happened.
///
/// Takes at most the plan's connect timeout, warm-up, duration and grace
/// together, and the time to sample memory if that is asked for. Setting
/// `interrupt` ends the run at once with a report of what there is. The soft
/// descriptor limit of the process is raised if the plan needs it.
///
/// # Errors
///
/// Only what keeps the generator itself from running. Whatever the server does
/// is in the report, a server that is not there included.
pub fn run(plan: &Plan, interrupt: &AtomicBool) -> Result<Report, Error> {
    plan.check()?;
    allow_connections(plan.connections)?;
    let watch = plan.watch.map(Watch::new).transpose()?;
    let mut watched = match (&watch, plan.watch) {
        (Some(watch), Some(pid)) => {
            let memory = plan.watch_memory.then(|| watch.memory()).transpose()?;
            let before = Sample { memory, ..watch.sample()? };
            Some(Watched { pid, before, start: None, end: None })
        }
        _ => None,
    };
    let mut generator = Generator::new(plan, interrupt)?;
    let mut events = Events::with_capacity(EVENTS);
    generator.connect(&mut events)?;
    generator.traffic(&mut events, watch.as_ref(), watched.as_mut())?;
    Ok(Report::of(generator, watched))
}

impl<'a> Generator<'a> {
    fn new(plan: &'a Plan, interrupt: &'a AtomicBool) -> Result<Self, Error> {
        let script = Script::new(plan);
        let is_open_loop = matches!(plan.mode, Mode::Open { .. });
        Ok(Self {
            plan,
            interrupt,
            poll: Poll::new().map_err(Error::io("create an epoll instance"))?,
            connections: (0..plan.connections).map(|_| Connection::new()).collect(),
            ledger: Ledger::new(is_open_loop, script.has_slow()),
            script,
            pacing: Pacing::Silent,
            buffer: vec![0; BUFFER].into(),
            connecting: 0,
            live: 0,
            outstanding: 0,
            sending: false,
            traffic_at: NEVER,
            stalled_ns: 0,
            usage: Usage::default(),
            // Last, so that the connect timeout does not pay for the payloads.
            clock: Clock::start(),
        })
    }

    /// Warm-up, window and grace period.
    fn traffic(
        &mut self,
        events: &mut Events,
        watch: Option<&Watch>,
        mut watched: Option<&mut Watched>,
    ) -> Result<(), Error> {
        self.start();
        if matches!(self.plan.mode, Mode::Idle { probe: true }) {
            self.probe(events)?;
        }
        let warm = self.clock.now().saturating_add(nanoseconds(self.plan.warmup));
        self.drive(events, warm, false)?;
        let memory = self.sample_memory(watch);
        if memory.is_some() {
            // Traffic stood still meanwhile. Give it as long to settle.
            let now = self.clock.now();
            self.drive(events, now.saturating_add(now.saturating_sub(warm)), false)?;
        }
        if !self.is_interrupted() {
            let start = self.sample(watch).map(|sample| Sample { memory, ..sample });
            self.window(events)?;
            let end = self.sample(watch);
            self.finish(events)?;
            let memory = self.sample_memory(watch);
            if let Some(watched) = &mut watched {
                watched.start = start;
                watched.end = end.map(|sample| Sample { memory, ..sample });
            }
        }
        Ok(())
    }

    /// The barrier is passed: every connection is established or has failed.
    fn start(&mut self) {
        let now = self.clock.now();
        let live: Vec<u32> = (0..)
            .zip(&self.connections)
            .filter_map(|(id, connection)| connection.is_live().then_some(id))
            .collect();
        self.pacing = Pacing::new(self.plan, now, &live);
        self.traffic_at = now;
        self.sending = true;
    }

    /// Asks once on every connection, within the time for connecting.
    fn probe(&mut self, events: &mut Events) -> Result<(), Error> {
        for id in 0..self.connections.len() {
            if self.connections[id].is_live() {
                let now = self.clock.now();
                self.connections[id].asked_at = now;
                self.send(id, now, now);
            }
        }
        self.drive(events, nanoseconds(self.plan.connect_timeout), true)
    }

    /// The measured window: from now, for the plan's duration.
    fn window(&mut self, events: &mut Events) -> Result<(), Error> {
        let before = Usage::now();
        let start = self.clock.now();
        let end = start.saturating_add(nanoseconds(self.plan.duration));
        (self.ledger.start, self.ledger.end) = (start, end);
        self.drive(events, end, false)?;
        self.usage = Usage::now().since(before);
        // Cut short, by an interrupt or because nobody is left: the window is what was.
        self.ledger.end = end.min(self.clock.now());
        Ok(())
    }

    /// Waits for the answers that are owed.
    fn finish(&mut self, events: &mut Events) -> Result<(), Error> {
        self.dispatch(self.ledger.end, self.ledger.end);
        self.sending = false;
        let until = self.ledger.end.saturating_add(nanoseconds(self.plan.grace));
        self.drive(events, until, true)
    }

    pub(crate) fn poll(&mut self, events: &mut Events, wait: Duration) -> Result<(), Error> {
        match self.poll.poll(events, Some(wait)) {
            // A signal, perhaps the one that set the interrupt flag.
            Err(why) if why.kind() == io::ErrorKind::Interrupted => {
                events.clear();
                Ok(())
            }
            done => done.map_err(Error::io("wait for events")),
        }
    }

    pub(crate) fn is_interrupted(&self) -> bool {
        self.interrupt.load(Ordering::Relaxed)
    }

    fn sample(&mut self, watch: Option<&Watch>) -> Option<Sample> {
        let sampled = watch?.sample();
        self.told(sampled)
    }

    fn sample_memory(&mut self, watch: Option<&Watch>) -> Option<Memory> {
        let sampled = watch.filter(|_| self.plan.watch_memory)?.memory();
        self.told(sampled)
    }

    /// Notes once that the watched process is gone.
    fn told<T>(&mut self, sampled: Result<T, Error>) -> Option<T> {
        let why = match sampled {
            Ok(value) => return Some(value),
            Err(why) => why,
        };
        if self.ledger.errors.server_died == 0 {
            let cause = match why {
                Error::NoProcess { .. } => Cause::ServerDied,
                _ => Cause::Other,
            };
            self.ledger.errors.count("watching", &Fault::new(cause, why.to_string()));
        }
        None
    }
}
