//! The child's side: what its master has given it, and what it says at its end.

use std::{
    env,
    ffi::CString,
    fs::OpenOptions,
    io,
    net::TcpStream,
    os::{fd::AsFd, unix::net::UnixDatagram},
    process,
    sync::Arc,
};

use nix::sys::signal::{SigSet, Signal as Number};
use rustix::{
    process::{Pid, Signal, getppid, set_parent_process_death_signal},
    stdio::{dup2_stdin, dup2_stdout},
    thread::set_name,
};

use super::{Farewell, PART};
use crate::{Connection, Context, Listener, Mode, Report};

/// What a child process was given by its master.
#[derive(Debug)]
pub struct Inherited {
    part: Part,
    socket: Socket,
    channel: UnixDatagram,
}

#[derive(Debug)]
enum Socket {
    Listening(Arc<Listener>),
    Connected(TcpStream),
}

/// Which part a child plays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// The process that has started it.
    pub(super) master: i32,
    /// How many connections it may have open.
    pub(super) connections: usize,
    /// Whether its socket is one to accept from. The stop may have closed it already, so
    /// the socket itself cannot be asked.
    pub(super) listens: bool,
    pub(super) name: String,
}

impl Part {
    /// As the environment has it.
    pub(super) fn words(&self) -> String {
        format!("{} {} {} {}", self.master, self.connections, self.listens, self.name)
    }

    fn parse(words: &str) -> Option<Self> {
        let mut words = words.splitn(4, ' ');
        let master = words.next()?.parse().ok()?;
        let connections = words.next()?.parse().ok()?;
        let listens = words.next()?.parse().ok()?;
        Some(Self { master, connections, listens, name: words.next()?.to_owned() })
    }
}

impl Inherited {
    /// What this process was given, if it is a child. To be called once, before
    /// it does anything else.
    ///
    /// # Errors
    ///
    /// Fails if what it was given is not what a child is given.
    pub(crate) fn take() -> io::Result<Option<Self>> {
        let Some(words) = env::var_os(PART) else { return Ok(None) };
        let part = words.to_str().and_then(Part::parse).ok_or_else(|| {
            io::Error::other(format!("{PART} is for this server's own use: unset it"))
        })?;
        set_parent_process_death_signal(Some(Signal::KILL))?;
        if getppid().map(Pid::as_raw_pid) != Some(part.master) {
            // It has died before it could take us along.
            process::exit(1);
        }
        // The name that `top` shows, instead of "exe"; no matter if it cannot be set.
        let _ = set_name(&CString::new(part.name.clone()).unwrap_or_default());
        // A socket is closed only once nobody has it: standard input must let go of
        // it, and nothing printed may go to the master.
        let socket = io::stdin().as_fd().try_clone_to_owned()?;
        let channel = io::stdout().as_fd().try_clone_to_owned()?;
        let nothing = OpenOptions::new().read(true).write(true).open("/dev/null")?;
        dup2_stdin(&nothing)?;
        dup2_stdout(&nothing)?;
        let socket = if part.listens {
            Socket::Listening(Arc::new(Listener::inherited(socket)))
        } else {
            Socket::Connected(socket.into())
        };
        Ok(Some(Self { part, socket, channel: channel.into() }))
    }

    /// The name of its part, as the report has it.
    #[must_use]
    pub fn part(&self) -> &str {
        &self.part.name
    }

    /// How many connections it may have open.
    pub(crate) fn connections(&self) -> usize {
        self.part.connections
    }

    /// What it is to be closed by at the stop, if its socket listens.
    pub(crate) fn listens(&self) -> Option<Arc<Listener>> {
        match &self.socket {
            Socket::Listening(listener) => Some(Arc::clone(listener)),
            Socket::Connected(_) => None,
        }
    }

    /// Its listening socket.
    ///
    /// # Errors
    ///
    /// Fails if its socket is a connection.
    pub fn listener(self) -> io::Result<Arc<Listener>> {
        match self.socket {
            Socket::Listening(listener) => Ok(listener),
            Socket::Connected(_) => Err(io::Error::other("the socket does not listen")),
        }
    }

    /// Its connection, which the master has accepted.
    ///
    /// # Errors
    ///
    /// Fails if its socket listens.
    pub fn connection(self, context: &Context) -> io::Result<Connection> {
        match self.socket {
            Socket::Connected(stream) => {
                Ok(Connection { stream, seat: context.stats.seat(), mode: Mode::Blocking })
            }
            Socket::Listening(_) => Err(io::Error::other("the socket listens")),
        }
    }

    /// Where to leave the report.
    pub(crate) fn outlet(&self) -> io::Result<Outlet> {
        Ok(Outlet { part: self.part.name.clone(), channel: self.channel.try_clone()? })
    }
}

/// A child's way to tell its master what it has done.
#[derive(Debug)]
pub(crate) struct Outlet {
    part: String,
    channel: UnixDatagram,
}

impl Outlet {
    /// Sends the report: some hundred bytes, where a datagram may have 200,000.
    pub(crate) fn send(&self, report: Report) -> io::Result<()> {
        let farewell = Farewell { part: self.part.clone(), report };
        self.channel.send(&serde_json::to_vec(&farewell)?).map(drop)
    }
}

/// The signals that ask a server to stop.
fn stop_signals() -> SigSet {
    [Number::SIGINT, Number::SIGTERM, Number::SIGQUIT].into_iter().collect()
}

/// Keeps stop signals from this thread, and from the processes that it starts: a
/// child that is asked to stop before it has begun to listen for that would die of it.
pub(super) fn hold_stop_signals() -> io::Result<()> {
    Ok(stop_signals().thread_block()?)
}

/// Lets them come, also those that have been sent meanwhile.
pub(crate) fn allow_stop_signals() -> io::Result<()> {
    Ok(stop_signals().thread_unblock()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_understood_as_it_was_meant() {
        let part = Part {
            master: 4711,
            connections: usize::MAX,
            listens: true,
            name: "loop 0".to_owned(),
        };
        assert_eq!(Part::parse(&part.words()), Some(part));
        assert_eq!(Part::parse("4711 loop"), None);
    }
}
