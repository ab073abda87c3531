//! A TCP **proxy** in three concurrency models: what comes from a client is
//! passed on to a server *upstream*, and what comes from there, back.
//!
//! ```text
//!              ┌─────────────── a pair ───────────────┐
//!              │            ── up ──▶                 │
//! client ◀──▶ socket   read ▶ write   (kept if stuck)  socket ◀──▶ upstream
//!              │            ◀── down ──               │
//!              └──────────────────────────────────────┘
//! ```
//!
//! A server's connection is one conversation; a proxy's is two *directions*,
//! and each does the same: read from its source, write to its sink. A direction
//! ends by itself (half-close), and holds its source back when its sink is slow
//! (backpressure), while the other goes on. Who waits for what is the model:
//!
//! | Model                 | Threads            | Who waits                          |
//! |-----------------------|--------------------|------------------------------------|
//! | thread-per-connection | 1 + 2 a connection | a thread for each direction        |
//! | event-loop            | 1                  | one loop for both sides of all     |
//! | pooled-event-loops    | 1 + workers        | each loop for both sides of its own|
//!
//! `door` accepts a client only together with a descriptor for its way on;
//! `relay` is a pair without a loop, told what is ready; `event_loop` and `pool`
//! tell it; `threads` needs neither, and pays with threads.

mod door;
mod event_loop;
mod pool;
pub mod program;
mod relay;
mod threads;
mod upstream;

use std::{io, sync::Arc};

use server::{Context, Listener};

pub use upstream::Upstream;

/// A concurrency model of the proxy: its name card, and how it serves.
#[derive(Clone, Copy, Debug)]
pub struct Model {
    /// Its name: that of the server's model.
    pub name: &'static str,
    /// The model in a line.
    pub summary: &'static str,
    /// Its number of threads, in words.
    pub threads: &'static str,
    /// Whether `--workers` means something to it.
    pub has_workers: bool,
    serve: fn(&Listener, &Proxy) -> io::Result<()>,
}

/// What a model is given beside its listener.
#[derive(Debug)]
pub struct Proxy {
    /// Limits, timeouts, the stop, the counters.
    pub context: Context,
    /// Where connections go.
    pub upstream: Arc<Upstream>,
}

/// Title of the text that asks for this proxy.
pub const SEED: &str = "Event-driven Servers: An Intuitive Study";

/// Every model.
pub const ALL: [&Model; 3] = [&THREAD_PER_CONNECTION, &EVENT_LOOP, &POOLED_EVENT_LOOPS];

const THREAD_PER_CONNECTION: Model = Model {
    name: "thread-per-connection",
    summary: "two threads for every connection, one a direction",
    threads: "1 + 2 connections",
    has_workers: false,
    serve: threads::serve,
};

const EVENT_LOOP: Model = Model {
    name: "event-loop",
    summary: "one thread waits for both sides of every connection",
    threads: "1",
    has_workers: false,
    serve: event_loop::serve,
};

const POOLED_EVENT_LOOPS: Model = Model {
    name: "pooled-event-loops",
    summary: "an acceptor deals connections, with both their sides, to N loops",
    threads: "1 + workers",
    has_workers: true,
    serve: pool::serve,
};
