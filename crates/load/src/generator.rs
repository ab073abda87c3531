//! One thread of traffic, from its first socket to its findings.

use std::{io, num::NonZeroU32, time::Duration};

use mio::{Events, Poll};

use crate::{
    clock::{Clock, NEVER, nanoseconds},
    connection::Connection,
    crew::Crew,
    error::Error,
    findings::Findings,
    ledger::Ledger,
    observer::Observer,
    own::Usage,
    pacing::Pacing,
    plan::{Mode, Plan},
    script::Script,
    settling::{Settling, Verdict},
    share::Share,
    sources::Sources,
    stamps::Stamps,
};

/// Longest wait without a look at the interrupt flag.
pub(crate) const NAP: Duration = Duration::from_millis(100);

/// How often a thread looks whether its leader has opened the window, and how
/// long before it begins the leader says so.
const LOOK_NS: u64 = 5_000_000;
const NOTICE_NS: u64 = 20_000_000;

/// Events taken from the kernel at once. Few enough that an answer does not
/// wait long in our own hands before its instant is noted.
pub(crate) const EVENTS: usize = 64;

/// Read buffer, shared by all connections.
const BUFFER: usize = 128 * 1024;

/// Everything that one thread of traffic owns.
#[derive(Debug)]
pub(crate) struct Generator<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) crew: &'a Crew<'a>,
    pub(crate) share: Share,
    pub(crate) clock: Clock,
    pub(crate) poll: Poll,
    pub(crate) sources: Sources,
    pub(crate) connections: Vec<Connection>,
    /// Answers that a connection may owe.
    pub(crate) in_flight: usize,
    /// Requests that a connection may make, and connections made in place of others.
    pub(crate) requests_each: u32,
    pub(crate) renewed: usize,
    pub(crate) script: Script,
    pub(crate) pacing: Pacing,
    pub(crate) ledger: Ledger,
    pub(crate) buffer: Box<[u8]>,
    pub(crate) stamps: Stamps,
    /// Handshakes under way, connections established and not ended, and answers owed.
    pub(crate) connecting: usize,
    pub(crate) live: usize,
    pub(crate) outstanding: usize,
    /// Of these, how many were not answered in the slice that asked for them.
    pub(crate) given_up: usize,
    /// New requests may be made.
    pub(crate) sending: bool,
    /// The leader may ask for the answers so far.
    pub(crate) warming: bool,
    /// When traffic began; never, while it has not.
    traffic_at: u64,
    /// When the sockets were last looked at, and when the last answer came.
    ended_at: u64,
    pub(crate) answered_at: u64,
    /// For how long those were owed that were given up at the end of a slice.
    pub(crate) unanswered_ns: Vec<u64>,
    /// How long the warm-up took, and whether the rate was steady at its end.
    warmup_ns: u64,
    steady: bool,
    /// Time in the window in which the generator did not run, or not keep up.
    pub(crate) stalled_ns: u64,
    /// What this thread used in the window.
    pub(crate) usage: Usage,
}

impl<'a> Generator<'a> {
    pub(crate) fn new(crew: &'a Crew<'a>, share: Share) -> Result<Self, Error> {
        let plan = crew.plan;
        let script = Script::new(plan);
        let renews = plan.requests_per_connection;
        let is_open_loop = matches!(plan.mode, Mode::Open { .. });
        Ok(Self {
            plan,
            crew,
            share,
            clock: crew.clock,
            poll: Poll::new().map_err(Error::io("create an epoll instance"))?,
            sources: Sources::new(plan.target, plan.connections, renews.is_some()),
            requests_each: renews.map_or(u32::MAX, NonZeroU32::get),
            renewed: 0,
            connections: (0..share.of(plan.connections))
                .map(|place| Connection::new(share.number(place)))
                .collect(),
            in_flight: plan.in_flight.get() as usize,
            ledger: Ledger::new(is_open_loop, script.has_slow()),
            script,
            pacing: Pacing::Silent,
            buffer: vec![0; BUFFER].into(),
            stamps: Stamps::new(),
            connecting: 0,
            live: 0,
            outstanding: 0,
            given_up: 0,
            sending: false,
            warming: false,
            traffic_at: NEVER,
            ended_at: 0,
            answered_at: 0,
            unanswered_ns: Vec::new(),
            warmup_ns: 0,
            steady: true,
            stalled_ns: 0,
            usage: Usage::default(),
        })
    }

    /// Connects, and takes part in warm-up, window and grace period. The thread
    /// that has the observer leads: it decides when the window begins.
    pub(crate) fn run(&mut self, leads: Option<&mut Observer>) -> Result<(), Error> {
        let mut events = Events::with_capacity(EVENTS);
        // Together, so that the connect timeout does not pay for the payloads.
        let since = self.crew.meet(&[]);
        self.connect(&mut events, since)?;
        self.start();
        if matches!(self.plan.mode, Mode::Idle { probe: true }) {
            self.probe(&mut events)?;
            self.crew.meet(&[]);
        }
        match leads {
            Some(observer) => self.lead(&mut events, observer)?,
            None => self.follow(&mut events)?,
        }
        self.ended_at = self.clock.now();
        Ok(())
    }

