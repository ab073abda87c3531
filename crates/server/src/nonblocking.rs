//! One connection of a reactor: does what it can without waiting.

use std::{
    io::{self, ErrorKind},
    net::Shutdown,
    time::{Duration, Instant},
};

use bytes::{Buf, BytesMut};
use mio::{event::Event, net::TcpStream};
use rustix::{
    io::Errno,
    net::{RecvFlags, SendFlags, recv, send},
};
use service::{Done, End, Phase, Session};

use crate::{
    Connection, Context, Errand, SystemCalls,
    blocking::end,
    dispatch::{Input, Outbox, Ticket},
    farewell::{self, LINGER},
    stats::{Seat, Tally},
    work,
};

/// Steps (a read or a job, and a write) before the next connection has its turn.
const TURN: usize = 16;

/// One connection of a reactor. It owns no buffer while it is idle: reads go
/// through the loop's buffers, and only what the peer does not take is kept.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) stream: TcpStream,
    pub(crate) ticket: Ticket,
    /// Away while a worker has it.
    pub(crate) session: Option<Box<dyn Session>>,
    /// Jobs that others run.
    jobs_out: usize,
    /// Bytes that the socket would not take yet.
    unsent: BytesMut,
    /// The socket may hold bytes. Edges are told once, so this is remembered.
    readable: bool,
    /// The end of the input has arrived behind those bytes.
    read_closed: bool,
    /// Who ended the input, once all of it is read.
    end: Option<End>,
    /// When to give up on a silent peer.
    deadline: Option<Instant>,
    farewell: Farewell,
    /// It waits for its next turn among the unfinished.
    pub(crate) queued: bool,
    tally: Tally,
    _seat: Seat,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// It waits for the next event.
    Waiting,
    /// It could go on, but others have their turn first.
    Unfinished,
    /// It could go on, but the workers have enough to do.
    Crowded,
    /// It is done: close it.
    Done,
}

/// What all connections of a loop share: buffers, empty between turns, and the
/// count of the loop's system calls.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) input: Box<[u8]>,
    pub(crate) output: Vec<u8>,
    pub(crate) calls: SystemCalls,
    pub(crate) runs: Runs,
}

/// Who runs what connections ask for.
#[derive(Debug)]
pub(crate) enum Runs {
    /// The loop, everything.
    Inline,
    /// Others, whole requests with their session; left here.
    Batches(Outbox),
    /// Others, jobs alone; left here.
    Jobs(Vec<Errand>),
}

impl Shared {
    fn is_crowded(&self) -> bool {
        matches!(&self.runs, Runs::Batches(outbox) if outbox.room == 0)
    }
}

impl Peer {
    /// Of a connection that is nonblocking.
    pub(crate) fn new(connection: Connection, context: &Context, ticket: Ticket) -> Self {
        let (stream, seat) = connection.into_parts();
        Self {
            stream: TcpStream::from_std(stream),
            ticket,
            session: Some(context.session()),
            jobs_out: 0,
            unsent: BytesMut::new(),
            readable: false,
            read_closed: false,
            end: None,
            deadline: context.idle_timeout.map(|timeout| Instant::now() + timeout),
            farewell: Farewell::None,
            queued: false,
            tally: Tally::default(),
            _seat: seat,
        }
    }

    /// Remembers what the event says of the socket.
    pub(crate) fn notice(&mut self, event: &Event) {
        self.read_closed |= event.is_read_closed();
        self.readable |= event.is_readable() || event.is_read_closed() || event.is_error();
    }

    /// It has had its turn: its silence begins now.
    pub(crate) fn touch(&mut self, timeout: Option<Duration>) {
        if !self.is_lingering() {
            self.deadline = timeout.map(|timeout| Instant::now() + timeout);
        }
    }

