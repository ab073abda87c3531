//! What a model says of itself.

use std::io;

use crate::{Context, Inherited, Listener, Queue};

/// A concurrency model: its name card, and how it serves.
#[derive(Clone, Copy, Debug)]
pub struct Model {
    /// Name of the model, of its crate and of its program.
    pub name: &'static str,
    /// The model in a line.
    pub summary: &'static str,
    /// Its number of threads, in words.
    pub threads: &'static str,
    /// Title of the text that describes it; empty if no text does.
    pub seed: &'static str,
    /// The sockets that it accepts from.
    pub listeners: Listeners,
    /// The options that mean something to it, beyond those that all obey.
    pub knobs: &'static [Knob],
    /// Serves the listener until the context's [`crate::Stop`] is requested and
    /// every connection is done.
    pub serve: fn(&Listener, &Context) -> io::Result<()>,
    /// What a process that it has started does with its socket; `None` if it
    /// starts none: see [`crate::Children`].
    pub child: Option<fn(Inherited, &Context) -> io::Result<()>>,
    /// Fails where the system has not what it needs, and says what to do: asked
    /// before anybody is told that it listens. `None` if it runs wherever we do.
    pub needs: Option<fn() -> io::Result<()>>,
}

/// How many sockets listen on a model's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listeners {
    /// One.
    One,
    /// As many as workers: see [`Listener::bind_many`].
    PerWorker,
}

/// An option that only some models have a use for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Knob {
    /// `--workers`
    Workers,
    /// `--queue`, and what it can be; the first, if nothing is said.
    Queue(&'static [Queue]),
    /// `--queue-limit`
    QueueLimit,
}

impl Model {
    /// The queues that it has to choose from; none, in most models.
    #[must_use]
    pub fn queues(&self) -> &'static [Queue] {
        let of = |knob: &Knob| if let Knob::Queue(queues) = *knob { Some(queues) } else { None };
        self.knobs.iter().find_map(of).unwrap_or_default()
    }
}
