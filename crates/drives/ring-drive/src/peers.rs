//! The connections of one ring: what a completion means to each.
//!
//! The twin of the drive that event loops use, without readiness: nothing here
//! tries an operation to see whether it would block. It asks the ring for it,
//! and goes on when it is done.

use std::{
    io, mem,
    net::{Shutdown, TcpStream},
    sync::Arc,
    time::{Duration, Instant},
};

use server::{
    Attempt, Connection, Context, Listener, READ_BYTES, Tally, Worker, blocking,
    farewell::{self, LINGER},
};
use service::{End, Phase, Session};

use crate::ring::{Key, Ring};

/// Steps (a job, or input that was kept) before the next connection has its turn.
const TURN: usize = 16;
/// How often overdue connections are looked for, if there can be any.
const SWEEP: Duration = Duration::from_millis(100);
/// How often a peer that is about to be left is looked after.
const FLUSH_STEP: Duration = Duration::from_millis(10);
/// No connection's output is sized for another's longest answer.
const OUTPUT_BYTES: usize = 64 << 10;

/// The connections of one ring.
pub struct Peers<'a> {
    context: &'a Context,
    worker: Arc<Worker>,
    /// By the key of their line.
    table: Vec<Option<Peer>>,
    /// Connections that could go on but gave way to others.
    unfinished: Vec<Key>,
    /// Output of the connection whose turn it is; empty between turns.
    output: Vec<u8>,
    /// Peers that are waited for until all is sent to them.
    flushing: usize,
    /// Peers that are then listened to for a while.
    lingering: usize,
    sweep_due: Option<Instant>,
    /// When to accept again, if there were no descriptors.
    accept_due: Option<Instant>,
    /// When the last wait ended: what has come since then is not yet known, so
    /// nobody is called silent by a later clock.
    woken: Instant,
}

/// One connection, beside what the ring has of it. Idle, it owns no buffer.
struct Peer {
    key: Key,
    session: Box<dyn Session>,
    /// Received, while the session could not take it.
    input: Vec<u8>,
    /// To be sent when what is being sent is sent.
    unsent: Vec<u8>,
    /// Who ended the input, once its end has come.
    end: Option<End>,
    /// The session knows.
    is_end_told: bool,
    /// We have ended it, since it was silent for too long.
    is_given_up: bool,
    /// When to give up on a silent peer.
    deadline: Option<Instant>,
    farewell: Farewell,
    /// It waits for its next turn among the unfinished.
    is_queued: bool,
    tally: Tally,
}

/// Takes nothing more from the peer but what has arrived.
fn stop_reading(ring: &mut Ring, key: Key) {
    let (connection, calls) = ring.connection(key);
    calls.control += 1;
    // Fails only on a connection that is gone: the next receive tells.
    let _ = connection.stream().shutdown(Shutdown::Read);
}

/// How far a peer is that we close before it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Farewell {
    /// Not there yet.
    None,
    /// The kernel has all of the output, and has not sent all of it.
    Flushing,
    /// All is sent, and the peer is listened to for a while.
    Lingering,
}

/// What a turn came to.
enum Turn {
    /// It waits for a completion.
    Waiting,
    /// It could go on, but others have their turn first.
    Unfinished,
    /// It is done: close it.
    Done,
}

impl<'a> Peers<'a> {
    /// None yet; `worker` has the credit for what they are served.
    pub fn new(context: &'a Context, worker: Arc<Worker>) -> Self {
        Self {
            context,
            worker,
            table: Vec::new(),
            unfinished: Vec::new(),
            output: Vec::new(),
            flushing: 0,
            lingering: 0,
            sweep_due: None,
            accept_due: None,
            woken: Instant::now(),
        }
    }

    /// Takes in who was accepted, and has the ring accept the next.
    ///
    /// # Errors
    ///
    /// Fails if the listener itself is broken.
    pub fn accepted(
        &mut self,
        ring: &mut Ring,
        listener: &Listener,
        accepted: io::Result<TcpStream>,
    ) -> io::Result<()> {
        match listener.judge(accepted, self.context)? {
            Some(Attempt::Accepted(connection)) => self.adopt(ring, connection),
            Some(Attempt::Exhausted) => {
                // Who waits in the backlog keeps the listener ready: no hurry.
                self.accept_due = Some(Instant::now() + Listener::EXHAUSTED_PAUSE);
                return Ok(());
            }
            Some(Attempt::Refused | Attempt::Empty) | None => {}
        }
        if !listener.is_closed() {
            ring.accept();
        }
        Ok(())
    }

