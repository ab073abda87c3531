//! HTTP beside nginx: the same bytes, cut anywhere, are refused or answered alike, and
//! the connection is kept or closed alike. Where we differ, the table says why.

use std::{fs, io::Read, net::SocketAddr, process::Command, thread, time::Duration};

use crate::{
    amount,
    client::Client,
    model::{EVENT_LOOP, Model, THREAD_POOL},
    peer::Peer,
    server::Server,
};

const CONFIGURATION: &str = r#"
daemon off;
master_process off;
pid nginx.pid;
error_log stderr;
events { }
http {
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    server {
        listen {address};
        location = / { return 200 "hello, world\n"; }
        location / { return 404; }
    }
}
"#;

/// What a server makes of some bytes: the first digit of its status, or 0 if it closes
/// without one, and whether it would answer another request after that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Verdict {
    class: u8,
    keeps: bool,
}

/// Requests; and why nginx thinks otherwise, if it does.
const REQUESTS: [(&str, Option<&str>); 32] = [
    ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", None),
    ("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", None),
    ("GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n", None),
    ("GET / HTTP/1.1\r\nHost: a\r\nConnection: CLOSE\r\n\r\n", None),
    ("GET / HTTP/1.0\r\n\r\n", None),
    ("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", None),
    ("GET / HTTP/1.0\r\nHost: a\r\nConnection: close\r\n\r\n", None),
    ("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", None),
    ("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", None),
    ("GET / HTTP/1.1\nHost: a\n\n", None),
    ("GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", None),
    ("GET /?a=b HTTP/1.1\r\nHost: a\r\n\r\n", None),
    ("GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n", Some("we close after every refusal")),
    ("GET / HTTP/1.1\r\nHost: a\r\nX:\r\n\r\n", None),
    ("GET / HTTP/1.1\r\nHost: a\r\nX: \t y \r\n\r\n", None),
    ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", None),
    ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", None),
    ("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", None),
    ("GET / HTTP/1.1\r\n\r\n", None),
    ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", None),
    ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", None),
    ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", None),
    ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", None),
    ("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", None),
    (
        "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n",
        None,
    ),
    ("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", None),
    ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", None),
    ("GET / HTTP/x\r\nHost: a\r\n\r\n", None),
    ("G@T / HTTP/1.1\r\nHost: a\r\n\r\n", None),
    ("GET  HTTP/1.1\r\nHost: a\r\n\r\n", None),
    ("GET / HTTP/1.1\r\nHost: a\r\nBad Name: x\r\n\r\n", None),
    ("GET / HTTP/1.1\r\nHost: a\r\n folded: x\r\n\r\n", None),
];

/// Sends the pieces, and looks what becomes of them.
fn verdict(address: SocketAddr, pieces: &[&[u8]], has_body: bool) -> Verdict {
    let client = Client::connect(address);
    for (number, piece) in pieces.iter().enumerate() {
        if number > 0 {
            // Long enough for the server to read what came before by itself.
            thread::sleep(Duration::from_millis(1));
        }
        client.send(piece);
    }
    let Some(status) = answer(&client, has_body) else { return Verdict { class: 0, keeps: false } };
    // A server that has closed may reset who goes on.
    let again = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let keeps = std::io::Write::write_all(&mut &client.stream, again).is_ok()
        && answer(&client, true) == Some(200);
    let class = u8::try_from(status / 100).expect("a class is a digit");
    Verdict { class, keeps }
}

/// The status of the next answer, which is read to its end.
fn answer(client: &Client, has_body: bool) -> Option<u16> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        (&client.stream).read_exact(&mut byte).ok()?;
        head.extend(byte);
    }
    let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
    let status = head.get(9..12)?.parse().ok()?;
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.and_then(|length| length.parse().ok()).unwrap_or(0);
    (&client.stream).read_exact(&mut vec![0; if has_body { length } else { 0 }]).ok()?;
    Some(status)
}

fn nginx(scratch: &std::path::Path) -> Option<Peer> {
    Peer::start(|address| {
        let file = scratch.join("nginx.conf");
        let configuration = CONFIGURATION.replace("{address}", &address.to_string());
        fs::write(&file, configuration).expect("the configuration is written");
        let mut command = Command::new("nginx");
        command.args(["-e", "stderr", "-p"]).arg(scratch).arg("-c").arg(file);
        command
    })
}

fn is_answered_as_nginx_answers(model: Model) {
    let scratch = tempfile::tempdir().expect("a folder");
    let Some(peer) = nginx(scratch.path()) else { return };
    let server = Server::start(model, "http", &["--workers", "2"]);
    for (request, why) in REQUESTS {
        let (bytes, has_body) = (request.as_bytes(), !request.starts_with("HEAD"));
        let whole = verdict(server.address, &[bytes], has_body);
        let theirs = verdict(peer.address, &[bytes], has_body);
        match why {
            None => assert_eq!(whole, theirs, "ours, then nginx's, of {request:?}"),
            Some(why) => assert_ne!(whole, theirs, "{request:?}: no more: {why}"),
        }
        for at in (1..bytes.len()).step_by(amount(5, 1)) {
            let (left, right) = bytes.split_at(at);
            let cut = verdict(server.address, &[left, right], has_body);
            assert_eq!(cut, whole, "{request:?} cut at {at}");
        }
    }
}

#[test]
fn an_event_loop_answers_as_nginx() {
    is_answered_as_nginx_answers(EVENT_LOOP);
}

#[test]
fn a_thread_pool_answers_as_nginx() {
    is_answered_as_nginx_answers(THREAD_POOL);
}
