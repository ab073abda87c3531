//! **A work queue**: jobs that some threads leave and others take, behind a
//! mutex, with condition variables to wait on.
//!
//! ```text
//!   push ──▶ [ oldest … newest ] ──▶ pop      first in, first out
//!                              └───▶ pop      last in, first out
//!   close: no more is taken in; what is there is still given out, then `None`
//! ```
//!
//! | Question                  | Answer                                           |
//! |---------------------------|--------------------------------------------------|
//! | Who waits in `push`       | whoever finds the queue full, until a job is taken |
//! | Who waits in `pop`        | whoever finds it empty, until a job comes or it is closed |
//! | What is woken             | one waiter for each job or place; all by `close` |
//! | What survives a panic     | everything: no job runs while the lock is held   |
//!
//! The queue of the text "Multi-Threaded Libevent Server Example" lost a worker
//! that left with the lock held, did not wake one that slept without looking
//! whether it was to end, and dropped what was queued at shutdown. None of these can be
//! written here: a guard gives the lock back, each wait states what it waits
//! for, and closing leaves the jobs. `tests/loom.rs` goes through every order in
//! which threads can take turns.
//!
//! ```
//! use work_queue::{Order, WorkQueue};
//!
//! let queue = WorkQueue::bounded(Order::Fifo, 8);
//! std::thread::scope(|scope| {
//!     let worker = scope.spawn(|| std::iter::from_fn(|| queue.pop()).sum::<u32>());
//!     for job in 1..=100 {
//!         queue.push(job).unwrap();
//!     }
//!     queue.close();
//!     assert_eq!(worker.join().unwrap(), 5050);
//! });
//! ```

mod sync;

use std::{collections::VecDeque, fmt};

use crate::sync::{Condvar, Mutex, MutexGuard, lock, wait};

/// Which job is given out next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The one that waits longest: first in, first out.
    Fifo,
    /// The newest: last in, first out. Under load the oldest may wait for ever.
    Lifo,
}

/// A queue of jobs that any number of threads share by reference.
#[derive(Debug)]
pub struct WorkQueue<T> {
    state: Mutex<State<T>>,
    /// A job came, or the queue was closed.
    filled: Condvar,
    /// A place became free, or the queue was closed.
    emptied: Condvar,
    order: Order,
    capacity: usize,
}

#[derive(Debug)]
struct State<T> {
    jobs: VecDeque<T>,
    closed: bool,
}

/// Why a job was not taken in; it is given back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Refused<T> {
    /// As many jobs wait as the queue holds.
    Full(T),
    /// The queue was closed.
    Closed(T),
}

impl<T> WorkQueue<T> {
    /// A queue that holds as many jobs as there is memory for.
    #[must_use]
    pub fn unbounded(order: Order) -> Self {
        Self::bounded(order, usize::MAX)
    }

    /// A queue that holds at most `capacity` jobs. One that holds none takes none.
    #[must_use]
    pub fn bounded(order: Order, capacity: usize) -> Self {
        Self {
            state: Mutex::new(State { jobs: VecDeque::new(), closed: false }),
            filled: Condvar::new(),
            emptied: Condvar::new(),
            order,
            capacity,
        }
    }

    /// Leaves a job. While the queue is full this waits.
    ///
    /// # Errors
    ///
    /// Gives the job back if the queue is closed, before or meanwhile.
    pub fn push(&self, job: T) -> Result<(), T> {
        let state = wait(&self.emptied, lock(&self.state), |state| {
            state.jobs.len() >= self.capacity && !state.closed
        });
        self.take_in(state, job).map_err(Refused::into_job)
    }

    /// Leaves a job if there is room now.
    ///
    /// # Errors
    ///
    /// Gives the job back if the queue is full or closed.
    pub fn try_push(&self, job: T) -> Result<(), Refused<T>> {
        let state = lock(&self.state);
        if state.jobs.len() >= self.capacity && !state.closed {
            return Err(Refused::Full(job));
        }
        self.take_in(state, job)
    }

    fn take_in(&self, mut state: MutexGuard<State<T>>, job: T) -> Result<(), Refused<T>> {
        if state.closed {
            return Err(Refused::Closed(job));
        }
        state.jobs.push_back(job);
        drop(state); // Whoever is woken need not wait for us.
        self.filled.notify_one();
        Ok(())
    }

