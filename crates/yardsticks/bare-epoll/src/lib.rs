//! **Bare epoll**: `epoll_wait`, `read`, `write` and nothing else. It is the
//! bare loop that models are held against, a reference and no limit: a loop that
//! waits in another way, or for fewer reports, may cost less than this one.
//!
//! ```text
//!     ┌──────── epoll_wait ◀───────┐
//!     ▼                            │
//!     ├─ listener   ▶ accept ──────┤
//!     └─ connection ▶ read ▶ write ┘
//! ```
//!
//! | Question              | Answer                                              |
//! |-----------------------|-----------------------------------------------------|
//! | Unit of scheduling    | an event: what a socket has ready                   |
//! | Threads               | 1                                                   |
//! | Who accepts           | the loop                                            |
//! | Where overload queues | in the sockets' buffers, and in the listen backlog  |
//! | What breaks it        | anything: see below                                 |
//!
//! Not a server to copy. It speaks echo alone. One peer that does not read
//! blocks it, since it has no backpressure but that of a blocking `write`. It
//! has no timeouts, spins when descriptors run out, and does not drain: on a
//! stop signal it ends, with whatever was under way.

use std::io;

use rustix::{
    buffer::spare_capacity,
    event::epoll::{self, CreateFlags, EventData, EventFlags},
    fd::OwnedFd,
    io::Errno,
    net::{RecvFlags, SendFlags, recv, send},
};
use server::{
    Attempt, Connection, Context, Listener, Listeners, Mode, Model, READ_BYTES, SystemCalls, Tally,
    Worker,
};
use slab::Slab;

/// The yardstick's name card.
pub const MODEL: Model = Model {
    name: "bare-epoll",
    summary: "epoll_wait, read, write and nothing else: a bare loop to hold others against (echo only)",
    threads: "1",
    seed: "",
    listeners: Listeners::One,
    knobs: &[],
    serve,
    child: None,
    needs: None,
};

/// Events taken from the kernel in one turn.
const EVENTS: usize = 1024;

const LISTENER: u64 = u64::MAX;
const STOP: u64 = u64::MAX - 1;

type Peers = Slab<(Connection, Tally)>;

/// Echoes until the stop is requested.
///
/// # Errors
///
/// Fails if `epoll` or the listener is broken, as without descriptors.
pub fn serve(listener: &Listener, context: &Context) -> io::Result<()> {
    let worker = context.stats.worker("loop");
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    epoll::add(&epoll, listener, EventData::new_u64(LISTENER), EventFlags::IN)?;
    epoll::add(&epoll, &context.stop, EventData::new_u64(STOP), EventFlags::IN)?;
    let mut events = Vec::with_capacity(EVENTS);
    let mut buffer = vec![0; READ_BYTES]; // One for all connections.
    let mut peers = Peers::new();
    let mut calls = SystemCalls { control: 2, ..SystemCalls::default() };
    while !context.stop.is_requested() {
        events.clear();
        calls.wait += 1;
        match epoll::wait(&epoll, spare_capacity(&mut events), None) {
            Err(error) if error != Errno::INTR => return Err(error.into()),
            Ok(_) | Err(_) => {}
        }
        for event in &events {
            match event.data.u64() {
                STOP => {}
                LISTENER => accept(listener, context, &epoll, &mut peers, &mut calls)?,
                key => echo(key, &mut peers, &mut buffer, &worker, &mut calls),
            }
        }
    }
    calls.close += peers.len() as u64;
    for (_, (_, tally)) in peers {
        worker.close(tally);
    }
    context.stats.add(calls);
    Ok(())
}

/// One at a time: if more wait, the listener stays ready.
fn accept(
    listener: &Listener,
    context: &Context,
    epoll: &OwnedFd,
    peers: &mut Peers,
    calls: &mut SystemCalls,
) -> io::Result<()> {
    if let Attempt::Accepted(connection) = listener.accept_now(Mode::Blocking, context)? {
        let entry = peers.vacant_entry();
        let key = EventData::new_u64(entry.key() as u64);
        calls.control += 1;
        epoll::add(epoll, &connection, key, EventFlags::IN)?;
        entry.insert((connection, Tally::default()));
    }
    Ok(())
}

/// One read and, as long as the peer reads, one write.
fn echo(key: u64, peers: &mut Peers, buffer: &mut [u8], worker: &Worker, calls: &mut SystemCalls) {
    let Ok(key) = usize::try_from(key) else { return };
    let (connection, tally) = &mut peers[key];
    if !matches!(echo_once(connection, tally, buffer, calls), Ok(1..)) {
        let (_, tally) = peers.remove(key);
        calls.close += 1;
        worker.close(tally);
    }
}

fn echo_once(
    connection: &Connection,
    tally: &mut Tally,
    buffer: &mut [u8],
    calls: &mut SystemCalls,
) -> io::Result<usize> {
    calls.read += 1;
    let (length, _) = recv(connection, &mut *buffer, RecvFlags::empty())?;
    let mut sent = 0;
    while sent < length {
        calls.write += 1;
        sent += send(connection, &buffer[sent..length], SendFlags::NOSIGNAL)?;
    }
    tally.requests += u64::from(length > 0);
    tally.bytes_in += length as u64;
    tally.bytes_out += length as u64;
    Ok(length)
}
