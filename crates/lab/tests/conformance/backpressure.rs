//! A peer that does not read is not read: what it can make the server hold is
//! bounded, and others are served meanwhile.

use std::{io::Read, thread, time::Duration};

use crate::{
    client::Client,
    http_client::{get, post},
    model::{Model, Serves, for_every_model},
    pattern::pattern,
    server::Server,
};

for_every_model!(
    echo_to_a_client_that_never_reads_is_bounded,
    answers_to_a_client_that_never_reads_are_bounded,
    posts_of_a_client_that_never_reads_are_bounded,
);

/// More than any sockets hold.
const FLOOD: usize = 300_000_000;
/// What one client may cost in memory.
const GROWTH_MAX: usize = 32 << 20;
/// As `Sun, 06 Nov 1994 08:49:37 GMT`.
const DATE_BYTES: usize = 29;
/// A server that has taken nothing for so long is not reading.
const STUCK: Duration = Duration::from_millis(600);

/// Floods the server, checks it, and returns the client and what it sent.
fn flood<'a>(
    server: &Server,
    model: Model,
    bytes_max: usize,
    next: impl Fn(usize) -> &'a [u8],
    is_served: impl FnOnce(&Server),
) -> (Client, usize) {
    let before = server.memory_peak();
    let client = server.connect();
    let sent = client.send_until_stuck(bytes_max, STUCK, next);
    assert!(sent < bytes_max, "the server reads on though nobody reads its answers");
    if model.serves != Serves::One {
        is_served(server);
    }
    // The kernel counts roughly: what was a peak may read lower later.
    let growth = server.memory_peak().saturating_sub(before);
    assert!(growth < GROWTH_MAX, "one client costs {growth} bytes");
    (client, sent)
}

fn echo_to_a_client_that_never_reads_is_bounded(model: Model) {
    let server = Server::start(model, "echo", &["--workers", "2"]);
    let next = |at: usize| pattern(at, 64 << 10);
    let ping = |server: &Server| server.connect().ping("another");
    let (client, sent) = flood(&server, model, FLOOD, next, ping);
    client.finish();
    client.receive_pattern(sent);
    assert!(client.receive_all().is_empty(), "then comes the end");
    server.stop_well();
}

/// Floods with the same request again and again, then reads every answer.
fn flood_with(model: Model, request: &[u8]) {
    let server = Server::start(model, "http", &["--workers", "2"]);
    let mut sample = server.connect_http();
    sample.send(request);
    let answer_bytes = sample.answer().bytes;
    drop(sample);
    let sample = server.connect();
    sample.send(request);
    let answer = sample.receive(answer_bytes);
    drop(sample);

    // Copies of the request, so that a write takes many; always at a whole one's start.
    let many = request.repeat((256 << 10) / request.len() + 1);
    let next = |at: usize| &many[at % request.len()..];
    let hello = |server: &Server| server.connect_http().get("/").assert_text("hello, world\n");
    let (client, sent) = flood(&server, model, FLOOD, next, hello);
    let requests = sent.div_ceil(request.len());
    thread::scope(|scope| {
        scope.spawn(|| {
            client.send(&many[sent % request.len()..][..requests * request.len() - sent]);
            client.finish();
        });
        assert_answers(&client, requests, &answer);
    });
    server.stop_well();
}

/// Reads so many answers, all the same but for their dates, and the end.
fn assert_answers(client: &Client, count: usize, answer: &[u8]) {
    let expected = answer.repeat((256 << 10) / answer.len() + 2);
    let mut buffer = vec![0; 256 << 10];
    let mut received = 0;
    loop {
        let length = (&client.stream).read(&mut buffer).expect("the server answers");
        if length == 0 {
            break;
        }
        redate(&mut buffer[..length], received, answer);
        let at = received % answer.len();
        assert!(buffer[..length] == expected[at..at + length], "wrong after {received} bytes");
        received += length;
    }
    assert_eq!(received, count * answer.len());
}

/// Gives all answers the date of `answer`; `stream` begins at this offset of them.
fn redate(stream: &mut [u8], offset: usize, answer: &[u8]) {
    let name = b"\r\nDate: ";
    let field = answer.windows(name.len()).position(|bytes| bytes == name);
    let date = field.expect("an answer is dated") + name.len();
    for start in (offset - offset % answer.len()..offset + stream.len()).step_by(answer.len()) {
        for (at, &expected) in answer.iter().enumerate().skip(date).take(DATE_BYTES) {
            let here = (start + at).checked_sub(offset);
            if let Some(byte) = here.and_then(|here| stream.get_mut(here)) {
                *byte = expected;
            }
        }
    }
}

fn answers_to_a_client_that_never_reads_are_bounded(model: Model) {
    flood_with(model, get("/").as_bytes());
}

fn posts_of_a_client_that_never_reads_are_bounded(model: Model) {
    flood_with(model, &post(pattern(0, 200_000)));
}
