//! Every order in which threads can take turns at a mailbox, by loom:
//! `RUSTFLAGS="--cfg loom" cargo test -p server --test loom --release`.
//!
//! What is checked is `src/mail.rs` itself. It names `crossbeam_channel` and
//! `crate::Waker`, neither of which loom can see into; here both are stand-ins that do
//! the same with loom's locks.

#![cfg(loom)]

extern crate self as crossbeam_channel;

#[allow(unreachable_pub)]
#[path = "../src/mail.rs"]
mod mail;

#[path = "mailbox/channel.rs"]
mod channel;
#[path = "mailbox/waker.rs"]
mod waker;

use std::sync::Arc as Shared;

use loom::{sync::Arc, thread};

use crate::{
    channel::{Receiver, Sender, TryRecvError, unbounded},
    mail::{Inbox, mailbox},
    waker::Waker,
};

/// A thread is made to give way at most three times beside where it waits, as in the
/// tests of `work-queue`, and for the same reason.
fn model(check: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(check);
}

/// A loop as the models have it: it sleeps, takes in what has come, and ends once no
/// more may come. Should a wakeup be lost, it sleeps for ever, and loom says so.
fn turn(mut inbox: Inbox<u32>, waker: &Waker) -> Vec<u32> {
    let mut taken = Vec::new();
    while inbox.is_open() {
        waker.wait();
        taken.extend(inbox.take());
    }
    taken
}

#[test]
fn what_an_acceptor_deals_arrives_in_order_and_the_close_ends_the_loop() {
    model(|| {
        let waker = Shared::new(Waker::new());
        let (mailbox, inbox) = mailbox(Shared::clone(&waker));
        let event_loop = thread::spawn(move || turn(inbox, &waker));
        mailbox.send(1);
        mailbox.send(2);
        drop(mailbox);
        assert_eq!(event_loop.join().unwrap(), [1, 2]);
    });
}

/// As workers do it who share the way home by reference.
#[test]
fn what_two_workers_send_is_all_there() {
    model(|| {
        let waker = Shared::new(Waker::new());
        let (mailbox, inbox) = mailbox(Shared::clone(&waker));
        let mailbox = Arc::new(mailbox);
        let workers = [1, 2].map(|answer| {
            let mailbox = mailbox.clone();
            thread::spawn(move || mailbox.send(answer))
        });
        drop(mailbox);
        let mut taken = turn(inbox, &waker);
        taken.sort_unstable();
        assert_eq!(taken, [1, 2]);
        for worker in workers {
            worker.join().unwrap();
        }
    });
}

#[test]
fn closing_wakes_every_sleeping_loop() {
    model(|| {
        let loops = [(); 2].map(|()| {
            let waker = Shared::new(Waker::new());
            let (mailbox, inbox) = mailbox(Shared::clone(&waker));
            (mailbox, thread::spawn(move || turn(inbox, &waker)))
        });
        let (mailboxes, loops): (Vec<_>, Vec<_>) = loops.into_iter().unzip();
        drop(mailboxes);
        for event_loop in loops {
            assert!(event_loop.join().unwrap().is_empty());
        }
    });
}

/// A loop that waits for what it has given away, and that others bring back: it ends
/// when all is there again, though its mailbox stays open.
#[test]
fn a_loop_gets_back_all_that_is_out() {
    model(|| {
        let waker = Shared::new(Waker::new());
        let (home, mut inbox) = mailbox(Shared::clone(&waker));
        let (jobs, queue) = unbounded();
        let worker = thread::spawn(move || {
            while let Some(job) = queue.recv() {
                home.send(job);
            }
        });
        let mut back = Vec::new();
        jobs.send(1).unwrap();
        jobs.send(2).unwrap();
        while back.len() < 2 {
            waker.wait();
            back.extend(inbox.take());
        }
        assert_eq!(back, [1, 2]);
        drop(jobs);
        worker.join().unwrap();
    });
}

/// A connection on its way to a loop that ends meanwhile is closed: by the loop, or
/// with its queue, or by who would have sent it.
#[test]
fn what_comes_too_late_is_dropped_and_not_kept() {
    model(|| {
        let connection = Shared::new(());
        let waker = Shared::new(Waker::new());
        let (mailbox, inbox) = mailbox(waker);
        let event_loop = thread::spawn(move || drop(inbox));
        mailbox.send(Shared::clone(&connection));
        event_loop.join().unwrap();
        assert_eq!(Shared::strong_count(&connection), 1);
    });
}

/// The check can fail: who rings first, and then leaves the letter, leaves a loop asleep
/// beside it in some order.
#[test]
#[should_panic(expected = "deadlock")]
fn ringing_before_the_letter_is_there_is_found() {
    model(|| {
        let waker = Shared::new(Waker::new());
        let (sender, receiver) = unbounded();
        let reader = Shared::clone(&waker);
        let event_loop = thread::spawn(move || {
            let mut letter = receiver.try_recv();
            while letter == Err(TryRecvError::Empty) {
                reader.wait();
                letter = receiver.try_recv();
            }
            assert_eq!(letter, Ok(7));
        });
        waker.wake().unwrap();
        sender.send(7).unwrap();
        event_loop.join().unwrap();
        drop(sender);
    });
}
