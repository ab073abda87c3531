//! Several loops, and an acceptor that deals pairs to them in turn.

use std::{
    io,
    sync::{
        Arc,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
};

use mio::{Events, Waker};
use server::{Listener, SystemCalls};

use crate::{
    Proxy,
    door::{Door, Guest},
    event_loop::{EVENTS, Loop, WAKEUP},
};

/// The acceptor's end of a loop. Dropping it tells the loop that nothing more
/// will come.
#[derive(Debug)]
struct Mailbox {
    /// What is in it is bounded by the limits of connections and descriptors.
    queue: Sender<Mail>,
    /// The loop keeps it too: closing it would take back a wakeup not yet seen.
    waker: Arc<Waker>,
}

#[derive(Debug)]
enum Mail {
    Guest(Guest),
    End,
}

/// Serves `listener` until the stop is requested and every loop is empty.
///
/// # Errors
///
/// Fails if a loop cannot be made or the listener is broken.
// ANCHOR: serve
pub(crate) fn serve(listener: &Listener, proxy: &Proxy) -> io::Result<()> {
    let context = &proxy.context;
    thread::scope(|scope| {
        let mut loops = Vec::new();
        for id in 0..context.workers.get() {
            let (queue, dealt) = channel();
            let name = format!("loop-{id}");
            let mut pairs = Loop::new(proxy, context.stats.worker(&name))?;
            let waker = Arc::new(pairs.waker()?);
            loops.push(Mailbox { queue, waker: Arc::clone(&waker) });
            context.spawn(scope, name, move || {
                // Waiting fails only if the kernel does: then this loop is gone,
                // its pairs are closed, and its queue refuses more.
                if let Err(error) = turn(&dealt, pairs) {
                    eprintln!("loop-{id} ends: {error}");
                }
                drop(waker);
            })?;
        }
        deal(&mut Door::new(listener, proxy), &loops, proxy)
    }) // Joins every loop.
}

/// Accepts, and deals to each loop in turn.
fn deal(door: &mut Door, loops: &[Mailbox], proxy: &Proxy) -> io::Result<()> {
    for mailbox in loops.iter().cycle() {
        let Some(guest) = door.accept()? else { break };
        mailbox.queue.send(Mail::Guest(guest)).map_err(io::Error::other)?;
        proxy.context.stats.add(SystemCalls { wake: 1, ..SystemCalls::default() });
        mailbox.waker.wake()?;
    }
    Ok(())
}
// ANCHOR_END: serve

impl Drop for Mailbox {
    fn drop(&mut self) {
        // Both fail only if the loop is gone.
        let _ = self.queue.send(Mail::End);
        let _ = self.waker.wake();
    }
}

/// One loop: takes in what it is dealt and serves it, until both are over.
fn turn(dealt: &Receiver<Mail>, mut pairs: Loop) -> io::Result<()> {
    let mut events = Events::with_capacity(EVENTS);
    let mut dealing = true;
    while dealing || !pairs.is_empty() {
        pairs.wait(&mut events, None)?;
        for event in &events {
            match event.token() {
                // `End` may be taken in before its wakeup comes: it stays the end.
                WAKEUP => dealing = dealing && take_in(dealt, &mut pairs),
                _ => pairs.ready(event),
            }
        }
        pairs.resume();
    }
    Ok(())
}

/// Adopts everything dealt so far; false once nothing more will come.
fn take_in(dealt: &Receiver<Mail>, pairs: &mut Loop) -> bool {
    for mail in dealt.try_iter() {
        match mail {
            Mail::Guest(guest) => pairs.adopt(guest),
            Mail::End => return false,
        }
    }
    true
}
