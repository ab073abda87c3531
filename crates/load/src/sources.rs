//! Sockets that begin to connect, and the source addresses they connect from.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use mio::net::TcpStream;
use nix::{
    errno::Errno,
    sys::socket::{setsockopt, sockopt::IpBindAddressNoPort},
};
use socket2::{Domain, Socket, Type};

/// Connections from one address to one port: below the 28,000 ephemeral ports
/// that Linux has for each such pair by default.
const PER_SOURCE: usize = 20_000;

/// Loopback addresses used at most: 127.0.0.1 to 127.0.0.254.
const ADDRESSES: usize = 254;

/// Where connections come from: the kernel's choice, or several loopback
/// addresses when there are more connections than ports. Who closes first keeps
/// the port for a minute (TIME-WAIT), so connections that are made over and over
/// use all addresses: seven million ports.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sources {
    target: SocketAddr,
    addresses: usize,
}

impl Sources {
    /// For so many connections at once; `renewed` if they are made over and over.
    pub(crate) fn new(target: SocketAddr, connections: usize, renewed: bool) -> Self {
        let loopback = matches!(target.ip(), IpAddr::V4(ip) if ip.is_loopback());
        let addresses = match (loopback, renewed) {
            (false, _) => 1,
            (true, true) => ADDRESSES,
            (true, false) => connections.div_ceil(PER_SOURCE).min(ADDRESSES),
        };
        Self { target, addresses }
    }

    /// Begins the handshake of the `nth` connection without waiting for it.
    pub(crate) fn connect(&self, nth: usize) -> io::Result<TcpStream> {
        let kind = Type::STREAM.nonblocking();
        let socket = Socket::new(Domain::for_address(self.target), kind, None)?;
        socket.set_tcp_nodelay(true)?;
        if let Some(source) = self.source(nth) {
            // Else bind takes a port for itself, before the kernel can know
            // that another connection's port would do for this target.
            setsockopt(&socket, IpBindAddressNoPort, &true)?;
            socket.bind(&source.into())?;
        }
        match socket.connect(&self.target.into()) {
            Err(why) if why.raw_os_error() != Some(Errno::EINPROGRESS as i32) => Err(why),
            _ => Ok(TcpStream::from_std(socket.into())),
        }
    }

    fn source(&self, nth: usize) -> Option<SocketAddr> {
        let last = u8::try_from(nth % self.addresses + 1).ok()?;
        (self.addresses > 1).then(|| SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), 0)))
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, net::TcpListener};

    use super::*;

    #[test]
    fn many_connections_spread_over_loopback() {
        let target = "127.0.0.1:1".parse().unwrap();
        assert_eq!(Sources::new(target, PER_SOURCE, false).source(0), None);
        let many = Sources::new(target, 2 * PER_SOURCE + 1, false);
        let distinct: HashSet<_> = (0..100).map(|id| many.source(id)).collect();
        assert_eq!(distinct.len(), 3);
        let renewed = Sources::new(target, 1, true);
        let distinct: HashSet<_> = (0..1000).map(|nth| renewed.source(nth)).collect();
        assert_eq!(distinct.len(), ADDRESSES);
    }

    #[test]
    fn a_remote_target_is_left_to_the_kernel() {
        let target = "192.0.2.1:1".parse().unwrap();
        assert_eq!(Sources::new(target, 100_000, true).source(0), None);
    }

    #[test]
    fn a_bound_source_is_seen_by_the_server() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let sources = Sources { target: listener.local_addr().unwrap(), addresses: 3 };
        let _client = sources.connect(2).unwrap();
        let (_, peer) = listener.accept().unwrap();
        assert_eq!(peer.ip(), IpAddr::from([127, 0, 0, 3]));
    }
}
