//! The master's side: starting children, hearing of their end, stopping them.

use std::{
    collections::HashMap,
    env, fmt,
    io::{self, ErrorKind},
    net::Shutdown,
    os::{
        fd::OwnedFd,
        unix::{
            net::{UnixDatagram, UnixStream},
            process::CommandExt,
        },
    },
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    process::{Pid, Signal, WaitOptions, WaitStatus, kill_process, wait},
};
use signal_hook::{SigId, consts::SIGCHLD, low_level};

use super::{
    Farewell, PART,
    child::{Part, hold_stop_signals},
};
use crate::{Connection, Context, Listener, SystemCalls, Tally, say, stats::Seat};

/// This program, also if its file has been replaced meanwhile.
const PROGRAM: &str = "/proc/self/exe";
/// How long a child may take to end once its drain is over: more than it takes
/// itself for what hangs.
const AFTER_DRAIN: Duration = Duration::from_millis(1500);
/// The longest farewell that is understood.
const FAREWELL_BYTES: usize = 64 << 10;

/// The processes that a master has started, and not yet taken leave of.
///
/// They are started, waited for and signalled by one thread, the main one, so
/// that nobody is signalled whose number has gone to another; and when that thread
/// ends, the kernel ends them.
#[derive(Debug)]
pub struct Children<'a> {
    context: &'a Context,
    running: HashMap<Pid, Child>,
    /// Readable when children have ended.
    ended: UnixStream,
    on_ended: SigId,
    /// Where they leave their reports: our end, and theirs.
    farewells: UnixDatagram,
    outlet: OwnedFd,
}

#[derive(Debug)]
struct Child {
    part: String,
    born: Instant,
    /// The connection that it was started for counts as open until it has ended.
    seat: Option<Seat>,
}

/// A child that has ended.
#[derive(Debug)]
pub struct Ended {
    /// The name of its part.
    pub part: String,
    /// How long it has lived.
    pub lived: Duration,
    status: WaitStatus,
}

impl Ended {
    fn in_order(&self) -> bool {
        self.status.exit_status() == Some(0)
    }
}

/// What became of it, in words.
impl fmt::Display for Ended {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.status.terminating_signal(), self.status.exit_status()) {
            (Some(signal), _) => write!(to, "{} was killed by signal {signal}", self.part),
            (None, Some(0) | None) => write!(to, "{} has ended", self.part),
            (None, Some(status)) => write!(to, "{} has ended with status {status}", self.part),
        }
    }
}

impl<'a> Children<'a> {
    /// No children yet. To be called on the main thread, which keeps them.
    ///
    /// # Errors
    ///
    /// Fails if there is no descriptor left.
    pub fn new(context: &'a Context) -> io::Result<Self> {
        hold_stop_signals()?;
        let (ended, teller) = UnixStream::pair()?;
        ended.set_nonblocking(true)?;
        let on_ended = low_level::pipe::register(SIGCHLD, teller)?;
        let (farewells, outlet) = UnixDatagram::pair()?;
        farewells.set_nonblocking(true)?;
        let outlet = outlet.into();
        Ok(Self { context, running: HashMap::new(), ended, on_ended, farewells, outlet })
    }

    /// Starts a process that plays `part` with `listener`, of which the master
    /// keeps the original. It may have so many connections open.
    ///
    /// # Errors
    ///
    /// Fails if the system has no process, descriptor or memory to give.
    pub fn listen(
        &mut self,
        part: &str,
        listener: &Listener,
        connections: usize,
    ) -> io::Result<()> {
        self.start(part, listener.give()?, connections, None)?;
        self.context.stats.plays_anew(part);
        Ok(())
    }

    /// Starts a process for `connection`, which is then the process's alone.
    ///
    /// # Errors
    ///
    /// As [`Children::listen`]; the connection is closed.
    pub fn serve(&mut self, part: &str, connection: Connection) -> io::Result<()> {
        let (stream, seat) = connection.into_parts();
        // Our copy is closed in any case.
        self.context.stats.add(SystemCalls { close: 1, ..SystemCalls::default() });
        self.start(part, stream.into(), 1, Some(seat))
    }

    // ANCHOR: start
    fn start(
        &mut self,
        part: &str,
        socket: OwnedFd,
        connections: usize,
        seat: Option<Seat>,
    ) -> io::Result<()> {
        let master = rustix::process::getpid().as_raw_pid();
        let listens = seat.is_none();
        let words = Part { master, connections, listens, name: part.to_owned() }.words();
        let process = Command::new(PROGRAM)
            .args(env::args_os().skip(1))
            .env(PART, words)
            .stdin(Stdio::from(socket))
            .stdout(Stdio::from(self.outlet.try_clone()?))
            .process_group(0)
            .spawn()?;
        let child = Child { part: part.to_owned(), born: Instant::now(), seat };
        self.running.insert(Pid::from_child(&process), child);
        self.context.stats.process_started(part);
        Ok(())
    }
    // ANCHOR_END: start

