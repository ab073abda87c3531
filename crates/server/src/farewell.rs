//! Closing a connection without losing what is on its way to the peer.
//!
//! A socket that is closed while bytes arrive answers with a reset, and a reset
//! throws away what the socket has not sent yet: megabytes, if the peer reads
//! slowly. So whoever closes first waits until the kernel has sent everything,
//! and reads on meanwhile, since the peer may not read before it has written.

use std::{
    io::{self, ErrorKind},
    os::fd::AsFd,
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    net::{RecvFlags, Shutdown, recv, shutdown},
};
use socket2::SockRef;

use crate::SystemCalls;
use service::{End, Phase};

/// How long a peer is listened to that may still send, so that it can read its answer.
pub const LINGER: Duration = Duration::from_secs(1);

/// Whether a peer that is left may still send, and is to be listened to for a while: one
/// that was refused, and one that has asked for the end with more behind it, which nobody
/// can know. One that we have ended, by a stop or for its silence, has been told so.
#[must_use]
pub fn lingers(phase: Phase, ended: Option<End>) -> bool {
    phase == Phase::Refused || ended.is_none()
}

/// Takes nothing more from the peer but what has arrived: it is read, then comes
/// the end. It is the stop, as a socket is told of it.
pub fn stop_reading(socket: &impl AsFd, calls: &mut SystemCalls) {
    calls.control += 1;
    // Fails only on a connection that is gone: the next read tells.
    let _ = shutdown(socket, Shutdown::Read);
}

/// Makes [`is_sent`] tell of this socket.
///
/// # Errors
///
/// Fails if the socket is no longer valid.
pub fn announce(socket: &impl AsFd, calls: &mut SystemCalls) -> io::Result<()> {
    calls.control += 1;
    // From here on the socket counts as writable only if nothing is unsent.
    SockRef::from(socket).set_tcp_notsent_lowat(1)
}

/// Whether the kernel has sent all that the announced socket was given. Waits
/// for that, at most so long; if it is to come later, it comes as an event.
///
/// # Errors
///
/// Fails if it will never be sent: the connection is gone.
pub fn is_sent(socket: &impl AsFd, at_most: Duration, calls: &mut SystemCalls) -> io::Result<bool> {
    let timeout = Timespec::try_from(at_most).map_err(io::Error::other)?;
    let mut socket = [PollFd::new(socket, PollFlags::OUT)];
    calls.wait += 1;
    match poll(&mut socket, Some(&timeout)) {
        Ok(_) if socket[0].revents().intersects(PollFlags::HUP | PollFlags::ERR) => {
            Err(ErrorKind::ConnectionAborted.into())
        }
        Ok(ready) => Ok(ready > 0),
        Err(Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Reads what has come, to no purpose; returns how many bytes that was.
///
/// # Errors
///
/// Fails if the connection is gone.
pub fn discard(socket: &impl AsFd, input: &mut [u8], calls: &mut SystemCalls) -> io::Result<usize> {
    calls.read += 1;
    match recv(socket, input, RecvFlags::DONTWAIT) {
        Ok((_, length)) => Ok(length),
        Err(Errno::AGAIN | Errno::INTR) => Ok(0),
        Err(error) => Err(error.into()),
    }
}
