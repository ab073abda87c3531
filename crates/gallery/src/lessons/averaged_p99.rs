//! p99 averaged over machines: a figure that belongs to nobody.

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
    name: "averaged-p99",
    title: "The 99th percentile, averaged over machines",
    question: "Four machines answer 200 requests each. Three are quick. The fourth takes 80 ms \
               for one request in ten. What is the true 99th percentile of all 800, beside the \
               average of the four machines' own?",
    answers: &["the same", "about four times the average", "a quarter of the average"],
    right: 1,
    because: "20 of 800 requests are slow, so one in forty, and the 99th percentile is a slow \
              one: 80 ms. The average of 80 and three times hardly anything is 20. No request \
              took 20 ms. Percentiles cannot be added or averaged; histograms can be added, and \
              a percentile read from their sum.",
    run,
    act: None,
    read: &["METHODOLOGY.md", "crates/results/src/histogram.rs", "crates/load/src/summary.rs"],
    source: include_str!("averaged_p99.rs"),
};

const MACHINES: usize = 4;
const REQUESTS: u32 = 200;
const SLOW: Duration = Duration::from_millis(80);

/// One machine. The last one is slow for one request in ten.
fn serve(door: &Door, machine: usize) -> io::Result<()> {
    let Some(mut client) = door.next() else { return Ok(()) };
    for number in 0..REQUESTS {
        let mut request = [0];
        client.read_exact(&mut request)?;
        if machine + 1 == MACHINES && number % 10 == 0 {
            thread::sleep(SLOW);
        }
        client.write_all(&request)?;
    }
    Ok(())
}

/// The times of one machine's requests, in microseconds.
fn measure(mut client: TcpStream) -> io::Result<Histogram<u64>> {
    client.set_nodelay(true)?;
    let mut times = Histogram::new(3).map_err(io::Error::other)?;
    for _ in 0..REQUESTS {
        let since = Instant::now();
        client.write_all(b"x")?;
        client.read_exact(&mut [0])?;
        let micros = u64::try_from(since.elapsed().as_micros()).map_err(io::Error::other)?;
        times.record(micros).map_err(io::Error::other)?;
    }
    Ok(times)
}

// ANCHOR: code
/// The 99th percentile of all machines, in microseconds.
fn p99(machines: &[Histogram<u64>], version: Version) -> io::Result<u64> {
    let each = machines.iter().map(|times| times.value_at_quantile(0.99));
    let mut all = Histogram::<u64>::new(3).map_err(io::Error::other)?;
    for times in machines {
        all.add(times).map_err(io::Error::other)?;
    }
    Ok(match version {
        Version::Flawed => each.sum::<u64>() / machines.len() as u64, // FLAW: nobody's time.
        Version::Mended => all.value_at_quantile(0.99), // MEND: the samples together, then one p99.
    })
}
// ANCHOR_END: code

fn run(stage: &Stage) -> io::Result<Outcome> {
    let servers = (0..MACHINES).map(|machine| Server::start(move |door| serve(door, machine)));
    let servers = servers.collect::<io::Result<Vec<_>>>()?;
    let mut machines = Vec::new();
    for (number, server) in (1..).zip(&servers) {
        let times = measure(connect(server.address)?)?;
        let own = times.value_at_quantile(0.99) / 1000;
        stage.tell(format!("machine {number}: 99th percentile {own} ms"));
        machines.push(times);
    }
    let told = Duration::from_micros(p99(&machines, stage.version)?);
    let late = |times: &Histogram<u64>| {
        REQUESTS as usize - usize::try_from(times.count_between(0, 79_000)).unwrap_or(0)
    };
    let slow: usize = machines.iter().map(late).sum();
    let is_wrong = told < SLOW / 2;
    let words = if is_wrong {
        "One request in forty took four times as long as this \"99th percentile\"."
    } else {
        "One request in forty is slow, and the 99th percentile says how slow."
    };
    Ok(Outcome::new(is_wrong, words)
        .figure("99th percentile of all, as told", format!("{} ms", told.as_millis()))
        .figure("requests of 79 ms and more", format!("{slow} of 800")))
}
