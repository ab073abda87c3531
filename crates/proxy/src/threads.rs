//! Two threads a connection, one a direction, each blocking in `read` or `write`.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    sync::{
        Arc, OnceLock,
        atomic::{
            AtomicBool, AtomicU64,
            Ordering::{Acquire, Relaxed, Release},
        },
    },
    thread,
    time::{Duration, Instant},
};

use server::{Listener, Mode, READ_BYTES, SystemCalls, Tally, Worker};
use socket2::SockRef;

use crate::{
    Proxy,
    door::{Door, Guest},
};

/// How often a thread that is stuck in `write` looks whether it should be. One
/// that is stuck in `read` is woken.
const LOOK: Duration = Duration::from_millis(100);

/// Serves `listener` until the stop is requested, then waits for every thread.
///
/// # Errors
///
/// Fails if the listener is broken. If the system has no thread to give, that
/// connection is refused.
// ANCHOR: serve
pub(crate) fn serve(listener: &Listener, proxy: &Proxy) -> io::Result<()> {
    let context = &proxy.context;
    let worker = &context.stats.worker("connections");
    let mut door = Door::new(listener, Mode::Blocking, proxy);
    thread::scope(|scope| {
        for number in 0_u64.. {
            let Some(guest) = door.accept()? else { break };
            let serve = move || receive(guest, number, proxy, worker);
            if context.spawn_one_of(scope, "up", format!("up-{number}"), serve).is_err() {
                context.stats.refuse();
            }
        }
        Ok(())
    }) // Joins every thread.
}

/// Connects for a guest, then passes on in one direction; another thread does so
/// in the other.
fn receive(Guest { client, socket }: Guest, number: u64, proxy: &Proxy, worker: &Worker) {
    let (client, _seat) = client.into_parts();
    let mut calls = SystemCalls { control: 3, close: 2, ..SystemCalls::default() };
    if let Ok(upstream) = proxy.upstream.connect(socket) {
        let lane = Lane::new(client, upstream, proxy);
        lane.serve(number);
        calls.control += if proxy.context.idle_timeout.is_some() { 4 } else { 2 };
        worker.close(lane.tally());
    } else {
        proxy.upstream.fail();
        reset(&client);
        worker.close(Tally::default());
    }
    proxy.context.stats.add(calls);
}
// ANCHOR_END: serve

/// What the two threads of a connection share.
#[derive(Debug)]
struct Lane<'a> {
    client: Arc<TcpStream>,
    upstream: Arc<TcpStream>,
    up: Way,
    down: Way,
    proxy: &'a Proxy,
    /// Why it ends before both sides have ended: what the thread says that finds
    /// it first. The other ends too.
    broken: OnceLock<Break>,
    born: Instant,
    /// When something was last passed on, in milliseconds after that.
    moved_ms: AtomicU64,
}

/// What ends a connection before both its sides do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Break {
    /// Both sides were silent for too long, which is no failure.
    Idle,
    Failure,
}

/// One direction's account.
#[derive(Debug, Default)]
struct Way {
    passed: AtomicU64,
    ended: AtomicBool,
}

impl<'a> Lane<'a> {
    fn new(client: TcpStream, upstream: TcpStream, proxy: &'a Proxy) -> Self {
        Self {
            client: Arc::new(client),
            upstream: Arc::new(upstream),
            up: Way::default(),
            down: Way::default(),
            proxy,
            broken: OnceLock::new(),
            born: Instant::now(),
            moved_ms: AtomicU64::new(0),
        }
    }

    // ANCHOR: lane
    fn serve(&self, number: u64) {
        let context = &self.proxy.context;
        let _watches = [&self.client, &self.upstream].map(|one| context.stop.watch_drain(one));
        for stream in [&self.client, &self.upstream] {
            // These refuse no timeout above zero.
            let _ = stream.set_write_timeout(Some(LOOK));
            if context.idle_timeout.is_some() {
                let _ = stream.set_read_timeout(context.idle_timeout);
            }
        }
        thread::scope(|scope| {
            let down = || self.run(&self.upstream, &self.client, &self.down, &self.up);
            if context.spawn_one_of(scope, "down", format!("down-{number}"), down).is_err() {
                self.fail();
            }
            self.run(&self.client, &self.upstream, &self.up, &self.down);
        });
        if self.has_failed() {
            reset(&self.client);
            reset(&self.upstream);
        }
    }

