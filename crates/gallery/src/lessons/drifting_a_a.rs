//! An A/A test that "finds" 10 %: one server, measured twice, on a machine that drifts.

use std::{
    io::{self, Read as _, Write as _},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use crate::{
    Lesson, Outcome, Stage, Version,
    net::{Door, Server, connect},
};

pub(crate) const LESSON: Lesson = Lesson {
    name: "drifting-a-a",
    title: "A test of A against A \"finds\" 10 %",
    question: "A server is measured against itself: 120 requests to A, then 120 to the same \
               server under the name of B. All the while the machine gets slower, by a fifth in \
               all: it grows warm, or a neighbour comes. What does the test say?",
    answers: &["no difference: it is one server", "B is about 10 % slower", "B is quicker"],
    right: 1,
    because: "B was measured later, and later was slower. The test found the drift and gave it \
              B's name, and no number of requests helps. Measured in turns, A B B A, each has as \
              much of the early as of the late. An A/A test is how you learn that you need it.",
    run,
    act: None,
    read: &["book/src/measured/slices.md", "METHODOLOGY.md", "crates/load/src/sitting.rs"],
    source: include_str!("drifting_a_a.rs"),
};

const REQUESTS: u32 = 240;
const WORK: Duration = Duration::from_millis(4);

/// A server on a machine that gets slower: the last request takes a fifth more than the first.
fn serve(door: &Door) -> io::Result<()> {
    let Some(mut client) = door.next() else { return Ok(()) };
    for number in 0..REQUESTS {
        let mut request = [0];
        client.read_exact(&mut request)?;
        thread::sleep(WORK + WORK / 5 * number / REQUESTS);
        client.write_all(&request)?;
    }
    Ok(())
}

fn time(mut client: &TcpStream) -> io::Result<Duration> {
    let since = Instant::now();
    client.write_all(b"x")?;
    client.read_exact(&mut [0])?;
    Ok(since.elapsed())
}

// ANCHOR: code
/// The times of A, and those of B.
fn measure(client: &TcpStream, version: Version) -> io::Result<[Vec<Duration>; 2]> {
    let mut times = [Vec::new(), Vec::new()];
    for number in 0..REQUESTS {
        let is_b = match version {
            Version::Flawed => number >= REQUESTS / 2, // FLAW: all of A, then all of B.
            Version::Mended => matches!(number % 4, 1 | 2), // MEND: in turns, A B B A.
        };
        times[usize::from(is_b)].push(time(client)?);
    }
    Ok(times)
}
// ANCHOR_END: code

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn run(stage: &Stage) -> io::Result<Outcome> {
    let server = Server::start(serve)?;
    let client = connect(server.address)?;
    client.set_nodelay(true)?;
    stage.tell("240 requests to one server; half of them are called A, half B");
    let [a, b] = measure(&client, stage.version)?.map(median);
    let ratio = b.as_secs_f64() / a.as_secs_f64();
    stage.tell(format!("median of A: {} µs, of B: {} µs", a.as_micros(), b.as_micros()));
    let finds = !(0.95..=1.05).contains(&ratio);
    let words = if finds {
        "The test \"finds\" a difference between a server and itself."
    } else {
        "The machine drifts as before, and A is found equal to A."
    };
    Ok(Outcome::new(finds, words).figure("B takes, of A's time", format!("{:.1} %", ratio * 100.0)))
}
