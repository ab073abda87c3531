//! The server that connections are passed on to.

use std::{
    io,
    net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs, UdpSocket},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};

use rustix::io::Errno;
use socket2::{Domain, Protocol, Socket, Type};

/// The server that connections are passed on to.
#[derive(Debug)]
pub struct Upstream {
    /// What its name stands for; never empty. They are tried in order.
    addresses: Vec<SocketAddr>,
    /// How long a client waits for it.
    pub(crate) patience: Duration,
    failed: AtomicU64,
}

/// How far connecting without waiting has come.
#[derive(Debug)]
pub(crate) enum Dial {
    /// Connected.
    Connected(Socket),
    /// It will become writable, or have an error: then go on with the address
    /// of this number.
    Connecting(Socket, usize),
}

impl Upstream {
    /// Looks up `name`, as `host:port`. What it stands for is not looked up again.
    ///
    /// # Errors
    ///
    /// Says what is wrong with the name.
    pub fn resolve(name: &str, patience: Duration) -> Result<Self, String> {
        let found = name.to_socket_addrs().map_err(|error| {
            format!("cannot find the upstream {name}: {error}; give HOST:PORT, as 127.0.0.1:5555")
        })?;
        let mut addresses: Vec<SocketAddr> = Vec::new();
        for address in found {
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        if addresses.is_empty() {
            return Err(format!("the upstream {name} has no address"));
        }
        if addresses[0].port() == 0 {
            return Err(format!("the upstream {name} has no port: nobody listens on port 0"));
        }
        Ok(Self { addresses, patience, failed: AtomicU64::new(0) })
    }

    /// Whether a proxy that listens on `address` would pass connections on to itself.
    pub(crate) fn is_at(&self, address: SocketAddr) -> bool {
        let here = address.ip().to_canonical();
        let reaches = |to: IpAddr| {
            // To connect to no address in particular is to connect to this machine.
            let to_here = to == here || (to.is_unspecified() && here.is_loopback());
            to_here || (here.is_unspecified() && is_of_this_machine(to))
        };
        let is_it =
            |to: &SocketAddr| to.port() == address.port() && reaches(to.ip().to_canonical());
        self.addresses.iter().any(is_it)
    }

    /// Connections that it could not be reached for.
    pub(crate) fn failures(&self) -> u64 {
        self.failed.load(Relaxed)
    }

    /// Counts a connection that it could not be reached for.
    pub(crate) fn fail(&self) {
        self.failed.fetch_add(1, Relaxed);
    }

    /// A socket to connect to it with.
    ///
    /// # Errors
    ///
    /// Fails if there is no descriptor left.
    pub(crate) fn socket(&self) -> io::Result<Socket> {
        socket_for(self.addresses[0])
    }

    /// Begins to connect, without waiting, with the address of number `at` or the
    /// first after it that does not fail at once.
    ///
    /// # Errors
    ///
    /// Fails if no address is left.
    // ANCHOR: dial
    pub(crate) fn dial(&self, mut socket: Socket, mut at: usize) -> io::Result<Dial> {
        socket.set_nonblocking(true)?;
        loop {
            match socket.connect(&self.addresses[at].into()) {
                Ok(()) => return Ok(Dial::Connected(socket)),
                Err(error) if is_in_progress(&error) => {
                    return Ok(Dial::Connecting(socket, at + 1));
                }
                Err(error) => socket = self.another(at + 1, error)?,
            }
            at += 1;
        }
    }

    /// Goes on with the next address, after the one before `at` has failed.
    ///
    /// # Errors
    ///
    /// Fails with `error` if no address is left.
    pub(crate) fn redial(&self, at: usize, error: io::Error) -> io::Result<Dial> {
        self.dial(self.another(at, error)?, at)
    }
    // ANCHOR_END: dial

    fn another(&self, at: usize, error: io::Error) -> io::Result<Socket> {
        self.addresses.get(at).map_or(Err(error), |&address| socket_for(address))
    }

    /// Connects, and waits for that.
    ///
    /// # Errors
    ///
    /// Fails if no address answers in time.
    pub(crate) fn connect(&self, mut socket: Socket) -> io::Result<TcpStream> {
        let deadline = Instant::now() + self.patience;
        let mut at = 0;
        loop {
            // A timeout of zero is none at all to it.
            let left = deadline.saturating_duration_since(Instant::now());
            let left = left.max(Duration::from_millis(1));
            match socket.connect_timeout(&self.addresses[at].into(), left) {
                Ok(()) => return Ok(socket.into()),
                Err(error) => socket = self.another(at + 1, error)?,
            }
            at += 1;
        }
    }
}

/// What can be bound is ours.
fn is_of_this_machine(ip: IpAddr) -> bool {
    UdpSocket::bind((ip, 0)).is_ok()
}

fn socket_for(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // What is passed on must not wait for more to come.
    socket.set_tcp_nodelay(true)?;
    Ok(socket)
}

fn is_in_progress(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::INPROGRESS | Errno::INTR))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(name: &str) -> Result<Upstream, String> {
        Upstream::resolve(name, Duration::from_secs(1))
    }

    #[test]
    fn what_is_no_upstream_is_told() {
        for (name, why) in [
            ("127.0.0.1", "HOST:PORT"),
            ("nobody.invalid:80", "nobody.invalid:80"),
            ("127.0.0.1:0", "port 0"),
        ] {
            let message = resolve(name).unwrap_err();
            assert!(message.contains(why), "{message}");
        }
    }

    #[test]
    fn a_proxy_does_not_pass_on_to_itself() {
        let upstream = resolve("127.0.0.1:5555").unwrap();
        assert!(upstream.is_at("127.0.0.1:5555".parse().unwrap()));
        assert!(upstream.is_at("0.0.0.0:5555".parse().unwrap()));
        assert!(upstream.is_at("[::]:5555".parse().unwrap()), "it takes IPv4 as well");
        assert!(upstream.is_at("[::ffff:127.0.0.1]:5555".parse().unwrap()));
        assert!(resolve("0.0.0.0:5555").unwrap().is_at("127.0.0.1:5555".parse().unwrap()));
        assert!(resolve("127.9.9.9:5555").unwrap().is_at("0.0.0.0:5555".parse().unwrap()));
        assert!(!resolve("192.0.2.1:5555").unwrap().is_at("0.0.0.0:5555".parse().unwrap()));
        assert!(!upstream.is_at("127.0.0.1:5556".parse().unwrap()));
        assert!(!upstream.is_at("127.0.0.2:5555".parse().unwrap()));
    }

    #[test]
    fn the_next_address_is_tried() {
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let open = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let addresses = [&closed, &open].map(|one| one.local_addr().unwrap()).to_vec();
        drop(closed);
        let patience = Duration::from_secs(10);
        let upstream = Upstream { addresses, patience, failed: AtomicU64::new(0) };
        let connected = upstream.connect(upstream.socket().unwrap()).unwrap();
        assert_eq!(connected.peer_addr().unwrap(), open.local_addr().unwrap());
        match upstream.dial(upstream.socket().unwrap(), 0).unwrap() {
            Dial::Connected(socket) | Dial::Connecting(socket, 2) => drop(socket),
            // The refusal may take its time.
            Dial::Connecting(_, next) => {
                let refused = io::ErrorKind::ConnectionRefused.into();
                assert_eq!(next, 1);
                upstream.redial(next, refused).unwrap();
            }
        }
        let refused = upstream.redial(2, io::ErrorKind::ConnectionRefused.into()).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    }
}
