//! **Prefork loops**: N processes, started before anybody comes, each with an event
//! loop and a listening socket of its own. A master serves nobody: it holds the
//! sockets, and starts anew whoever dies.
//!
//! ```text
//!            kernel            processes
//!           ┌─ hash ─▶ backlog [ 0 ] wait ▶ accept, or read ▶ work ▶ write
//! connect ──┤                    ▲ start, and start again
//!           │                 [ master ]
//!           │                    ▼
//!           └─ hash ─▶ backlog [ 1 ] wait ▶ accept, or read ▶ work ▶ write
//! ```
//!
//! | Question              | Answer                                              |
//! |-----------------------|-----------------------------------------------------|
//! | Unit of scheduling    | an event, within the process that owns the connection |
//! | Threads               | one loop in each of `--workers` processes           |
//! | Who accepts           | each process, from its own socket                   |
//! | Where overload queues | in the loaded process's sockets, and in its backlog |
//! | What breaks it        | a slow request stops its loop; nothing is shared    |

use std::{
    io,
    time::{Duration, Instant},
};

use server::{
    Children, Context, Inherited, Knob, LISTENER, Listener, Listeners, Model, Reactor, Rest, say,
};

/// The model's name card.
pub const MODEL: Model = Model {
    name: "prefork-loops",
    summary: "N processes started ahead, each a loop with its own listening socket",
    threads: "2 + 2 × workers",
    seed: "Event-driven Servers: An Intuitive Study",
    listeners: Listeners::PerWorker,
    knobs: &[Knob::Workers],
    serve,
    child: Some(child),
    needs: None,
};

/// One of the processes, whoever plays it now.
#[derive(Debug)]
struct Part<'a> {
    name: String,
    /// Held by the master for ever: what comes while nobody plays waits in here.
    listener: &'a Listener,
    /// Its share of the limit: processes share no count of connections.
    connections: usize,
    /// When to start it; `None` while it runs.
    due: Option<Instant>,
    rest: Rest,
}

/// Keeps a process running for each of `listener`'s sockets until the stop is
/// requested and every process has ended.
///
/// # Errors
///
/// Fails if the first processes cannot be started. Later the master tries again.
// ANCHOR: serve
pub fn serve(listener: &Listener, context: &Context) -> io::Result<()> {
    let mut children = Children::new(context)?;
    let mut parts = parts(listener, context);
    for part in &parts {
        children.listen(&part.name, part.listener, part.connections)?;
    }
    while !context.stop.is_requested() {
        restart(&mut parts, &mut children, Instant::now());
        let next = parts.iter().filter_map(|part| part.due).min();
        let at_most = next.map(|due| due.saturating_duration_since(Instant::now()));
        for ended in children.wait(None, at_most)? {
            if let Some(part) = parts.iter_mut().find(|part| part.name == ended.part) {
                let (lived, rest) = (ended.lived, part.rest.after(ended.lived));
                part.due = Some(Instant::now() + rest);
                if !context.stop.is_requested() {
                    say(format_args!("{ended} after {lived:.1?}, and is started anew in {rest:?}"));
                }
            }
        }
    }
    // Who waits in the backlog of one that has just died is served by its successor.
    restart(&mut parts, &mut children, Instant::now() + Rest::MOST);
    children.stop()
}
// ANCHOR_END: serve

/// A part for each socket. Of a limit to connections each gets a share.
fn parts<'a>(listener: &'a Listener, context: &Context) -> Vec<Part<'a>> {
    let (count, limit) = (context.workers.get(), context.limits.connections);
    let part = |(id, listener)| Part {
        name: format!("loop-{id}"),
        listener,
        connections: limit / count + usize::from(id < limit % count),
        due: None,
        rest: Rest::default(),
    };
    listener.all().enumerate().map(part).collect()
}

/// Starts whose time has come.
// ANCHOR: restart
fn restart(parts: &mut [Part], children: &mut Children, now: Instant) {
    for part in parts.iter_mut().filter(|part| part.due.is_some_and(|due| due <= now)) {
        let started = children.listen(&part.name, part.listener, part.connections);
        part.due = None;
        if let Err(error) = started {
            let rest = part.rest.after(Duration::ZERO);
            part.due = Some(now + rest);
            say(format_args!("{} cannot be started, in {rest:?} again: {error}", part.name));
        }
    }
}
// ANCHOR_END: restart

/// One process: accepts and serves, as if there were no other.
// ANCHOR: child
fn child(inherited: Inherited, context: &Context) -> io::Result<()> {
    let worker = context.stats.worker(inherited.part());
    let listener = inherited.listener()?;
    let mut reactor = Reactor::new(context, worker)?;
    reactor.listen(&listener)?;
    let mut events = reactor.events();
    let mut accept_in = None; // When to accept, if somebody waits in the backlog.
    while !(context.stop.is_requested() && reactor.is_empty()) {
        reactor.wait(&mut events, accept_in)?;
        for event in &events {
            match event.token() {
                LISTENER => accept_in = Some(Duration::ZERO),
                _ => reactor.ready(event),
            }
        }
        if accept_in.is_some() {
            accept_in = reactor.accept(&listener)?;
        }
        reactor.resume();
    }
    Ok(())
}
// ANCHOR_END: child
