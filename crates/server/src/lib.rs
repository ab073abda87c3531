//! What every model shares, so that a model holds only its threading.
//!
//! ```text
//! program ──▶ Listener ──accept──▶ Connection ──▶ blocking::serve   a thread waits for it
//!    │                                       └──▶ Reactor           a loop waits for many
//!    └──────▶ Context: service, workers, limits, Stop, Stats
//! ```
//!
//! Both drives do the same to a connection: read, let its session answer, run
//! the work that it asks for, write, and read no more than the peer reads. The
//! blocking drive leaves the waiting to the kernel's scheduler, a thread a
//! connection; the [`Reactor`] waits for all its connections at once, and runs
//! their requests itself or leaves them to other threads: whole ones as
//! [`Batch`]es, or their jobs alone as [`Errand`]s. [`Children`] are for models
//! that are several processes.
//!
//! A model whose mechanism waits in a way of its own, such as an asynchronous
//! runtime or a ring, brings a drive of its own. It finds here what it shares with
//! these: [`Listener::judge`], a [`Connection`] taken apart, [`work`], [`farewell`].

mod accept;
mod backlog;
pub mod blocking;
mod clock;
mod context;
mod dispatch;
pub mod farewell;
mod mail;
mod model;
mod nonblocking;
mod offload;
mod processes;
pub mod program;
mod reactor;
mod say;
mod stats;
mod stop;
mod threads;
pub mod work;

pub use accept::{Attempt, Connection, Listener, Mode, is_exhaustion};
pub use context::{Context, Limits, Queue, READ_BYTES};
pub use dispatch::{Answer, Batch};
pub use mail::{Inbox, Mailbox, mailbox};
pub use model::{Knob, Listeners, Model};
pub use offload::{Errand, Finished};
pub use processes::{Children, Ended, Inherited, Rest};
pub use reactor::{LISTENER, Reactor, WAKEUP, Waker};
pub use say::say;
pub use stats::{Report, Seat, Stats, SystemCalls, Tally, ThreadReport, Worker, WorkerReport};
pub use stop::{Stop, Watch};
pub use threads::ask_for_threads;

/// The system's own names, for drives from outside that speak to it themselves.
pub mod system {
    pub use rustix::{
        event::PollFlags,
        io::Errno,
        net::{SendFlags, SocketFlags},
    };
}

/// What a loop waits for in one turn; see [`Reactor::events`].
pub use mio::Events;