    fn adopt(&mut self, ring: &mut Ring, connection: Connection) {
        let key = ring.adopt(connection);
        if self.table.len() <= key {
            self.table.resize_with(key + 1, || None);
        }
        self.table[key] = Some(Peer::new(key, self.context));
        if self.context.stop.is_requested() {
            stop_reading(ring, key);
        }
        self.advance(ring, key);
    }

    /// Gives what was received to the session, or keeps it.
    pub fn received(&mut self, ring: &mut Ring, key: Key, result: io::Result<usize>) {
        let Some(peer) = &mut self.table[key] else { return };
        match result {
            Ok(0) => peer.end = Some(blocking::end(self.context)),
            Ok(_) if peer.is_over() => {} // Nobody will read it.
            Ok(length) => {
                peer.tally.bytes_in += length as u64;
                if peer.takes_input(ring, self.context) {
                    peer.session.receive(ring.bytes(), &mut self.output);
                } else {
                    peer.input.extend_from_slice(ring.bytes());
                    ring.pause(key);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return self.close(ring, key, true),
        }
        self.go_on(ring, key);
    }

    /// Counts what was sent, and goes on if that was waited for.
    pub fn sent(&mut self, ring: &mut Ring, key: Key, result: &io::Result<usize>) {
        let Some(peer) = &mut self.table[key] else { return };
        let &Ok(length) = result else { return self.close(ring, key, true) };
        peer.tally.bytes_out += length as u64;
        if peer.waits_for_room(ring) {
            self.go_on(ring, key);
        }
    }

    /// Goes on with a connection, but not before its turn.
    pub fn go_on(&mut self, ring: &mut Ring, key: Key) {
        if let Some(peer) = &self.table[key]
            && !peer.is_queued
        {
            self.advance(ring, key);
        }
    }

    fn advance(&mut self, ring: &mut Ring, key: Key) {
        let Some(peer) = &mut self.table[key] else { return };
        let before = peer.farewell;
        let turn = peer.advance(ring, &mut self.output, self.context);
        let after = peer.farewell;
        peer.touch(self.context.idle_timeout);
        if matches!(turn, Ok(Turn::Unfinished)) && !mem::replace(&mut peer.is_queued, true) {
            self.unfinished.push(key);
        }
        self.count(before, after);
        match turn {
            Ok(Turn::Waiting | Turn::Unfinished) => {}
            Ok(Turn::Done) => self.close(ring, key, false),
            Err(_) => self.close(ring, key, true),
        }
    }

    /// Counts a peer that has come so far.
    fn count(&mut self, before: Farewell, after: Farewell) {
        self.flushing += usize::from(after == Farewell::Flushing);
        self.flushing -= usize::from(before == Farewell::Flushing);
        self.lingering += usize::from(after == Farewell::Lingering);
        self.lingering -= usize::from(before == Farewell::Lingering);
    }

    fn close(&mut self, ring: &mut Ring, key: Key, failed: bool) {
        // What was not sent belongs to this connection alone.
        self.output.clear();
        let Some(peer) = self.table[key].take() else { return };
        self.count(peer.farewell, Farewell::None);
        if peer.is_queued {
            self.unfinished.retain(|&other| other != key);
        }
        let cut = failed && self.context.stop.is_over();
        let requests = peer.session.answered();
        self.worker.close(Tally { requests, failed, cut, ..peer.tally });
        ring.close(key);
    }

    /// Begins to drain: takes nothing more from anybody but what has arrived.
    pub fn drain(&mut self, ring: &mut Ring) {
        for key in self.keys() {
            stop_reading(ring, key);
            self.go_on(ring, key);
        }
    }

    /// How long the ring may wait for a completion.
    #[must_use]
    pub fn patience(&self) -> Option<Duration> {
        if !self.unfinished.is_empty() {
            return Some(Duration::ZERO);
        }
        let accept = self.accept_due.map(|_| Listener::EXHAUSTED_PAUSE);
        [accept, self.sweeps_every()].into_iter().flatten().min()
    }

    /// To be called after each wait.
    pub fn wake(&mut self) {
        if self.patience().is_some() {
            self.woken = Instant::now();
        }
    }

    /// Gives their next turn to connections that gave way to others, ends those
    /// whose time is up, and accepts again if that had to pause. During a stop, takes in
    /// who was left in the backlog.
    pub fn resume(&mut self, ring: &mut Ring) {
        if self.context.stop.is_requested() {
            while let Some(connection) = ring.next_late() {
                self.adopt(ring, connection);
            }
        }
        for key in mem::take(&mut self.unfinished) {
            if let Some(peer) = &mut self.table[key] {
                peer.is_queued = false;
                self.advance(ring, key);
            }
        }
        if self.accept_due.is_some_and(|due| due <= self.woken) {
            self.accept_due = None;
            ring.accept();
        }
        if let Some(step) = self.sweeps_every()
            && self.sweep_due.is_none_or(|due| due <= self.woken)
        {
            self.sweep_due = Some(self.woken + step);
            self.sweep(ring);
        }
    }

    fn sweeps_every(&self) -> Option<Duration> {
        let has_deadlines = self.context.idle_timeout.is_some()
            || self.lingering > 0
            || self.context.stop.is_requested();
        match (self.flushing, has_deadlines) {
            (1.., _) => Some(FLUSH_STEP),
            (0, true) => Some(SWEEP),
            (0, false) => None,
        }
    }

    fn sweep(&mut self, ring: &mut Ring) {
        let cut = self.context.stop.is_over();
        for key in self.keys() {
            let Some(peer) = &mut self.table[key] else { continue };
            if cut {
                // Who lingers has had its answer.
                let failed = peer.farewell != Farewell::Lingering;
                self.close(ring, key, failed);
            } else if peer.is_overdue(self.woken) {
                // Who lingered to the end has had its answer.
                let failed = peer.farewell != Farewell::Lingering;
                match peer.time_out(ring, &mut self.output, self.context.idle_timeout) {
                    Turn::Done => self.close(ring, key, failed),
                    Turn::Waiting | Turn::Unfinished => self.go_on(ring, key),
                }
            } else if peer.farewell == Farewell::Flushing {
                self.go_on(ring, key);
            }
        }
    }

    fn keys(&self) -> Vec<Key> {
        self.table.iter().flatten().map(|peer| peer.key).collect()
    }
}

impl Peer {
    fn new(key: Key, context: &Context) -> Self {
        Self {
            key,
            session: context.session(),
            input: Vec::new(),
            unsent: Vec::new(),
            end: None,
            is_end_told: false,
            is_given_up: false,
            deadline: context.idle_timeout.map(|timeout| Instant::now() + timeout),
            farewell: Farewell::None,
            is_queued: false,
            tally: Tally::default(),
        }
    }

    /// It has had its turn: its silence begins now.
    fn touch(&mut self, timeout: Option<Duration>) {
        if self.farewell != Farewell::Lingering {
            self.deadline = timeout.map(|timeout| Instant::now() + timeout);
        }
    }

    /// Works and answers until it has to wait for the peer, or the turn is over.
    fn advance(
        &mut self,
        ring: &mut Ring,
        output: &mut Vec<u8>,
        context: &Context,
    ) -> io::Result<Turn> {
        for _ in 0..TURN {
            self.send(ring, output);
            // Whoever does not read is neither read nor worked for.
            let is_full = self.backlog(ring) >= context.limits.output_bytes;
            if !is_full && let Some(job) = self.session.next_job() {
                // The worker itself works: nobody else is served meanwhile, but
                // what was answered before is on its way.
                ring.submit()?;
                self.session.complete(server::work::run(job), output);
                continue;
            }
            match self.session.phase() {
                Phase::Reading | Phase::Working if is_full => {
                    ring.pause(self.key);
                    return Ok(Turn::Waiting);
                }
                Phase::Reading if !self.input.is_empty() => {
                    self.session.receive(&mem::take(&mut self.input), output);
                }
                Phase::Reading => match self.end {
                    Some(end) if !mem::replace(&mut self.is_end_told, true) => {
                        self.session.end(end, output);
                    }
                    Some(_) => return Ok(Turn::Waiting),
                    None => {
                        ring.receive(self.key);
                        return Ok(Turn::Waiting);
                    }
                },
                Phase::Working => return Ok(Turn::Waiting),
                Phase::Finished | Phase::Refused if self.backlog(ring) > 0 => {
                    return Ok(Turn::Waiting);
                }
                // Nothing can come that would reset what the kernel has to send.
                Phase::Finished | Phase::Refused if self.end == Some(End::Peer) => {
                    return Ok(Turn::Done);
                }
                Phase::Finished | Phase::Refused => return self.leave(ring),
            }
        }
        self.send(ring, output);
        Ok(Turn::Unfinished)
    }

    /// Has the ring send `output`, as soon as what is being sent is sent.
    fn send(&mut self, ring: &mut Ring, output: &mut Vec<u8>) {
        if ring.is_sending(self.key) {
            self.unsent.append(output);
            // One long answer must not size the buffer for ever.
            output.shrink_to(OUTPUT_BYTES);
        } else if !self.unsent.is_empty() {
            self.unsent.append(output);
            ring.send(self.key, mem::take(&mut self.unsent));
        } else if !output.is_empty() {
            let next = ring.spare();
            ring.send(self.key, mem::replace(output, next));
        }
    }

    /// Bytes that the socket has not taken yet.
    fn backlog(&self, ring: &Ring) -> usize {
        ring.unsent(self.key) + self.unsent.len()
    }

    /// Whether it had to stop until something was sent.
    fn waits_for_room(&self, ring: &Ring) -> bool {
        !self.unsent.is_empty() && !ring.is_sending(self.key)
            || !self.input.is_empty()
            || !ring.is_receiving(self.key)
            || self.session.phase() == Phase::Working
            || self.is_over()
    }

    /// Whether its session can take bytes as they come.
    fn takes_input(&self, ring: &Ring, context: &Context) -> bool {
        !self.is_queued
            && self.input.is_empty()
            && self.session.phase() == Phase::Reading
            && self.backlog(ring) < context.limits.output_bytes
    }

    /// Whether its session wants no more input.
    fn is_over(&self) -> bool {
        matches!(self.session.phase(), Phase::Finished | Phase::Refused)
    }

    /// Waits until everything is sent; a peer that may still send is then listened to.
    fn leave(&mut self, ring: &mut Ring) -> io::Result<Turn> {
        match self.farewell {
            Farewell::None => {
                let (connection, calls) = ring.connection(self.key);
                farewell::announce(connection, calls)?;
            }
            Farewell::Flushing => {}
            Farewell::Lingering => return self.linger(ring),
        }
        self.farewell = Farewell::Flushing;
        for _ in 0..TURN {
            let (connection, calls) = ring.connection(self.key);
            if farewell::is_sent(connection, Duration::ZERO, calls)? {
                let ended = self.end.or(self.is_given_up.then_some(End::Idle));
                let lingers = farewell::lingers(self.session.phase(), ended);
                return if lingers { self.linger(ring) } else { Ok(Turn::Done) };
            }
            if self.discard(ring)? == 0 {
                ring.watch_writable(self.key);
                return Ok(Turn::Waiting);
            }
        }
        Ok(Turn::Unfinished)
    }

    /// Says that nothing follows, and reads on for a while.
    fn linger(&mut self, ring: &mut Ring) -> io::Result<Turn> {
        if self.farewell != Farewell::Lingering {
            self.farewell = Farewell::Lingering;
            self.deadline = Some(Instant::now() + LINGER);
            let (connection, calls) = ring.connection(self.key);
            calls.control += 1;
            connection.stream().shutdown(Shutdown::Write)?;
        }
        if self.end.is_none() {
            ring.receive(self.key);
            return Ok(Turn::Waiting);
        }
        for _ in 0..TURN {
            if self.discard(ring)? == 0 {
                return Ok(Turn::Done);
            }
        }
        Ok(Turn::Unfinished)
    }

    /// Reads what has come, to no purpose: seldom enough to do without the ring.
    fn discard(&self, ring: &mut Ring) -> io::Result<usize> {
        let (connection, calls) = ring.connection(self.key);
        farewell::discard(connection, &mut [0; READ_BYTES], calls)
    }

    /// Whether the peer has been silent for too long. One that waits for us has
    /// not; one that lingers may not keep us by talking.
    fn is_overdue(&self, now: Instant) -> bool {
        // A session that still has work waits for the peer to read.
        let waits_for_us = self.is_queued;
        (self.farewell == Farewell::Lingering || !waits_for_us)
            && self.deadline.is_some_and(|deadline| deadline <= now)
    }

    /// Whether we wait only to leave it.
    fn is_leaving(&self) -> bool {
        self.farewell != Farewell::None
    }

    /// Ends a peer that is overdue: gently if it has read what it was sent.
    fn time_out(&mut self, ring: &Ring, output: &mut Vec<u8>, after: Option<Duration>) -> Turn {
        if self.is_leaving() || self.backlog(ring) > 0 {
            return Turn::Done;
        }
        self.deadline = after.map(|timeout| Instant::now() + timeout);
        self.is_given_up = true;
        self.session.end(End::Idle, output);
        Turn::Unfinished
    }
}
