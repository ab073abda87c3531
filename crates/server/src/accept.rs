//! The listening socket, and what comes from it.

use std::{
    io, iter,
    net::{SocketAddr, TcpListener, TcpStream},
    num::NonZeroUsize,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd},
    sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, poll},
    io::Errno,
    net::{SocketFlags, accept_with},
};
use socket2::{Domain, Protocol, Socket, Type};

use crate::{Context, Stats, SystemCalls, backlog::Late, stats::Seat};

/// Handshakes that the kernel completes ahead of `accept`; it cuts this to
/// `net.core.somaxconn`.
pub(crate) const BACKLOG: i32 = 4096;
/// How often those who accept look, during a stop, whether they are done.
pub(crate) const LOOK: Duration = Duration::from_millis(10);

/// A listening socket, and those that share its address.
#[derive(Debug)]
pub struct Listener {
    pub(crate) socket: TcpListener,
    siblings: Vec<Listener>,
    /// It is another process's too, which closes it for both.
    pub(crate) inherited: bool,
    /// Other processes have it too, and accept from it.
    pub(crate) is_given: AtomicBool,
    /// Who waited in its backlog as it was closed.
    pub(crate) late: Late,
    /// Attempts in a row that found neither a descriptor nor anybody who holds one.
    barren: AtomicU32,
}

/// Attempts, each a pause after the last, before a server that has no descriptor to accept
/// with gives up.
const BARREN_MOST: u32 = 40;

/// An accepted connection, which counts as open until it is dropped.
#[derive(Debug)]
pub struct Connection {
    pub(crate) stream: TcpStream,
    pub(crate) seat: Seat,
    pub(crate) mode: Mode,
}

/// What a socket does with a read or a write that cannot be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It waits, and so does the thread: for models in which threads wait.
    Blocking,
    /// It says so: for models in which loops wait.
    Nonblocking,
}

/// What an attempt to accept without waiting came to.
#[derive(Debug)]
pub enum Attempt<T = Connection> {
    /// A connection.
    Accepted(T),
    /// Nobody is waiting.
    Empty,
    /// Somebody was closed at once, for the limit of connections.
    Refused,
    /// Somebody is waiting, but there is no descriptor left: try again later.
    Exhausted,
}

impl Listener {
    /// How long to leave a listener alone that cannot be served for want of
    /// descriptors. Without it the acceptor would spin: the waiting connection
    /// keeps the listener ready.
    pub const EXHAUSTED_PAUSE: Duration = Duration::from_millis(50);

