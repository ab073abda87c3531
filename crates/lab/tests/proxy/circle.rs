//! Proxies that reach each other in a circle: each connection asks for another one, for as
//! long as there are descriptors.

use std::{net::TcpListener, process::Command};

use crate::{
    rig::for_every_model,
    server::{LAB, Server},
    wait::eventually,
};

for_every_model!(a_circle_comes_to_an_end);

/// A proxy with few descriptors, and little patience.
fn start(model: &str, listen: &str, upstream: &str) -> Server {
    let mut command = Command::new("sh");
    command.arg("-c").arg("ulimit -n 60; exec \"$0\" \"$@\"").arg(LAB);
    command.args(["proxy", model, "--listen", listen, "--upstream", upstream]);
    command.args(["--workers", "2", "--connect-timeout", "300ms"]);
    Server::run(command)
}

fn a_circle_comes_to_an_end(model: &str) {
    let free = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let first = free.local_addr().expect("it is bound").to_string();
    drop(free);
    let other = start(model, "127.0.0.1:0", &first);
    let first = start(model, &first, &other.address.to_string());
    let client = first.connect();
    client.send("round and round");
    eventually("both are full", || first.open() > 30 && other.open() > 30);
    drop(client);
    eventually("nobody is left", || first.open() == 0 && other.open() == 0);
    let refused = [first, other].map(|proxy| proxy.stop_well().count("refused"));
    assert!(refused.iter().sum::<u64>() > 0, "the last one was turned away");
}