    /// Reads, answers and writes until the socket has no more to give or to
    /// take, or the turn is over.
    pub(crate) fn advance(&mut self, shared: &mut Shared, context: &Context) -> io::Result<Turn> {
        self.send(shared)?;
        let dispatches = matches!(shared.runs, Runs::Batches(_));
        for _ in 0..TURN {
            // Whoever does not read is neither read nor worked for.
            let is_full = self.unsent.len() >= context.limits.output_bytes;
            if !is_full
                && !dispatches
                && let Some(session) = &mut self.session
                && let Some(job) = session.next_job()
            {
                if let Runs::Jobs(errands) = &mut shared.runs {
                    self.jobs_out += 1;
                    errands.push(Errand::new(self.ticket, job));
                } else {
                    // The loop itself works: nobody else is served meanwhile.
                    session.complete(work::run(job), &mut shared.output);
                }
            } else {
                match self.phase() {
                    Phase::Reading | Phase::Working if is_full => return Ok(Turn::Waiting),
                    Phase::Working if !dispatches || self.session.is_none() => {
                        return Ok(Turn::Waiting);
                    }
                    Phase::Reading if !self.readable => return Ok(Turn::Waiting),
                    Phase::Reading | Phase::Working if shared.is_crowded() => {
                        return Ok(Turn::Crowded);
                    }
                    Phase::Reading => self.read(shared, context)?,
                    // A worker left off here, with more than enough to send.
                    Phase::Working => {
                        self.pass_on(Input::<&[u8]>::Nothing, &mut shared.output, &mut shared.runs);
                    }
                    Phase::Finished | Phase::Refused if !self.unsent.is_empty() => {
                        return Ok(Turn::Waiting);
                    }
                    // Nothing can come that would reset what the kernel has to send.
                    Phase::Finished | Phase::Refused if self.end == Some(End::Peer) => {
                        return Ok(Turn::Done);
                    }
                    Phase::Finished | Phase::Refused => return self.leave(shared),
                }
            }
            self.send(shared)?;
        }
        Ok(Turn::Unfinished)
    }

