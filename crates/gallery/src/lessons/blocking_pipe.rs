//! A blocking write to a worker's pipe: one stuck worker stalls `accept` for all.

use std::{
    collections::HashMap,
    io::{self, PipeWriter, Read as _, Write as _},
    mem,
    net::TcpStream,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use crate::{
    Lesson, Outcome, Stage, Version,
    net::{GIVES_UP, Server, TICK, connect, wait_until},
};

pub(crate) const LESSON: Lesson = Lesson {
    name: "blocking-pipe",
    title: "One stuck worker stalls the acceptor",
    question: "An acceptor deals connections to two workers in turn, by a record in each \
               worker's pipe. A pipe holds 16 records. One worker is stuck; the other is idle. \
               Of 60 clients, how many does the acceptor let in?",
    answers: &["60, and half of them wait", "about 33", "16"],
    right: 1,
    because: "A pipe is a queue with a bound, and a blocking `write` to a full one waits. The \
              acceptor waits for the stuck worker, and the idle one gets nothing more to do. \
              Whoever deals for all must wait for nobody: the write must not block, and a full \
              pipe means: another worker.",
    run,
    act: None,
    read: &["crates/models/pooled-event-loops/src/lib.rs", "crates/server/src/mail.rs"],
    source: include_str!("blocking_pipe.rs"),
};

const CLIENTS: u8 = 60;
/// As long as a page, so that a pipe of 64 KiB holds 16.
const RECORD: usize = 4096;

// ANCHOR: code
/// Leaves a record for a worker; says whether there was room.
fn deal(mut worker: &PipeWriter, client: u8, version: Version) -> io::Result<bool> {
    let blocks = match version {
        Version::Flawed => true,  // FLAW: a full pipe stops whoever deals.
        Version::Mended => false, // MEND: a full pipe is seen, and another worker is asked.
    };
    rustix::io::ioctl_fionbio(worker, !blocks)?;
    match worker.write(&[client; RECORD]) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
        written => written.map(|_| true),
    }
}
// ANCHOR_END: code

/// The connections that were dealt, by their number.
type Dealt = Mutex<HashMap<u8, TcpStream>>;

fn run(stage: &Stage) -> io::Result<Outcome> {
    let version = stage.version;
    let (stuck, to_stuck) = io::pipe()?; // Whoever is stuck reads nothing.
    let (mut idle, to_idle) = io::pipe()?;
    let (dealt, let_in) = (Arc::<Dealt>::default(), Arc::new(AtomicUsize::new(0)));
    let (connections, counted) = (dealt.clone(), let_in.clone());
    let server = Server::start(move |door| {
        let (mut turn, mut other) = (&to_stuck, &to_idle);
        for number in 0.. {
            let Some(client) = door.next() else { break };
            mem::swap(&mut turn, &mut other);
            counted.fetch_add(1, Ordering::SeqCst);
            connections.lock().unwrap_or_else(PoisonError::into_inner).insert(number, client);
            while !(deal(turn, number, version)? || deal(other, number, version)?) {
                thread::sleep(TICK); // Everybody is busy: only then does the acceptor wait.
            }
        }
        Ok(())
    })?;
    let worker = thread::spawn(move || {
        let mut record = [0; RECORD];
        while idle.read_exact(&mut record).is_ok() {
            let client = dealt.lock().unwrap_or_else(PoisonError::into_inner).remove(&record[0]);
            let _ = client.map(|mut client| client.write_all(b"hello"));
        }
    });
    stage.tell(format!("{CLIENTS} clients come; one of the two workers is stuck"));
    let clients = (0..CLIENTS).map(|_| connect(server.address)).collect::<io::Result<Vec<_>>>()?;
    wait_until(GIVES_UP, || let_in.load(Ordering::SeqCst) == usize::from(CLIENTS));
    thread::sleep(TICK * 10); // The idle worker answers the last ones.
    let let_in = let_in.load(Ordering::SeqCst);
    let is_answered = |mut client: &TcpStream| {
        client.set_nonblocking(true).is_ok() && matches!(client.read(&mut [0; 5]), Ok(5))
    };
    let answered = clients.iter().filter(|client| is_answered(client)).count();
    drop(stuck); // The acceptor's write fails: the lesson can end.
    drop(server);
    let _ = worker.join();
    let is_stalled = let_in < usize::from(CLIENTS);
    let words = if is_stalled {
        "The acceptor waits for the stuck worker, and the idle one has nothing to do."
    } else {
        "All are let in; only those whom the stuck worker got first have to wait."
    };
    Ok(Outcome::new(is_stalled, words)
        .figure("let in", format!("{let_in} of {CLIENTS}"))
        .figure("answered", format!("{answered} of {CLIENTS}")))
}