    // ANCHOR: pop
    /// Takes a job. While there is none this waits; `None` once the queue is
    /// closed and everything in it was taken.
    pub fn pop(&self) -> Option<T> {
        let mut state =
            wait(&self.filled, lock(&self.state), |state| state.jobs.is_empty() && !state.closed);
        let job = match self.order {
            Order::Fifo => state.jobs.pop_front(),
            Order::Lifo => state.jobs.pop_back(),
        };
        drop(state);
        if job.is_some() {
            self.emptied.notify_one();
        }
        job
    }
    // ANCHOR_END: pop

    /// Takes in no more. Who waits for room is turned away; what is in the queue
    /// is still given out. Closing twice is closing once.
    pub fn close(&self) {
        lock(&self.state).closed = true;
        self.filled.notify_all();
        self.emptied.notify_all();
    }

    /// Jobs that wait now.
    #[must_use]
    pub fn len(&self) -> usize {
        lock(&self.state).jobs.len()
    }

    /// Whether no job waits now.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T> Refused<T> {
    /// The job that was not taken in.
    pub fn into_job(self) -> T {
        match self {
            Self::Full(job) | Self::Closed(job) => job,
        }
    }
}

// A job need not be printable for its refusal to be.
impl<T> fmt::Debug for Refused<T> {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        out.write_str(match self {
            Self::Full(_) => "Full(..)",
            Self::Closed(_) => "Closed(..)",
        })
    }
}

impl<T> fmt::Display for Refused<T> {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        out.write_str(match self {
            Self::Full(_) => "the queue is full",
            Self::Closed(_) => "the queue is closed",
        })
    }
}

impl<T> std::error::Error for Refused<T> {}

#[cfg(all(test, not(loom)))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn order_is_as_asked() {
        for (order, taken) in [(Order::Fifo, [1, 2, 3]), (Order::Lifo, [3, 2, 1])] {
            let queue = WorkQueue::unbounded(order);
            for job in 1..=3 {
                queue.push(job).unwrap();
            }
            assert_eq!([(); 3].map(|()| queue.pop().unwrap()), taken);
        }
    }

    #[test]
    fn closing_leaves_what_is_there_and_refuses_more() {
        let queue = WorkQueue::bounded(Order::Fifo, 2);
        queue.push(1).unwrap();
        queue.close();
        assert_eq!(queue.push(2), Err(2));
        assert_eq!(queue.try_push(3), Err(Refused::Closed(3)));
        assert_eq!((queue.pop(), queue.pop(), queue.pop()), (Some(1), None, None));
    }

    #[test]
    fn a_full_queue_gives_jobs_back() {
        let queue = WorkQueue::bounded(Order::Lifo, 1);
        queue.try_push("a").unwrap();
        let refused = queue.try_push("b").unwrap_err();
        assert_eq!(refused.to_string(), "the queue is full");
        assert_eq!((refused.into_job(), queue.len()), ("b", 1));
        assert_eq!(queue.pop(), Some("a"));
        assert!(queue.is_empty());
    }

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Push,
        Pop,
        Close,
    }

    proptest! {
        /// Any sequence of calls that do not wait does what a plain list does.
        #[test]
        fn it_is_a_list(
            lifo: bool,
            capacity in 0..4_usize,
            steps in prop::collection::vec(
                prop_oneof![4 => Just(Step::Push), 4 => Just(Step::Pop), 1 => Just(Step::Close)],
                0..40,
            ),
        ) {
            let order = if lifo { Order::Lifo } else { Order::Fifo };
            let queue = WorkQueue::bounded(order, capacity);
            let (mut list, mut closed) = (VecDeque::new(), false);
            for (job, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Push if closed => {
                        prop_assert_eq!(queue.try_push(job), Err(Refused::Closed(job)));
                    }
                    Step::Push if list.len() >= capacity => {
                        prop_assert_eq!(queue.try_push(job), Err(Refused::Full(job)));
                    }
                    Step::Push => {
                        prop_assert_eq!(queue.try_push(job), Ok(()));
                        list.push_back(job);
                    }
                    Step::Pop if list.is_empty() && !closed => {} // It would wait.
                    Step::Pop => {
                        let expected = if lifo { list.pop_back() } else { list.pop_front() };
                        prop_assert_eq!(queue.pop(), expected);
                    }
                    Step::Close => {
                        queue.close();
                        closed = true;
                    }
                }
                prop_assert_eq!(queue.len(), list.len());
            }
        }
    }
}
