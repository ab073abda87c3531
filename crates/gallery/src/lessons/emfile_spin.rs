//! EMFILE spins: at the descriptor limit, `accept` fails at once, again and again.

use std::{
    io::{self, Write as _},
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use rustix::{
    event::PollFlags,
    process::{Resource, getrlimit, setrlimit},
    time::{ClockId, clock_gettime},
};

use crate::{
    Lesson, Outcome, Stage, Version,
    net::{PATIENCE, connect, listen, wait_ready},
};

pub(crate) const LESSON: Lesson = Lesson {
    name: "emfile-spin",
    title: "Out of descriptors, a loop spins",
    question: "A server has no descriptor left, and one more client waits in the backlog. Its \
               loop waits until the listener is ready, calls `accept`, gets EMFILE, and goes \
               round. How often does it go round in a second?",
    answers: &["once: then it sleeps", "about ten times", "many thousand times"],
    right: 2,
    because: "The client stays in the backlog, so the listener stays ready, so the wait does not \
              wait. The server has nothing to do and uses a whole core for it. It has to let go \
              of the listener for a while, or until a connection closes.",
    run,
    act: Some(act),
    read: &["crates/server/src/accept.rs", "crates/lab/tests/conformance/descriptors.rs"],
    source: include_str!("emfile_spin.rs"),
};

const DESCRIPTORS: u64 = 16;
const CLIENTS: usize = 30;
const PAUSE: Duration = Duration::from_millis(50);
const WATCHED: Duration = Duration::from_secs(1);

/// The server: accepts until it cannot, then a second more; tells how often it failed,
/// and the milliseconds of processor time of that second.
// ANCHOR: code
fn act(version: Version) -> io::Result<()> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = Some(DESCRIPTORS);
    setrlimit(Resource::Nofile, limit)?;
    let listener = listen()?;
    listener.set_nonblocking(true)?;
    writeln!(io::stdout(), "{}", listener.local_addr()?)?;
    let mut held = Vec::new();
    let mut failed = 0_u64;
    let mut at_limit = None;
    loop {
        if !wait_ready(&listener, PollFlags::IN).contains(PollFlags::IN) {
            continue;
        }
        if let Ok((client, _)) = listener.accept() {
            held.push(client);
            continue;
        }
        failed += 1;
        match version {
            Version::Flawed => {} // FLAW: goes round, and finds the listener ready.
            Version::Mended => thread::sleep(PAUSE), // MEND: leaves it alone for a while.
        }
        let (since, cpu_before) = *at_limit.get_or_insert((Instant::now(), cpu()));
        if since.elapsed() > WATCHED {
            let cpu = cpu().saturating_sub(cpu_before).as_millis();
            return writeln!(io::stdout(), "{failed} {cpu}");
        }
    }
}
// ANCHOR_END: code

/// The processor time that this process has used.
fn cpu() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).unwrap_or_default()
}

fn run(stage: &Stage) -> io::Result<Outcome> {
    let server = stage.actor(Stdio::inherit())?;
    let address = server.address()?;
    stage.tell(format!("{CLIENTS} clients come to a server with {DESCRIPTORS} descriptors"));
    let clients = (0..CLIENTS).map(|_| connect(address)).collect::<io::Result<Vec<_>>>()?;
    stage.tell("it is at its limit; we watch it for a second");
    let line = server.line(PATIENCE).unwrap_or_default();
    drop(clients);
    let told: Option<(u64, u64)> = line
        .split_once(' ')
        .and_then(|(failed, cpu)| Some((failed.parse().ok()?, cpu.parse().ok()?)));
    let (failed, cpu) = told.ok_or_else(|| io::Error::other("the server told nothing"))?;
    let spins = failed > 1000;
    let words = if spins {
        "It spins: the processor is busy, and nobody is served by it."
    } else {
        "It tries again now and then. When a descriptor is free, the next client comes in."
    };
    Ok(Outcome::new(spins, words)
        .figure("accept failed in a second", format!("{failed} times"))
        .figure("processor time of that second", format!("{cpu} ms")))
}
