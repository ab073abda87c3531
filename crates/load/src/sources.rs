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

/// Where connections come from: the kernel's choice, or several loopback
/// addresses when there are more connections than ports.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sources {
    target: SocketAddr,
    addresses: usize,
}

impl Sources {
    pub(crate) fn new(target: SocketAddr, connections: usize) -> Self {
        let loopback = matches!(target.ip(), IpAddr::V4(ip) if ip.is_loopback());
        let addresses = if loopback { connections.div_ceil(PER_SOURCE).min(254) } else { 1 };
        Self { target, addresses }
    }

    /// Begins the handshake of connection `id` without waiting for it.
    pub(crate) fn connect(&self, id: usize) -> io::Result<TcpStream> {
        let socket = Socket::new(Domain::for_address(self.target), Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        if let Some(source) = self.source(id) {
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

    fn source(&self, id: usize) -> Option<SocketAddr> {
        let last = u8::try_from(id % self.addresses + 1).ok()?;
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
        assert_eq!(Sources::new(target, PER_SOURCE).source(0), None);
        let many = Sources::new(target, 2 * PER_SOURCE + 1);
        let distinct: HashSet<_> = (0..100).map(|id| many.source(id)).collect();
        assert_eq!(distinct.len(), 3);
    }

    #[test]
    fn a_remote_target_is_left_to_the_kernel() {
        let target = "192.0.2.1:1".parse().unwrap();
        assert_eq!(Sources::new(target, 100_000).source(0), None);
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