    /// Listens on `address`; with port 0 the kernel picks one.
    ///
    /// # Errors
    ///
    /// Fails if the address is not ours or the port is taken.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        Self::listen(bound(address, false)?)
    }

    /// Listens on `address` with `count` sockets. The kernel deals connections
    /// among them by a hash of both ends' addresses, so each has its own backlog.
    ///
    /// # Errors
    ///
    /// As [`Listener::bind`].
    // ANCHOR: bind_many
    pub fn bind_many(address: SocketAddr, count: NonZeroUsize) -> io::Result<Self> {
        // Sockets that agree to share a port share it with any other server of
        // this user that agrees, too. One that does not agree finds it taken. It
        // is closed again, or those that listen would find it so themselves.
        let free = bound(address, false)?.local_addr()?;
        let address = free.as_socket().unwrap_or(address);
        let mut first = Self::listen(bound(address, true)?)?;
        for _ in 1..count.get() {
            first.siblings.push(Self::listen(bound(address, true)?)?);
        }
        Ok(first)
    }
    // ANCHOR_END: bind_many

    fn listen(socket: Socket) -> io::Result<Self> {
        socket.listen(BACKLOG)?;
        Ok(Self::of(socket.into(), false))
    }

    fn of(socket: TcpListener, inherited: bool) -> Self {
        let (is_given, late) = (AtomicBool::new(false), Late::default());
        let barren = AtomicU32::new(0);
        Self { socket, siblings: Vec::new(), inherited, is_given, late, barren }
    }

    /// A listening socket that this process was started with.
    pub(crate) fn inherited(socket: OwnedFd) -> Self {
        Self::of(socket.into(), true)
    }

    /// The same socket, for another process: that accepts from it, and this one does not.
    pub(crate) fn give(&self) -> io::Result<OwnedFd> {
        self.is_given.store(true, Relaxed);
        Ok(self.socket.try_clone()?.into())
    }

    /// Itself, and those that share its address.
    pub fn all(&self) -> impl Iterator<Item = &Self> {
        iter::once(self).chain(&self.siblings)
    }

    /// The address that clients connect to.
    ///
    /// # Errors
    ///
    /// Fails if the socket is no longer valid.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Waits for the next connection; `None` once the listener is closed, which is at the
    /// stop, and nobody is left who came before.
    ///
    /// # Errors
    ///
    /// Fails if the listener itself is broken. Neither a client that gives up
    /// nor a lack of descriptors is an error of the listener.
    pub fn accept(&self, mode: Mode, context: &Context) -> io::Result<Option<Connection>> {
        while !self.is_done() {
            match self.accept_now(mode, context)? {
                Attempt::Accepted(connection) => return Ok(Some(connection)),
                Attempt::Empty => self.wait(context)?,
                Attempt::Refused => {}
                Attempt::Exhausted => Self::pause(context)?,
            }
        }
        Ok(None)
    }

    /// Accepts a connection if one is waiting.
    ///
    /// # Errors
    ///
    /// As [`Listener::accept`].
    pub fn accept_now(&self, mode: Mode, context: &Context) -> io::Result<Attempt> {
        if let Some(mut late) = self.next_late() {
            let mut calls = SystemCalls::default();
            if mode == Mode::Nonblocking {
                late.make_nonblocking(&mut calls)?;
            }
            context.stats.add(calls);
            return Ok(Attempt::Accepted(late));
        }
        if self.late.is_closed() {
            return Ok(Attempt::Empty);
        }
        loop {
            context.stats.add(SystemCalls { accept: 1, ..SystemCalls::default() });
            if let Some(attempt) = self.accept_from_kernel(mode, context)? {
                return Ok(attempt);
            }
        }
    }

    /// Asks the kernel once; `None` if it was about a connection that is gone.
    pub(crate) fn accept_from_kernel(
        &self,
        mode: Mode,
        context: &Context,
    ) -> io::Result<Option<Attempt>> {
        let flags = match mode {
            Mode::Blocking => SocketFlags::CLOEXEC,
            // Asked for here it is no system call of its own.
            Mode::Nonblocking => SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
        };
        let accepted = accept_with(&self.socket, flags);
        let judged = self.judge(accepted.map(TcpStream::from).map_err(io::Error::from), context)?;
        Ok(judged.map(|attempt| match attempt {
            Attempt::Accepted(connection) => Attempt::Accepted(Connection { mode, ..connection }),
            other => other,
        }))
    }

    /// What an `accept` came to, whoever made it; `None` if it was about a
    /// connection that is gone. One that is there blocks.
    ///
    /// # Errors
    ///
    /// As [`Listener::accept`].
    pub fn judge(
        &self,
        accepted: io::Result<TcpStream>,
        context: &Context,
    ) -> io::Result<Option<Attempt>> {
        let error = match accepted {
            Ok(stream) => {
                self.barren.store(0, Relaxed);
                if let Some(seat) = context.stats.accept(context.limits.connections) {
                    return Ok(Some(Attempt::Accepted(Connection {
                        stream,
                        seat,
                        mode: Mode::Blocking,
                    })));
                }
                drop(stream);
                context.stats.add(SystemCalls { close: 1, ..SystemCalls::default() });
                context.stats.refuse();
                return Ok(Some(Attempt::Refused));
            }
            Err(error) => error,
        };
        if is_exhaustion(&error) {
            if self.is_barren(&error, context) {
                context.stop.request();
                let why = "no descriptor is left to accept with; raise the limit (ulimit -n)";
                return Err(io::Error::other(why));
            }
            return Ok(Some(Attempt::Exhausted));
        }
        match Errno::from_io_error(&error) {
            Some(Errno::AGAIN) => Ok(Some(Attempt::Empty)),
            Some(Errno::INVAL) if self.late.is_closed() => Ok(Some(Attempt::Empty)),
            // The stop, come sooner this way than by its signal.
            Some(Errno::INVAL) if self.inherited => {
                context.stop.request();
                Ok(Some(Attempt::Empty))
            }
            // These leave the listener unfit; whatever else `accept` says is
            // about one connection that is gone, see accept(2).
            Some(Errno::BADF | Errno::INVAL | Errno::NOTSOCK | Errno::FAULT) | None => {
                // The model ends, and its connections must end with it.
                context.stop.request();
                Err(error)
            }
            Some(_) => Ok(None),
        }
    }

    /// Whether nobody will ever be accepted: this process has used up its descriptors for
    /// itself. One that closes a connection has it counted as closed a moment earlier.
    fn is_barren(&self, error: &io::Error, context: &Context) -> bool {
        let has_none = Errno::from_io_error(error) == Some(Errno::MFILE);
        if !has_none || context.stats.open() > 0 {
            self.barren.store(0, Relaxed);
            return false;
        }
        self.barren.fetch_add(1, Relaxed) + 1 >= BARREN_MOST
    }

    /// Waits for [`Listener::EXHAUSTED_PAUSE`], or for the stop.
    ///
    /// # Errors
    ///
    /// Fails if waiting itself is broken.
    pub fn pause(Context { stop, stats, .. }: &Context) -> io::Result<()> {
        let timeout = Self::EXHAUSTED_PAUSE.try_into().map_err(io::Error::other)?;
        let mut ready = [PollFd::new(stop, PollFlags::IN)];
        // Once requested it stays readable.
        let ready = if stop.is_requested() { &mut [][..] } else { &mut ready };
        wait_once(stats, || poll(ready, Some(&timeout)))
    }

    /// Waits until somebody may have come, or the stop is requested.
    ///
    /// # Errors
    ///
    /// Fails if waiting itself is broken.
    pub fn wait(&self, Context { stop, stats, .. }: &Context) -> io::Result<()> {
        let mut both = [PollFd::new(&self.socket, PollFlags::IN), PollFd::new(stop, PollFlags::IN)];
        if stop.is_requested() {
            let look = LOOK.try_into().map_err(io::Error::other)?;
            return wait_once(stats, || poll(&mut both[..1], Some(&look)));
        }
        wait_once(stats, || poll(&mut both, None))
    }
}

