//! What `mail.rs` uses of `crossbeam_channel`, with loom's locks. (That the real one
//! keeps its word is for its own tests.)

use std::{collections::VecDeque, sync::Arc, thread::panicking};

use loom::sync::{Condvar, Mutex};

/// Both ends of a queue without bound.
pub(crate) fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
    let state = State { queue: VecDeque::new(), has_sender: true, has_receiver: true };
    let channel = Arc::new((Mutex::new(state), Condvar::new()));
    (Sender(Arc::clone(&channel)), Receiver(channel))
}

#[derive(Debug)]
pub(crate) struct Sender<T>(Arc<Channel<T>>);

#[derive(Debug)]
pub(crate) struct Receiver<T>(Arc<Channel<T>>);

type Channel<T> = (Mutex<State<T>>, Condvar);

#[derive(Debug)]
struct State<T> {
    queue: VecDeque<T>,
    has_sender: bool,
    has_receiver: bool,
}

/// Why nothing was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TryRecvError {
    Empty,
    Disconnected,
}

impl<T> Sender<T> {
    /// Gives back what nobody will receive.
    pub(crate) fn send(&self, message: T) -> Result<(), T> {
        let (state, filled) = &*self.0;
        let mut state = state.lock().unwrap();
        if !state.has_receiver {
            return Err(message);
        }
        state.queue.push_back(message);
        drop(state);
        filled.notify_one();
        Ok(())
    }
}

impl<T> Receiver<T> {
    pub(crate) fn try_recv(&self) -> Result<T, TryRecvError> {
        let mut state = self.0.0.lock().unwrap();
        let open = state.has_sender;
        let none = if open { TryRecvError::Empty } else { TryRecvError::Disconnected };
        state.queue.pop_front().ok_or(none)
    }

    /// Waits; `None` once there is nobody left to send.
    pub(crate) fn recv(&self) -> Option<T> {
        let (state, filled) = &*self.0;
        let mut state = state.lock().unwrap();
        while state.queue.is_empty() && state.has_sender {
            state = filled.wait(state).unwrap();
        }
        state.queue.pop_front()
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        // After a finding loom takes no more turns.
        if panicking() {
            return;
        }
        self.0.0.lock().unwrap().has_sender = false;
        self.0.1.notify_all();
    }
}

impl<T> Drop for Receiver<T> {
    /// What is still in the queue is dropped with its reader.
    fn drop(&mut self) {
        if panicking() {
            return;
        }
        let mut state = self.0.0.lock().unwrap();
        state.has_receiver = false;
        let left = std::mem::take(&mut state.queue);
        drop(state);
        drop(left);
    }
}