    /// The barrier: every connection of every thread is established or has failed.
    pub(crate) fn start(&mut self) {
        let live: Vec<u32> = (0..)
            .zip(&self.connections)
            .filter_map(|(place, one)| one.is_live().then_some(self.share.number(place)))
            .collect();
        let now = self.crew.meet(&live);
        self.pacing = Pacing::new(self.plan, now, self.crew.established(), self.share);
        self.traffic_at = now;
        (self.sending, self.warming) = (true, true);
    }

    /// Asks once on every connection, within the time for connecting.
    fn probe(&mut self, events: &mut Events) -> Result<(), Error> {
        for id in 0..self.connections.len() {
            if self.connections[id].is_live() {
                let now = self.clock.now();
                self.connections[id].account.asked_at = now;
                self.send(id, now, now);
            }
        }
        let until = self.traffic_at.saturating_add(nanoseconds(self.plan.connect_timeout));
        self.drive(events, until, true)
    }

    /// Decides when the window begins, and has the watched process sampled.
    fn lead(&mut self, events: &mut Events, observer: &mut Observer) -> Result<(), Error> {
        let begin = self.clock.now();
        self.warm_up(events, begin)?;
        let warm = self.clock.now();
        let memory = observer.memory();
        self.settle(events, warm)?;
        if self.crew.is_over() {
            return Ok(());
        }
        let alone = self.plan.threads == 1;
        if !alone {
            self.announce(events)?;
        }
        let before = self.clock.now();
        let tasks = observer.tasks();
        if alone {
            self.settle(events, before)?;
        } else {
            self.drive(events, self.ledger.start, false)?;
        }
        observer.start(memory, tasks);
        if alone {
            let start = self.clock.now(); // Reading the samples is not in the window.
            self.crew.announce(start);
            self.open(start);
        }
        self.warmup_ns = self.ledger.start.saturating_sub(begin);
        self.window(events)?;
        observer.end();
        self.finish(events)
    }

    /// Traffic for the plan's warm-up, and on until the rate is steady.
    fn warm_up(&mut self, events: &mut Events, begin: u64) -> Result<(), Error> {
        let settling = Settling::new(self.plan);
        let Some(mut settling) = settling.filter(|_| !matches!(self.pacing, Pacing::Silent)) else {
            let until = begin.saturating_add(nanoseconds(self.plan.warmup));
            return self.drive(events, until, false);
        };
        let mut until = begin;
        loop {
            until = until.saturating_add(settling.slice);
            self.drive(events, until, false)?;
            let verdict = settling.judge(self.crew.answers());
            if verdict != Verdict::GoOn || self.clock.now() < until {
                self.steady = verdict != Verdict::Unsteady;
                return Ok(()); // Also if the run is over, or nobody is left.
            }
        }
    }

    /// Traffic stood still since `from`, to take a sample: gives it as long to settle.
    fn settle(&mut self, events: &mut Events, from: u64) -> Result<(), Error> {
        let now = self.clock.now();
        self.drive(events, now.saturating_add(now.saturating_sub(from)), false)
    }

    /// Opens the window on all threads at once: soon, so that each can know
    /// before. Until a moment before that, for the samples that take longer.
    fn announce(&mut self, events: &mut Events) -> Result<(), Error> {
        let start = self.clock.now().saturating_add(NOTICE_NS);
        self.crew.announce(start);
        self.open(start);
        self.drive(events, start - LOOK_NS, false)
    }

    /// Traffic until the leader opens the window, and then as it does.
    fn follow(&mut self, events: &mut Events) -> Result<(), Error> {
        while self.crew.window_at() == NEVER {
            if self.crew.is_over() {
                return Ok(());
            }
            let look = self.clock.now().saturating_add(LOOK_NS);
            self.drive(events, look, false)?;
        }
        let start = self.crew.window_at();
        self.open(start);
        self.drive(events, start, false)?;
        self.window(events)?;
        self.finish(events)
    }

    /// Sets the window: from `start`, for the plan's duration.
    fn open(&mut self, start: u64) {
        let end = start.saturating_add(nanoseconds(self.plan.duration));
        (self.ledger.start, self.ledger.end) = (start, end);
        self.warming = false;
    }

    /// Traffic in the window, which has begun.
    fn window(&mut self, events: &mut Events) -> Result<(), Error> {
        let before = Usage::now();
        self.drive(events, self.ledger.end, false)?;
        self.usage = Usage::now().since(before);
        // Cut short, by an interrupt or because nobody is left: the window is what was.
        self.ledger.end = self.ledger.end.min(self.clock.now());
        self.ledger.window_ns = self.ledger.end.saturating_sub(self.ledger.start);
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

    /// Closes what is still open and keeps what was found.
    pub(crate) fn findings(self) -> Findings {
        let owed_ns = match self.ended_at {
            0 => self.unanswered_ns, // It was asked in slices.
            ended => {
                let owed = self.connections.iter().flat_map(|one| one.exchanges.owed_since());
                owed.map(|since| ended.saturating_sub(since)).collect()
            }
        };
        Findings {
            owed_ns,
            accounts: self.connections.into_iter().map(|one| one.account).collect(),
            ledger: self.ledger,
            bodies: self.script.bodies(),
            traffic_at: self.traffic_at,
            usage: self.usage,
            warmup_ns: self.warmup_ns,
            steady: self.steady,
            stalled_ns: self.stalled_ns,
        }
    }
}
