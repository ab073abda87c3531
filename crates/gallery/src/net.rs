//! What lessons share of the network: a server in a thread, and clients that do not wait for ever.

use std::{
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    os::fd::AsFd,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// How long we wait for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);
/// How long a client waits for an answer before it takes it that none comes.
pub(crate) const GIVES_UP: Duration = Duration::from_secs(1);
/// How often a server looks whether it is to stop.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// A server in a thread of its own; dropped, it is stopped and waited for.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Server {
    /// Runs `serve` on a free port. What it returns is the end of that server.
    pub(crate) fn start(
        serve: impl FnOnce(&Door) -> io::Result<()> + Send + 'static,
    ) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let door = Door { listener: listen()?, stop: stop.clone() };
        let address = door.listener.local_addr()?;
        door.listener.set_nonblocking(true)?;
        // Its error is part of the lesson: clients see what it does.
        let thread = thread::spawn(move || drop(serve(&door)));
        Ok(Self { address, stop, thread })
    }

    /// Asks the server to stop.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::SeqCst);
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.thread.is_finished()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
        wait_until(PATIENCE, || self.has_ended());
    }
}

/// Where a server's clients come in.
#[derive(Debug)]
pub(crate) struct Door {
    /// It does not block.
    pub(crate) listener: TcpListener,
    stop: Arc<AtomicBool>,
}

impl Door {
    /// Whether the server is to stop.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    /// The next client, as soon as there is one; none once the server is to stop.
    pub(crate) fn next(&self) -> Option<TcpStream> {
        while !self.is_stopped() {
            wait_ready(&self.listener, PollFlags::IN);
            if let Ok((client, _)) = self.listener.accept() {
                return bounded(client).ok();
            }
        }
        None
    }
}

/// A listener on a free port of loopback.
pub(crate) fn listen() -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
}

/// A client that gives up after [`GIVES_UP`].
pub(crate) fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    bounded(TcpStream::connect_timeout(&address, GIVES_UP)?)
}

fn bounded(stream: TcpStream) -> io::Result<TcpStream> {
    stream.set_read_timeout(Some(GIVES_UP))?;
    stream.set_write_timeout(Some(GIVES_UP))?;
    Ok(stream)
}

/// Sends `text`, and waits until as much has come back.
pub(crate) fn ask(mut stream: &TcpStream, text: &[u8]) -> io::Result<Vec<u8>> {
    stream.write_all(text)?;
    let mut answer = vec![0; text.len()];
    stream.read_exact(&mut answer).map(|()| answer)
}

/// Waits until `socket` is ready for one of `events`, for a [`TICK`] at most.
pub(crate) fn wait_ready(socket: impl AsFd, events: PollFlags) -> PollFlags {
    let tick = Timespec::try_from(TICK).ok();
    let mut sockets = [PollFd::new(&socket, events)];
    // Interrupted is as good as not ready: whoever waits comes again.
    let _ = poll(&mut sockets, tick.as_ref());
    sockets[0].revents()
}

/// Waits until `holds`, for `patience` at most; says whether it does.
pub(crate) fn wait_until(patience: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let since = Instant::now();
    while !holds() {
        if since.elapsed() > patience {
            return false;
        }
        thread::sleep(Duration::from_millis(2));
    }
    true
}