    /// Waits until somebody comes to `listener`, or may have during a stop, a child ends,
    /// or the stop is requested; at most for so long. Tells which children have ended.
    ///
    /// # Errors
    ///
    /// Fails if waiting itself is broken.
    pub fn wait(
        &mut self,
        listener: Option<&Listener>,
        at_most: Option<Duration>,
    ) -> io::Result<Vec<Ended>> {
        let stops = self.context.stop.is_requested();
        let look = listener.filter(|_| stops).map(Listener::looks_again_in);
        let timeout = [at_most, look].into_iter().flatten().min();
        let timeout = timeout.map(Timespec::try_from).transpose().map_err(io::Error::other)?;
        let mut ready = vec![
            PollFd::new(&self.ended, PollFlags::IN),
            PollFd::new(&self.farewells, PollFlags::IN),
        ];
        // Once requested it stays readable, and nobody wants to know it again.
        if !stops {
            ready.push(PollFd::new(&self.context.stop, PollFlags::IN));
            ready.extend(listener.map(|listener| PollFd::new(listener, PollFlags::IN)));
        }
        self.context.stats.add(SystemCalls { wait: 1, ..SystemCalls::default() });
        match poll(&mut ready, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let [somebody_ended, somebody_said] =
            [0, 1].map(|place| !ready[place].revents().is_empty());
        // In this order: who has ended has said everything before.
        let ended = if somebody_ended { self.reap()? } else { Vec::new() };
        if somebody_said || !ended.is_empty() {
            self.hear()?;
        }
        Ok(ended)
    }

    /// Takes leave of all that have ended.
    fn reap(&mut self) -> io::Result<Vec<Ended>> {
        // Before looking: who ends after that makes it readable again.
        while matches!(io::Read::read(&mut &self.ended, &mut [0; 256]), Ok(256)) {}
        let mut all = Vec::new();
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) => all.extend(self.part_from(pid, status)),
                Ok(None) | Err(Errno::CHILD) => return Ok(all),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn part_from(&mut self, pid: Pid, status: WaitStatus) -> Option<Ended> {
        let Child { part, born, seat } = self.running.remove(&pid)?;
        self.context.stats.process_ended(&part);
        let ended = Ended { part, lived: born.elapsed(), status };
        if seat.is_some() && !ended.in_order() {
            // It cannot say so itself any more.
            let cut = self.context.stop.is_over();
            let tally = Tally { failed: true, cut, ..Tally::default() };
            self.context.stats.worker_named(&ended.part).close(tally);
        }
        Some(ended)
    }

    /// Adds to the report what children have left.
    fn hear(&self) -> io::Result<()> {
        let mut bytes = vec![0; FAREWELL_BYTES];
        loop {
            match self.farewells.recv(&mut bytes) {
                Ok(length) => match serde_json::from_slice(&bytes[..length]) {
                    Ok(Farewell { part, report }) => self.context.stats.absorb(&part, &report),
                    Err(error) => {
                        say(format_args!("a child's report is not understood: {error}"));
                    }
                },
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Stops them, and waits until all have ended: each drains, and who hangs
    /// is killed. The stop must have been requested.
    ///
    /// # Errors
    ///
    /// Fails if waiting is broken.
    // ANCHOR: stop
    pub fn stop(mut self) -> io::Result<()> {
        self.signal(Signal::TERM);
        let deadline = self.context.stop.deadline().unwrap_or_else(Instant::now) + AFTER_DRAIN;
        while !self.running.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let left = self.running.len();
                say(format_args!("{left} processes outlive the drain, and are killed"));
                break; // Going out of scope kills them.
            }
            self.wait(None, Some(left))?;
        }
        Ok(())
    }
    // ANCHOR_END: stop

    fn signal(&self, signal: Signal) {
        for &pid in self.running.keys() {
            // It fails for none: who has ended keeps its number until we have waited.
            let _ = kill_process(pid, signal);
        }
    }
}

impl Drop for Children<'_> {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
        while !self.running.is_empty() {
            match wait(WaitOptions::empty()) {
                Ok(Some((pid, status))) => drop(self.part_from(pid, status)),
                Err(Errno::INTR) => {}
                Ok(None) | Err(_) => break,
            }
        }
        let _ = self.hear();
        low_level::unregister(self.on_ended);
        let _ = self.ended.shutdown(Shutdown::Both);
    }
}
