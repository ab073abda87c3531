//! The listening socket, and what comes from it.

use std::{
    io, iter,
    net::{SocketAddr, TcpListener, TcpStream},
    num::NonZeroUsize,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd},
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, poll},
    io::Errno,
    net::{Shutdown, SocketFlags, accept_with, shutdown},
};
use socket2::{Domain, Protocol, Socket, Type};

use crate::{Context, Stats, SystemCalls, stats::Seat};

/// Handshakes that the kernel completes ahead of `accept`; it cuts this to
/// `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

/// A listening socket, and those that share its address.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    siblings: Vec<Listener>,
    /// It is another process's too, which closes it for both.
    inherited: bool,
}

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
        Ok(Self { socket: socket.into(), siblings: Vec::new(), inherited: false })
    }

    /// A listening socket that this process was started with.
    pub(crate) fn inherited(socket: OwnedFd) -> Self {
        Self { socket: socket.into(), siblings: Vec::new(), inherited: true }
    }

    /// The same socket, for another process.
    pub(crate) fn socket(&self) -> io::Result<OwnedFd> {
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

    /// Waits for the next connection; `None` once the stop is requested.
    ///
    /// # Errors
    ///
    /// Fails if the listener itself is broken. Neither a client that gives up
    /// nor a lack of descriptors is an error of the listener.
    pub fn accept(&self, mode: Mode, context: &Context) -> io::Result<Option<Connection>> {
        while !context.stop.is_requested() {
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
        let flags = match mode {
            Mode::Blocking => SocketFlags::CLOEXEC,
            // Asked for here it is no system call of its own.
            Mode::Nonblocking => SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
        };
        loop {
            context.stats.add(SystemCalls { accept: 1, ..SystemCalls::default() });
            let accepted = accept_with(&self.socket, flags);
            match self.judge(accepted.map(TcpStream::from).map_err(io::Error::from), context)? {
                Some(Attempt::Accepted(connection)) => {
                    return Ok(Attempt::Accepted(Connection { mode, ..connection }));
                }
                Some(attempt) => return Ok(attempt),
                None => {}
            }
        }
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
            return Ok(Some(Attempt::Exhausted));
        }
        match Errno::from_io_error(&error) {
            Some(Errno::AGAIN) => Ok(Some(Attempt::Empty)),
            Some(Errno::INVAL) if context.stop.is_requested() => Ok(Some(Attempt::Empty)),
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

    /// Waits for [`Listener::EXHAUSTED_PAUSE`], or for the stop.
    ///
    /// # Errors
    ///
    /// Fails if waiting itself is broken.
    pub fn pause(Context { stop, stats, .. }: &Context) -> io::Result<()> {
        let timeout = Self::EXHAUSTED_PAUSE.try_into().map_err(io::Error::other)?;
        wait_once(stats, || poll(&mut [PollFd::new(stop, PollFlags::IN)], Some(&timeout)))
    }

    /// Refuses everybody from now on. To be called after the stop was requested.
    pub(crate) fn close(&self) {
        for listener in self.all() {
            // Without it clients would go on connecting to a server that drains,
            // to be reset when it ends. Fails only if it is done already.
            let _ = shutdown(&listener.socket, Shutdown::Both);
        }
    }

    fn wait(&self, Context { stop, stats, .. }: &Context) -> io::Result<()> {
        let mut both = [PollFd::new(&self.socket, PollFlags::IN), PollFd::new(stop, PollFlags::IN)];
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
