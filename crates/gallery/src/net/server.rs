//! A server in a thread of its own, and the door that its clients come in by.

use std::{
    io,
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

use rustix::event::PollFlags;

use super::{PATIENCE, bounded, listen, wait_ready, wait_until};

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
