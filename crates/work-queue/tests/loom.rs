//! Every order in which the threads can take turns, by loom:
//! `RUSTFLAGS="--cfg loom" cargo test -p work-queue --test loom --release`.

#![cfg(loom)]

use loom::{sync::Arc, thread};
use work_queue::{Order, WorkQueue};

const ORDERS: [Order; 2] = [Order::Fifo, Order::Lifo];

/// A thread is made to give way at most three times beside where it waits: with three
/// threads more takes hours, and few bugs need more (Musuvathi and Qadeer,
/// "Iterative Context Bounding", 2007).
fn model(check: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(check);
}

/// Everything that a worker takes until the queue is closed and empty.
fn work(queue: &WorkQueue<u32>) -> Vec<u32> {
    std::iter::from_fn(|| queue.pop()).collect()
}

#[test]
fn every_job_is_done_once_whoever_takes_it() {
    for order in ORDERS {
        model(move || {
            let queue = Arc::new(WorkQueue::unbounded(order));
            let workers = [(); 2].map(|()| {
                let queue = queue.clone();
                thread::spawn(move || work(&queue))
            });
            queue.push(1).unwrap();
            queue.push(2).unwrap();
            queue.close();
            let mut done: Vec<u32> = workers.into_iter().flat_map(|w| w.join().unwrap()).collect();
            done.sort_unstable();
            assert_eq!(done, [1, 2]);
        });
    }
}

#[test]
fn closing_wakes_every_sleeping_worker() {
    model(|| {
        let queue = Arc::new(WorkQueue::<u32>::unbounded(Order::Fifo));
        let workers = [(); 2].map(|()| {
            let queue = queue.clone();
            thread::spawn(move || work(&queue))
        });
        queue.close();
        for worker in workers {
            assert!(worker.join().unwrap().is_empty());
        }
    });
}

#[test]
fn who_waits_for_room_gets_it_and_nothing_is_lost() {
    for order in ORDERS {
        model(move || {
            let queue = Arc::new(WorkQueue::bounded(order, 1));
            let producer = {
                let queue = queue.clone();
                thread::spawn(move || {
                    queue.push(1).unwrap();
                    queue.push(2).unwrap();
                    queue.close();
                })
            };
            assert_eq!(work(&queue), [1, 2]);
            producer.join().unwrap();
        });
    }
}

#[test]
fn closing_turns_away_who_waits_for_room() {
    model(|| {
        let queue = Arc::new(WorkQueue::bounded(Order::Fifo, 1));
        queue.push(1).unwrap();
        let producer = {
            let queue = queue.clone();
            thread::spawn(move || queue.push(2))
        };
        queue.close();
        let refused = producer.join().unwrap();
        assert_eq!(refused, Err(2));
        assert_eq!(work(&queue), [1]);
    });
}

#[test]
fn a_job_pushed_while_closing_is_done_or_given_back() {
    model(|| {
        let queue = Arc::new(WorkQueue::unbounded(Order::Lifo));
        let producer = {
            let queue = queue.clone();
            thread::spawn(move || queue.push(7))
        };
        let worker = {
            let queue = queue.clone();
            thread::spawn(move || work(&queue))
        };
        queue.close();
        let given_back = producer.join().unwrap();
        let done = worker.join().unwrap();
        assert_eq!(given_back.is_err(), done.is_empty(), "{given_back:?} {done:?}");
    });
}