    /// One direction, in its thread.
    fn run(&self, from: &TcpStream, to: &TcpStream, way: &Way, other: &Way) {
        let mut calls = SystemCalls::default();
        if self.pass(from, to, way, other, &mut calls).is_err() {
            calls.control += 2;
            self.fail();
        }
        self.proxy.context.stats.add(calls);
    }

    /// Reads and writes in turns until `from` ends, then says so to `to`. While
    /// `to` takes nothing, nothing is read from `from`.
    fn pass(
        &self,
        mut from: &TcpStream,
        to: &TcpStream,
        way: &Way,
        other: &Way,
        calls: &mut SystemCalls,
    ) -> io::Result<()> {
        let mut buffer = vec![0; READ_BYTES];
        loop {
            calls.read += 1;
            match from.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => self.write((from, to), &buffer[..length], way, calls)?,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    let left = self.patience()?;
                    calls.control += 1;
                    from.set_read_timeout(Some(left))?;
                }
                Err(error) => return Err(error),
            }
        }
        self.check()?;
        // The other thread's write may have taken the error of a reset with it, so
        // that this read found an end. A reset connection has no peer any more;
        // one that ends in order has, until we have ended it too.
        calls.control += 2;
        let gone = from.peer_addr();
        if gone.is_err() && !other.ended.load(Acquire) {
            return gone.map(drop);
        }
        way.ended.store(true, Release);
        to.shutdown(Shutdown::Write)
    }
    // ANCHOR_END: lane

    fn write(
        &self,
        (from, mut to): (&TcpStream, &TcpStream),
        mut bytes: &[u8],
        way: &Way,
        calls: &mut SystemCalls,
    ) -> io::Result<()> {
        while !bytes.is_empty() {
            calls.write += 1;
            match to.write(bytes) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(taken) => {
                    way.passed.fetch_add(taken as u64, Relaxed);
                    bytes = &bytes[taken..];
                    self.touch();
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.check()?;
                    // Whose bytes these are may be gone, and nobody reads from it.
                    calls.control += 1;
                    from.take_error()?.map_or(Ok(()), Err)?;
                    self.patience()?;
                }
                Err(error) => return Err(error),
            }
        }
        // A peer that never stops sending would keep us from ever seeing the end.
        if self.proxy.context.stop.is_over() { Err(ErrorKind::TimedOut.into()) } else { Ok(()) }
    }

    /// Fails if the other thread has, or the drain is over.
    fn check(&self) -> io::Result<()> {
        if self.broken.get().is_some() || self.proxy.context.stop.is_over() {
            return Err(ErrorKind::ConnectionAborted.into());
        }
        Ok(())
    }

    /// Ends the connection: wakes the thread that reads. What had come is passed
    /// on still.
    fn fail(&self) {
        let _ = self.broken.set(Break::Failure);
        for stream in [&self.client, &self.upstream] {
            // Fails only on a connection that is gone: nobody blocks on that.
            let _ = stream.shutdown(Shutdown::Read);
        }
    }

    fn touch(&self) {
        if self.proxy.context.idle_timeout.is_some() {
            self.moved_ms.store(self.age_ms(), Relaxed);
        }
    }

    /// How long the connection may still be silent, in both directions.
    ///
    /// Fails once it was so for too long.
    fn patience(&self) -> io::Result<Duration> {
        let Some(timeout) = self.proxy.context.idle_timeout else { return Ok(LOOK) };
        let silent =
            Duration::from_millis(self.age_ms().saturating_sub(self.moved_ms.load(Relaxed)));
        match timeout.checked_sub(silent) {
            Some(left) if !left.is_zero() => Ok(left),
            _ => {
                // Both threads may find it at once, and either may have failed before.
                let _ = self.broken.set(Break::Idle);
                Err(ErrorKind::TimedOut.into())
            }
        }
    }

    fn age_ms(&self) -> u64 {
        u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn has_failed(&self) -> bool {
        self.broken.get() == Some(&Break::Failure)
    }

    fn tally(&self) -> Tally {
        let cut = self.has_failed() && self.proxy.context.stop.is_over();
        Tally {
            bytes_in: self.up.passed.load(Relaxed),
            bytes_out: self.down.passed.load(Relaxed),
            failed: self.has_failed() && !cut,
            cut,
            ..Tally::default()
        }
    }
}

/// Makes closing the socket a reset: its peer must not take what it has got for
/// all there was.
fn reset(stream: &TcpStream) {
    // Fails only on what is no socket.
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
}
