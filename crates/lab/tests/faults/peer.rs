//! Servers of others, which ours are held against.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    process::{Child, Command, Stdio},
};

use crate::{client::Client, wait::eventually};

/// A running server of others. It is killed when dropped.
pub(crate) struct Peer {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Peer {
    /// Starts what `command` makes for an address. `None`, and says so, if it is not here.
    pub(crate) fn start(command: impl FnOnce(SocketAddr) -> Command) -> Option<Self> {
        // Nobody else listens here, who could take the port before it does.
        let free = TcpListener::bind((Ipv4Addr::new(127, 77, 0, 1), 0)).expect("a port is free");
        let address = free.local_addr().expect("it is bound");
        drop(free);
        let mut command = command(address);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let Ok(child) = command.spawn() else {
            let program = command.get_program().display();
            eprintln!("skipped: {program} is not here; `just peers` installs it");
            return None;
        };
        eventually("it listens", || Client::try_connect(address).is_ok());
        Some(Self { child, address })
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
