//! What a server does, without sockets, threads or clocks.
//!
//! ```text
//!            bytes ──receive──▶ ┌─────────┐ ──▶ output (bytes to send)
//!                               │ Session │ ──next_job──▶ Job ─▶ whoever the model
//! output ◀─────────────────────  │         │ ◀─complete─── Done ◀─ lets run it
//!                               └─────────┘
//! ```
//!
//! A [`Session`] is one connection's side of a protocol. It turns bytes into
//! requests and answers into bytes. A request may ask for *work* ([`Job`]):
//! block for a while, burn CPU. The session never runs work. The model does,
//! and which thread runs it, and who waits meanwhile, is the whole difference
//! between the models.
//!
//! A session that must answer in order ([`Http`]) gives out one job at a time
//! and holds back what comes after. A session that multiplexes ([`Rpc`]) gives
//! out all that it has, reads on, and takes their completions in any order.

use std::{fmt::Debug, sync::Arc};

mod cache;
mod clock;
mod echo;
mod held;
mod http;
mod rpc;
mod work;

pub use cache::{Cache, Store, StoreSize};
pub use clock::Clock;
pub use echo::Echo;
pub use http::Http;
pub use rpc::Rpc;
pub use work::{Done, Failed, Job, JobId, Work, compute};

/// A protocol that the servers speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// What comes goes back.
    Echo,
    /// HTTP/1.1 with the routes listed at [`Http`].
    Http,
    /// JSON-RPC 2.0, a line each, with the methods listed at [`Rpc`].
    Rpc,
    /// The memcached text protocol: see [`Cache`].
    Cache,
}

impl Service {
    /// Every service.
    pub const ALL: [Self; 4] = [Self::Echo, Self::Http, Self::Rpc, Self::Cache];

    /// The name that a user types.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Http => "http",
            Self::Rpc => "rpc",
            Self::Cache => "cache",
        }
    }

    /// Whether its sessions share a state, which every worker must reach. Workers
    /// that are processes share no memory: they cannot speak such a protocol.
    #[must_use]
    pub fn shares_state(self) -> bool {
        match self {
            Self::Echo | Self::Http | Self::Rpc => false,
            Self::Cache => true,
        }
    }

    /// A session for a new connection.
    #[must_use]
    pub fn session(self, shared: &Shared) -> Box<dyn Session> {
        match self {
            Self::Echo => Box::new(Echo::default()),
            Self::Http => Box::new(Http::new(&shared.limits, shared.clock)),
            Self::Rpc => Box::new(Rpc::new(&shared.limits)),
            Self::Cache => Box::new(Cache::new(Arc::clone(&shared.store), &shared.limits)),
        }
    }
}

/// What all sessions of a server share.
#[derive(Clone, Debug)]
pub struct Shared {
    /// What one connection may make its session keep.
    pub limits: Limits,
    /// The time of day.
    pub clock: Clock,
    /// What the cache keeps; other services leave it empty.
    pub store: Arc<Store>,
}

impl Shared {
    /// With the usual limits and an empty store of this size.
    #[must_use]
    pub fn new(clock: Clock, store: StoreSize) -> Self {
        Self { limits: Limits::default(), clock, store: Arc::new(Store::new(store, clock)) }
    }
}

/// What one connection may make a session keep.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of one request's body; a longer one is refused.
    pub body_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { body_bytes: 16 << 20 }
    }
}

/// One connection's side of a protocol: bytes in, bytes and jobs out.
// ANCHOR: session
pub trait Session: Debug + Send {
    /// Takes `bytes` of the peer and appends to `output` whatever can be
    /// answered without work.
    fn receive(&mut self, bytes: &[u8], output: &mut Vec<u8>);

    /// Says that no byte will follow, and why. What was received whole is still
    /// answered.
    fn end(&mut self, end: End, output: &mut Vec<u8>);

    /// The next job to run, if one is waiting.
    fn next_job(&mut self) -> Option<Job>;

    /// Takes a job back, run, and appends to `output` what it was waited for.
    fn complete(&mut self, done: Done, output: &mut Vec<u8>);

    /// What the session wants now.
    fn phase(&self) -> Phase;

    /// Requests answered so far; of a stream without requests, the pieces received.
    fn answered(&self) -> u64;
}
// ANCHOR_END: session

/// What a session wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// More bytes of the peer. Of a session that multiplexes jobs may be out
    /// meanwhile: the peer waits for them, so its silence is no fault of its own.
    Reading,
    /// Its jobs taken, or one of them completed, and no bytes before that.
    Working,
    /// To be closed once its output is sent.
    Finished,
    /// As `Finished`, but the peer may still be sending what nobody will read:
    /// close gently, or the reset overtakes the answer.
    Refused,
}

/// Why no more bytes will come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The peer closed its sending half.
    Peer,
    /// The peer was silent for too long.
    Idle,
    /// The server is stopping.
    Stop,
}