impl Connection {
    /// Its socket.
    #[must_use]
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Makes it nonblocking, unless it was accepted so.
    ///
    /// # Errors
    ///
    /// Fails if the socket is no longer valid.
    pub fn make_nonblocking(&mut self, calls: &mut SystemCalls) -> io::Result<()> {
        if self.mode == Mode::Blocking {
            calls.control += 1;
            self.stream.set_nonblocking(true)?;
            self.mode = Mode::Nonblocking;
        }
        Ok(())
    }

    /// Its stream, to be driven from outside of this crate, and its seat, to be
    /// kept until the stream is closed.
    pub fn into_parts(self) -> (TcpStream, Seat) {
        (self.stream, self.seat)
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl AsRawFd for Listener {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

/// A socket with the address of a listener.
fn bound(address: SocketAddr, shared: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // Before bind, or a restart is refused while old connections linger.
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shared)?;
    // Accepted sockets inherit it: no system call for each connection.
    socket.set_tcp_nodelay(true)?;
    // `accept` must never block: a client may give up between poll and accept.
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

/// Whether a socket was not made for want of descriptors or memory, so that
/// there may be one later.
#[must_use]
pub fn is_exhaustion(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM)
    )
}

fn wait_once(stats: &Stats, mut wait: impl FnMut() -> Result<usize, Errno>) -> io::Result<()> {
    stats.add(SystemCalls { wait: 1, ..SystemCalls::default() });
    match wait() {
        // The caller looks again at what it waited for.
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
