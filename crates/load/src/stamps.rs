//! When the kernel received an answer, as it says itself: what the generator adds
//! to a latency is at most what passed from then until it noted the answer.

use std::{
    io::{self, IoSliceMut},
    os::fd::AsRawFd,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use mio::net::TcpStream;
use nix::{
    cmsg_space,
    sys::socket::{
        ControlMessageOwned, MsgFlags, TimestampingFlag, Timestamps, recvmsg, setsockopt,
        sockopt::Timestamping,
    },
};

/// An instant of the system's clock: that is what the kernel stamps with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamp(SystemTime);

/// Reads together with stamps.
#[derive(Debug)]
pub(crate) struct Stamps {
    /// Room for what comes beside the bytes.
    beside: Vec<u8>,
}

impl Stamps {
    pub(crate) fn new() -> Self {
        Self { beside: cmsg_space!(Timestamps) }
    }

    /// Asks the kernel to stamp what `stream` receives. One that does not will
    /// be noticed by the stamps that are missing.
    pub(crate) fn ask(stream: &TcpStream) {
        let software = TimestampingFlag::SOF_TIMESTAMPING_RX_SOFTWARE
            | TimestampingFlag::SOF_TIMESTAMPING_SOFTWARE;
        let _ = setsockopt(stream, Timestamping, &software);
    }

    /// Reads what there is, and when the last of it was received.
    pub(crate) fn read(
        &mut self,
        stream: &TcpStream,
        buffer: &mut [u8],
    ) -> io::Result<(usize, Option<Stamp>)> {
        let mut into = [IoSliceMut::new(buffer)];
        let descriptor = stream.as_raw_fd();
        let beside = Some(self.beside.as_mut_slice());
        let message = recvmsg::<()>(descriptor, &mut into, beside, MsgFlags::empty())?;
        let stamp = message.cmsgs()?.find_map(|one| match one {
            ControlMessageOwned::ScmTimestampsns(stamps) => Some(Duration::from(stamps.system)),
            _ => None,
        });
        let stamp = stamp.filter(|since| !since.is_zero()).map(|since| Stamp(UNIX_EPOCH + since));
        Ok((message.bytes, stamp))
    }
}

impl Stamp {
    /// How long ago that was; nothing, if the clock was set back meanwhile.
    pub(crate) fn age(self) -> Duration {
        self.0.elapsed().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write,
        net::{TcpListener, TcpStream as Blocking},
        thread,
    };

    use super::*;

    #[test]
    fn what_waits_in_the_socket_ages() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut sender = Blocking::connect(listener.local_addr().unwrap()).unwrap();
        let (receiver, _) = listener.accept().unwrap();
        let receiver = TcpStream::from_std(receiver); // Blocking: the test has time.
        Stamps::ask(&receiver);
        let (mut stamps, mut buffer) = (Stamps::new(), [0; 8]);
        // The kernel begins to stamp a moment after the first socket asks for it.
        for _ in 0..100 {
            sender.write_all(b"x").unwrap();
            thread::sleep(Duration::from_millis(20));
            let (bytes, stamp) = stamps.read(&receiver, &mut buffer).unwrap();
            assert_eq!(bytes, 1);
            if let Some(stamp) = stamp {
                assert!((15..10_000).contains(&stamp.age().as_millis()), "{:?}", stamp.age());
                return;
            }
        }
        eprintln!("this kernel stamps nothing, which a run says in a note");
    }
}
