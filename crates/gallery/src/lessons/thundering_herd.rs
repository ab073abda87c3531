//! The thundering herd: one client comes, and every thread wakes.

use std::{
    io::{self, Read as _, Write as _},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use rustix::event::{
    Timespec,
    epoll::{self, CreateFlags, Event, EventData, EventFlags},
};

use crate::{
    Lesson, Outcome, Stage, Version,
    net::{Door, Server, TICK, connect},
};

pub(crate) const LESSON: Lesson = Lesson {
    name: "thundering-herd",
    title: "One client comes, and every thread wakes",
    question: "Eight threads each have a poller of their own, and all eight watch one listener. \
               Ten clients come, one after the other. How often does a thread wake?",
    answers: &["10 times: the kernel picks one", "80 times", "about 20 times"],
    right: 1,
    because: "A listener that is ready is ready for everybody who watches it. One thread \
              accepts, seven woke for nothing; with 64 threads it is 63. EPOLLEXCLUSIVE asks the \
              kernel to wake at least one, and not all. Or each thread has a listener of its \
              own: SO_REUSEPORT.",
    run,
    act: None,
    read: &[
        "book/src/models/prefork-loops.md",
        "book/src/models/reuseport-loops.md",
        "crates/server/src/accept.rs",
    ],
    source: include_str!("thundering_herd.rs"),
};

const THREADS: usize = 8;
const CLIENTS: usize = 10;
/// From being woken to `accept`. A thread that is slow to get there lets the others wake.
const ON_ITS_WAY: Duration = Duration::from_millis(30);

// ANCHOR: code
fn wait_and_accept(door: &Door, woken: &AtomicUsize, version: Version) -> io::Result<()> {
    let poller = epoll::create(CreateFlags::CLOEXEC)?;
    let interest = match version {
        Version::Flawed => EventFlags::IN, // FLAW: every poller is told of every client.
        Version::Mended => EventFlags::IN | EventFlags::EXCLUSIVE, // MEND: one of them is.
    };
    epoll::add(&poller, &door.listener, EventData::new_u64(0), interest)?;
    let tick = Timespec::try_from(TICK).map_err(io::Error::other)?;
    let mut events: Vec<Event> = Vec::with_capacity(1);
    while !door.is_stopped() {
        events.clear();
        epoll::wait(&poller, rustix::buffer::spare_capacity(&mut events), Some(&tick))?;
        if events.is_empty() {
            continue;
        }
        woken.fetch_add(1, Ordering::SeqCst);
        thread::sleep(ON_ITS_WAY);
        if let Ok((mut client, _)) = door.listener.accept() {
            client.write_all(b"hello")?;
        }
    }
    Ok(())
}
// ANCHOR_END: code

fn run(stage: &Stage) -> io::Result<Outcome> {
    let (version, woken) = (stage.version, Arc::new(AtomicUsize::new(0)));
    let counter = woken.clone();
    let server = Server::start(move |door| {
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| wait_and_accept(door, &counter, version));
            }
        });
        Ok(())
    })?;
    thread::sleep(ON_ITS_WAY * 3); // Until all of them wait.
    for number in 1..=CLIENTS {
        connect(server.address)?.read_exact(&mut [0; 5])?;
        thread::sleep(ON_ITS_WAY * 2); // Until all of them wait again.
        let woken = woken.load(Ordering::SeqCst);
        stage.tell(format!("client {number} was served; {woken} wakeups so far"));
    }
    let woken = woken.load(Ordering::SeqCst);
    let is_herd = woken > CLIENTS * 2;
    let words = if is_herd {
        "For each client the whole herd wakes, and all but one go back to sleep."
    } else {
        "For each client about one thread wakes."
    };
    Ok(Outcome::new(is_herd, words).figure("wakeups for ten clients", woken))
}
