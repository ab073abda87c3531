//! Clients, right and wrong ones, as a service has them in its life: each is one
//! connection, and is over soon.

use std::{
    io::{Read, Write},
    net::SocketAddr,
};

use rand::{Rng, RngExt as _};

use crate::{client::Client, http_client::post};

/// What came of one connection.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Came {
    /// Requests, the answer of each of which was right.
    pub(crate) valid: u64,
    /// It was no good client.
    pub(crate) invalid: u64,
}

/// One client of a service, of a kind that chance decides.
pub(crate) fn client(service: &str, address: SocketAddr, chance: &mut impl Rng) -> Came {
    let client = Client::connect(address);
    match chance.random_range(0..8) {
        0 => nonsense(&client, chance),
        1 => half(&client, service),
        2 => broken_off(client, service),
        3 => wrong(&client, service),
        _ => return valid(&client, service, chance.random_range(1..8)),
    }
    Came { valid: 0, invalid: 1 }
}

/// Requests that are answered one by one.
fn valid(client: &Client, service: &str, count: u64) -> Came {
    for number in 0..count {
        let (request, answer) = dialogue(service, number);
        client.send(&request);
        let said = if service == "http" { http_body(client) } else { client.receive(answer.len()) };
        let right = said == answer;
        assert!(right, "{:?}, not {:?}", String::from_utf8_lossy(&said), text(&answer));
    }
    Came { valid: count, invalid: 0 }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A request, and what it is answered; of HTTP, the body of the answer.
fn dialogue(service: &str, number: u64) -> (Vec<u8>, Vec<u8>) {
    let body = format!("{number} ").repeat(40);
    match service {
        "echo" => (body.clone().into(), body.into()),
        "http" => (post(&body), body.into()),
        "rpc" => (
            format!("{{\"jsonrpc\":\"2.0\",\"method\":\"cpu\",\"params\":[5],\"id\":{number}}}\n")
                .into(),
            format!("{{\"jsonrpc\":\"2.0\",\"result\":5,\"id\":{number}}}\n").into(),
        ),
        "cache" => {
            let length = body.len();
            let set = format!("set key 0 0 {length}\r\n{body}\r\nverbosity 1\r\n");
            (set.into(), "STORED\r\nOK\r\n".into())
        }
        other => panic!("no service {other}"),
    }
}

/// The body of an answer with a length.
fn http_body(client: &Client) -> Vec<u8> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.extend(client.receive(1));
    }
    let head = text(&head).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    client.receive(length.and_then(|length| length.parse().ok()).expect("a length"))
}

/// Bytes of no protocol.
fn nonsense(client: &Client, chance: &mut impl Rng) {
    let mut bytes = vec![0; chance.random_range(1..3000)];
    chance.fill_bytes(&mut bytes);
    say_and_hear(client, &bytes);
}

/// A request that ends in the middle.
fn half(client: &Client, service: &str) {
    let (request, _) = dialogue(service, 7);
    say_and_hear(client, &request[..request.len() / 2]);
}

/// Requests that are refused, or end in a panic of whoever works for them.
fn wrong(client: &Client, service: &str) {
    let requests = match service {
        "http" => "GET /panic HTTP/1.1\r\nHost: test\r\n\r\nGET / HTTP/9.9\r\n\r\n",
        "rpc" => "{\"jsonrpc\":\"2.0\",\"method\":\"panic\",\"id\":1}\n[[[\n{\"id\":[]}\n",
        "cache" => "set a 0 0 ten\r\nget\r\nincr a b\r\nno such command\r\n",
        _ => "",
    };
    say_and_hear(client, requests.as_bytes());
}

/// A client that asks, and is gone before the answer, with a reset.
fn broken_off(client: Client, service: &str) {
    client.send(dialogue(service, 7).0);
    client.reset();
}

/// Says all and hears all: whoever is sent away may be so at any time.
fn say_and_hear(client: &Client, bytes: &[u8]) {
    let _ = (&client.stream).write_all(bytes);
    let _ = client.stream.shutdown(std::net::Shutdown::Write);
    let _ = (&client.stream).read_to_end(&mut Vec::new());
}
