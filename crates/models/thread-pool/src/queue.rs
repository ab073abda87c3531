//! The queue between the acceptor and the workers: of two kinds, and alike.

use std::{io, sync::Arc};

use crossbeam_channel as channel;
use server::{Connection, Queue};
use work_queue::{Order, WorkQueue};

/// Where the acceptor leaves connections. The queue closes when it is dropped.
pub(crate) enum Sender {
    Channel(channel::Sender<Connection>),
    Mutex(Arc<WorkQueue<Connection>>),
}

/// Where a worker takes them.
#[derive(Clone)]
pub(crate) enum Receiver {
    Channel(channel::Receiver<Connection>),
    Mutex(Arc<WorkQueue<Connection>>),
}

/// Both ends of a queue of this kind, which holds so many.
pub(crate) fn bounded(kind: Queue, capacity: usize) -> (Sender, Receiver) {
    if kind == Queue::Mutex {
        let queue = Arc::new(WorkQueue::bounded(Order::Fifo, capacity));
        (Sender::Mutex(Arc::clone(&queue)), Receiver::Mutex(queue))
    } else {
        let (sender, receiver) = channel::bounded(capacity);
        (Sender::Channel(sender), Receiver::Channel(receiver))
    }
}

impl Sender {
    /// Leaves a connection. While the queue is full this waits.
    ///
    /// # Errors
    ///
    /// Fails if nobody is left to take it.
    pub(crate) fn send(&self, connection: Connection) -> io::Result<()> {
        let sent = match self {
            Self::Channel(channel) => channel.send(connection).is_ok(),
            Self::Mutex(queue) => queue.push(connection).is_ok(),
        };
        if sent { Ok(()) } else { Err(io::Error::other("the queue is closed")) }
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        match self {
            Self::Channel(_) => {} // Closes itself.
            Self::Mutex(queue) => queue.close(),
        }
    }
}

impl Receiver {
    /// Takes a connection. While there is none this waits; `None` once the queue
    /// is closed and empty.
    pub(crate) fn recv(&self) -> Option<Connection> {
        match self {
            Self::Channel(channel) => channel.recv().ok(),
            Self::Mutex(queue) => queue.pop(),
        }
    }
}