    fn read(&mut self, shared: &mut Shared, context: &Context) -> io::Result<()> {
        shared.calls.read += 1;
        match read(&self.stream, &mut shared.input) {
            Ok(0) => {
                self.readable = false;
                let end = end(context);
                self.end = Some(end);
                self.pass_on(Input::<&[u8]>::End(end), &mut shared.output, &mut shared.runs);
            }
            Ok(length) => {
                // A short read has emptied the socket; more bytes come with
                // another edge. The end of the input may have come with this one.
                self.readable = self.read_closed || length == shared.input.len();
                self.tally.bytes_in += length as u64;
                let bytes = Input::Bytes(&shared.input[..length]);
                self.pass_on(bytes, &mut shared.output, &mut shared.runs);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => self.readable = false,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Gives what was read to the session, or sends both to the workers.
    fn pass_on<B: AsRef<[u8]>>(&mut self, input: Input<B>, output: &mut Vec<u8>, runs: &mut Runs) {
        let Some(mut session) = self.session.take() else { return };
        if let Runs::Batches(outbox) = runs {
            self.tally.requests = session.answered();
            outbox.put(self.ticket, session, input);
        } else {
            input.feed(session.as_mut(), output);
            self.session = Some(session);
        }
    }

    /// Gives a job back to the session, unless that has said all that it will.
    pub(crate) fn complete(&mut self, done: Done, output: &mut Vec<u8>) {
        self.jobs_out -= 1;
        if let Some(session) = &mut self.session
            && self.farewell == Farewell::None
        {
            session.complete(done, output);
        }
    }

    /// What the session wants; while it is away, nothing.
    fn phase(&self) -> Phase {
        self.session.as_ref().map_or(Phase::Working, |session| session.phase())
    }

    /// Sends what was kept, then `output`; keeps what the socket does not take.
    fn send(&mut self, Shared { output, calls, .. }: &mut Shared) -> io::Result<()> {
        let taken = if self.unsent.is_empty() {
            let taken = write(&self.stream, output, calls)?;
            self.unsent.extend_from_slice(&output[taken..]);
            taken
        } else {
            self.unsent.extend_from_slice(output);
            let taken = write(&self.stream, &self.unsent, calls)?;
            self.unsent.advance(taken);
            if self.unsent.is_empty() {
                // The memory goes too: an idle connection keeps none.
                self.unsent = BytesMut::new();
            }
            taken
        };
        self.tally.bytes_out += taken as u64;
        output.clear();
        Ok(())
    }

    /// Waits until everything is sent; a peer that may still send is then listened to.
    fn leave(&mut self, shared: &mut Shared) -> io::Result<Turn> {
        match self.farewell {
            Farewell::None => farewell::announce(&self.stream, &mut shared.calls)?,
            Farewell::Flushing => {}
            Farewell::Lingering => return self.linger(shared),
        }
        self.farewell = Farewell::Flushing;
        for _ in 0..TURN {
            if farewell::is_sent(&self.stream, Duration::ZERO, &mut shared.calls)? {
                let lingers = farewell::lingers(self.phase(), self.end);
                return if lingers { self.linger(shared) } else { Ok(Turn::Done) };
            }
            if farewell::discard(&self.stream, &mut shared.input, &mut shared.calls)? == 0 {
                return Ok(Turn::Waiting);
            }
        }
        Ok(Turn::Unfinished)
    }

    /// As [`crate::blocking`]: says that nothing follows, and reads on for a while.
    fn linger(&mut self, shared: &mut Shared) -> io::Result<Turn> {
        if !self.is_lingering() {
            self.farewell = Farewell::Lingering;
            self.deadline = Some(Instant::now() + LINGER);
            shared.calls.control += 1;
            self.stream.shutdown(Shutdown::Write)?;
        }
        for _ in 0..TURN {
            shared.calls.read += 1;
            match read(&self.stream, &mut shared.input) {
                Ok(0) => return Ok(Turn::Done),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Turn::Waiting),
                Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
                Ok(_) | Err(_) => {}
            }
        }
        Ok(Turn::Unfinished)
    }

    /// Whether the peer has been silent for too long. One that waits for us has
    /// not; one that lingers may not keep us by talking.
    pub(crate) fn is_overdue(&self, now: Instant) -> bool {
        // A session that is here and still has work waits for the peer to read.
        let waits_for_us = self.queued || self.jobs_out > 0 || self.session.is_none();
        (self.is_lingering() || !waits_for_us)
            && self.deadline.is_some_and(|deadline| deadline <= now)
    }

    /// Whether there is something to read that no event has told yet. A process that stood
    /// still finds its clocks ahead of what it knows: nobody is called silent for that.
    pub(crate) fn has_spoken(&self, calls: &mut SystemCalls) -> bool {
        // Who takes no answers is not read, whatever it says.
        let is_read = self.farewell == Farewell::None
            && self.unsent.is_empty()
            && self.end.is_none()
            && self.phase() == Phase::Reading;
        calls.read += u64::from(is_read);
        let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        is_read && recv(&self.stream, &mut [0], flags).is_ok_and(|(_, length)| length > 0)
    }

    /// Whether it waits only for its time to be up.
    pub(crate) fn is_lingering(&self) -> bool {
        self.farewell == Farewell::Lingering
    }

    /// Ends a peer that is overdue: gently if it has read what it was sent.
    pub(crate) fn time_out(&mut self, shared: &mut Shared, after: Option<Duration>) -> Turn {
        if self.farewell != Farewell::None || !self.unsent.is_empty() {
            return Turn::Done;
        }
        self.deadline = after.map(|timeout| Instant::now() + timeout);
        self.end = Some(End::Idle);
        if let Some(session) = &mut self.session {
            session.end(End::Idle, &mut shared.output);
        }
        Turn::Unfinished
    }

    /// Takes nothing more from the peer but what has arrived.
    pub(crate) fn stop_reading(&mut self, calls: &mut SystemCalls) {
        farewell::stop_reading(&self.stream, calls);
        self.readable = true;
        self.read_closed = true;
    }

    /// The account of the connection, as it closes.
    pub(crate) fn account(&self) -> Tally {
        let known = self.tally.requests;
        let requests = self.session.as_ref().map_or(known, |session| session.answered());
        Tally { requests, ..self.tally }
    }
}

/// Reads once, by the system call itself. The standard library calls libc, which
/// prepares each time for the thread to be cancelled meanwhile.
fn read(stream: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    let (length, _) = recv(stream, buffer, RecvFlags::empty())?;
    Ok(length)
}

/// Writes as much as the socket takes; returns how many bytes that was.
fn write(stream: &TcpStream, bytes: &[u8], calls: &mut SystemCalls) -> io::Result<usize> {
    let mut sent = 0;
    while sent < bytes.len() {
        calls.write += 1;
        match send(stream, &bytes[sent..], SendFlags::NOSIGNAL) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(taken) => sent += taken,
            Err(Errno::WOULDBLOCK) => break,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(sent)
}
