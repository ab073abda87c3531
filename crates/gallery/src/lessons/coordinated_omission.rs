//! Coordinated omission: a client that waits politely does not see the stall.

use std::{
    io::{self, Read as _, Write as _},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;

use crate::{
    Lesson, Outcome, Stage, Version,
    net::{Door, Server, connect},
};

pub(crate) const LESSON: Lesson = Lesson {
    name: "coordinated-omission",
    title: "A polite client does not see the stall",
    question: "A client is to send 100 requests a second for two seconds. In the middle the \
               server stands still for one second. The client sends the next request when the \
               answer to the last is there, and times each from when it was sent. What is the \
               95th percentile of the times?",
    answers: &["about a second", "about half a second", "a few milliseconds"],
    right: 2,
    because: "During the stall the client waits with one request. The hundred that are due \
              meanwhile are sent late and timed from then, so they look quick: one bad sample \
              among 200. Users do not wait for one another: time each request from the instant \
              at which it was due, whenever it could be sent.",
    run,
    act: None,
    read: &["book/src/measured/closed-lies.md", "crates/load/src/pacing.rs", "METHODOLOGY.md"],
    source: include_str!("coordinated_omission.rs"),
};

const REQUESTS: u32 = 200;
const INTERVAL: Duration = Duration::from_millis(10);
const STALL: Duration = Duration::from_secs(1);

/// Answers at once, but for one request in the middle.
fn serve(door: &Door) -> io::Result<()> {
    let Some(mut client) = door.next() else { return Ok(()) };
    client.set_read_timeout(Some(STALL * 2))?;
    let mut request = [0];
    for number in 0..REQUESTS {
        client.read_exact(&mut request)?;
        if number == REQUESTS / 2 {
            thread::sleep(STALL);
        }
        client.write_all(&request)?;
    }
    Ok(())
}

fn run(stage: &Stage) -> io::Result<Outcome> {
    let server = Server::start(serve)?;
    let client = connect(server.address)?;
    client.set_nodelay(true)?;
    client.set_read_timeout(Some(STALL * 3))?;
    stage.tell("200 requests, one every 10 ms; in the middle the server stalls for a second");
    let times = measure(&client, stage.version)?;
    let value = |quantile| Duration::from_micros(times.value_at_quantile(quantile));
    let p95 = value(0.95);
    let omits = p95 < STALL / 4;
    let words = if omits {
        "By these figures hardly anybody waited. Half of the users did."
    } else {
        "The figures show what the users would have seen: the stall, and who waited for it."
    };
    let ms = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1e3);
    Ok(Outcome::new(omits, words)
        .figure("median", ms(value(0.5)))
        .figure("95th percentile", ms(p95))
        .figure("greatest", ms(value(1.0))))
}

// ANCHOR: code
/// The times of all requests, in microseconds.
fn measure(mut client: &TcpStream, version: Version) -> io::Result<Histogram<u64>> {
    let mut times = Histogram::new(3).map_err(io::Error::other)?;
    let start = Instant::now();
    for number in 0..REQUESTS {
        let due = start + INTERVAL * number;
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let since = match version {
            Version::Flawed => Instant::now(), // FLAW: when it was sent, however late that was.
            Version::Mended => due,            // MEND: when it was to be sent.
        };
        client.write_all(b"x")?;
        client.read_exact(&mut [0])?;
        let micros = u64::try_from(since.elapsed().as_micros()).map_err(io::Error::other)?;
        times.record(micros).map_err(io::Error::other)?;
    }
    Ok(times)
}
// ANCHOR_END: code
