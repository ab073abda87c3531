//! Several loops, and an acceptor that deals pairs to them in turn.

use std::{io, thread};

use mio::Events;
use server::{Inbox, Listener, Mailbox, Mode, WAKEUP, mailbox};

use crate::{
    Proxy,
    door::{Door, Guest},
    event_loop::{EVENTS, Loop},
};

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
            let name = format!("loop-{id}");
            let mut pairs = Loop::new(proxy, context.stats.worker(&name))?;
            let (mailbox, dealt) = mailbox(pairs.waker()?);
            loops.push(mailbox);
            context.spawn(scope, name, move || turn(dealt, pairs))?;
        }
        deal(&mut Door::new(listener, Mode::Nonblocking, proxy), &loops)
        // The mailboxes are closed here: loops end once they are empty.
    }) // Joins every loop.
}

/// Accepts, and deals to each loop in turn.
fn deal(door: &mut Door, loops: &[Mailbox<Guest>]) -> io::Result<()> {
    for mailbox in loops.iter().cycle() {
        let Some(guest) = door.accept()? else { break };
        mailbox.send(guest);
    }
    Ok(())
}
// ANCHOR_END: serve

/// One loop: takes in what it is dealt and serves it, until both are over.
fn turn(mut dealt: Inbox<Guest>, mut pairs: Loop) -> io::Result<()> {
    let mut events = Events::with_capacity(EVENTS);
    while dealt.is_open() || !pairs.is_empty() {
        pairs.wait(&mut events, None)?;
        for event in &events {
            match event.token() {
                WAKEUP => dealt.take().for_each(|guest| pairs.adopt(guest)),
                _ => pairs.ready(event),
            }
        }
        pairs.resume();
    }
    Ok(())
}
