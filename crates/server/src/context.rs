//! What a model is given beside its listener.

use std::{
    cell::Cell,
    io,
    num::NonZeroUsize,
    panic::{self, AssertUnwindSafe},
    sync::Arc,
    thread::{self, Scope},
    time::Duration,
};

use service::{Service, Session, Shared, StoreSize};

use crate::{Stats, Stop, clock::CLOCK, say, stats::Running};

/// What a model is given beside its listener. A clone is the same server: it
/// shares the stop and the counters.
#[derive(Clone, Debug)]
pub struct Context {
    /// The protocol to speak.
    pub service: Service,
    /// What its sessions share.
    pub shared: Shared,
    /// How many threads share the work, in models that have workers or loops.
    pub workers: NonZeroUsize,
    /// How who waits is queued, in models that have a choice: one of theirs.
    pub queue: Queue,
    /// How long a silent peer is kept; `None` is for ever.
    pub idle_timeout: Option<Duration>,
    /// Bounds on what clients can make the server hold.
    pub limits: Limits,
    /// The request to stop.
    pub stop: Arc<Stop>,
    /// What has been served.
    pub stats: Arc<Stats>,
}

/// Bytes read at once, by whichever drive: what one model has to say against another
/// must not be the size of its buffer.
///
/// A loop has one buffer and could have a larger one. But a thread has its own, and
/// keeps what a large message has once filled; and a ring needs as many as are in
/// use at once, which are 1 MiB for 64 of these. 16 KiB are also a record of TLS, and what
/// memcached and libevent read at once.
pub const READ_BYTES: usize = 16 << 10;

/// Bounds on what clients can make the server hold.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections open at once; one more is closed as soon as it is accepted.
    pub connections: usize,
    /// What may wait in a model's queue for a worker: connections, of which more
    /// wait in the backlog; requests, of which more are not read; or jobs, of
    /// which more are refused.
    pub queue: usize,
    /// Bytes waiting to be sent to one peer; from there on it is not read.
    pub output_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: usize::MAX, queue: 1024, output_bytes: 64 << 10 }
    }
}

/// How who waits is queued; what a model has to choose from, it says in its
/// [`crate::Knob::Queue`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queue {
    /// Last in, first out.
    Lifo,
    /// First in, first out.
    Fifo,
    /// In a channel, without a lock.
    Channel,
    /// Behind a mutex, with condition variables.
    Mutex,
}

impl Queue {
    /// Every queue of every model.
    pub const ALL: [Self; 4] = [Self::Lifo, Self::Fifo, Self::Channel, Self::Mutex];

    /// The name that a user types.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Lifo => "lifo",
            Self::Fifo => "fifo",
            Self::Channel => "channel",
            Self::Mutex => "mutex",
        }
    }

    /// What it means, in a few words.
    #[must_use]
    pub fn summary(self) -> &'static str {
        match self {
            Self::Lifo => "last come, first served",
            Self::Fifo => "first come, first served",
            Self::Channel => "first come, first served; a channel without a lock",
            Self::Mutex => "first come, first served; a mutex and condition variables",
        }
    }
}

thread_local! {
    /// Dropped as the thread ends.
    static ADOPTED: Cell<Option<Running>> = const { Cell::new(None) };
}

impl Context {
    /// Of a server that speaks echo with one worker and without bounds; whoever
    /// is still busy at its stop gets so long.
    ///
    /// # Errors
    ///
    /// Fails if there is no descriptor left for the stop.
    pub fn new(drain: Duration) -> io::Result<Self> {
        Ok(Self {
            service: Service::Echo,
            shared: Shared::new(CLOCK, StoreSize::default()),
            workers: NonZeroUsize::MIN,
            queue: Queue::Fifo,
            idle_timeout: None,
            limits: Limits::default(),
            stop: Arc::new(Stop::new(drain)?),
            stats: Arc::default(),
        })
    }

    /// A session of the service, for a new connection.
    #[must_use]
    pub fn session(&self) -> Box<dyn Session> {
        self.service.session(&self.shared)
    }

    /// Spawns a named thread that the scope will join, and counts it. The server
    /// cannot do without it: if it fails or panics, that is said, all others are asked
    /// to stop, and the server ends with an error.
    ///
    /// # Errors
    ///
    /// Fails if the system has no thread to give; what `run` owns is dropped, and
    /// those that were spawned before are asked to stop.
    // ANCHOR: spawn
    pub fn spawn<'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        name: String,
        run: impl FnOnce() -> io::Result<()> + Send + 'scope,
    ) -> io::Result<()> {
        let part = name.clone();
        let run = move || {
            let ran = panic::catch_unwind(AssertUnwindSafe(run));
            if let Err(error) = ran.unwrap_or_else(|_| Err(io::Error::other("it panicked"))) {
                // Connections would still be dealt to it, and nobody would serve them.
                say(format_args!("{part} ends, and all with it: {error}"));
                self.stop.fail(format!("{part} has ended: {error}"));
            }
        };
        self.spawn_one_of(scope, name.clone(), name, run).inspect_err(|_| self.stop.request())
    }
    // ANCHOR_END: spawn

    /// Spawns one of many threads that the scope will join, and counts it: the report
    /// tells what all of a `role` have used together.
    ///
    /// # Errors
    ///
    /// Fails if the system has no thread to give; what `run` owns is dropped.
    pub fn spawn_one_of<'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        role: impl Into<String> + Send + 'scope,
        name: String,
        run: impl FnOnce() + Send + 'scope,
    ) -> io::Result<()> {
        thread::Builder::new().name(name).spawn_scoped(scope, move || {
            let _running = self.stats.thread(role);
            run();
        })?;
        Ok(())
    }

    /// Counts the calling thread, which somebody else has spawned, until it ends.
    /// Its role is its name.
    pub fn adopt_thread(&self) {
        let thread = thread::current();
        ADOPTED.set(Some(self.stats.thread(thread.name().unwrap_or("unnamed"))));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    /// One part ends so, while another serves until it is asked to stop. Returns why
    /// the server has stopped.
    fn stops_for(ends: fn() -> io::Result<()>) -> String {
        let context = Context::new(Duration::ZERO).unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        let serves = || {
            while !context.stop.is_requested() {
                assert!(Instant::now() < deadline, "nobody has asked it to stop");
                thread::yield_now();
            }
            Ok(())
        };
        thread::scope(|scope| {
            context.spawn(scope, "serves".to_owned(), serves).unwrap();
            context.spawn(scope, "ends".to_owned(), ends).unwrap();
        });
        context.stop.failure().unwrap().to_owned()
    }

    #[test]
    fn who_fails_or_panics_stops_all() {
        let why = stops_for(|| Err(io::Error::other("no more memory")));
        assert_eq!(why, "ends has ended: no more memory");
        assert_eq!(stops_for(|| panic!("a bug")), "ends has ended: it panicked");
    }

    #[test]
    fn who_has_done_its_work_stops_nobody() {
        let context = Context::new(Duration::ZERO).unwrap();
        thread::scope(|scope| context.spawn(scope, "ends".to_owned(), || Ok(())).unwrap());
        assert!(!context.stop.is_requested());
    }
}
