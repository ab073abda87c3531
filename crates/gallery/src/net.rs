//! What lessons share of the network: a server in a thread, and clients that do not wait for ever.

use std::{
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    os::fd::AsFd,
    thread,
    time::{Duration, Instant},
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

mod server;

pub(crate) use self::server::{Door, Server};

/// How long we wait for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);
/// How long a client waits for an answer before it takes it that none comes.
pub(crate) const GIVES_UP: Duration = Duration::from_secs(1);
/// How often a server looks whether it is to stop.
pub(crate) const TICK: Duration = Duration::from_millis(10);

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
