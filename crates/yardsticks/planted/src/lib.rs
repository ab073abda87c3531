//! **Planted truth**: event loops that differ in one thing, and by how much is known:
//! on a request the costly one spends a fifth more CPU than the plain one, and a third
//! one 3 % more. A harness that cannot tell them apart, or that tells one of them from
//! itself, is wrong.
//!
//! ```text
//!     ┌──────────────── wait (epoll) ◀───────────────────┐
//!     ▼                                                  │
//!     each event ▶ accept, or read ▶ work ▶ write        │
//!                                  ▼                     │
//!     plain:  burn 20 µs for each event ─────────────────┤
//!     costly: burn as much, and a share of all of that ──┘
//! ```
//!
//! | Question              | Answer                                              |
//! |-----------------------|-----------------------------------------------------|
//! | Unit of scheduling    | an event: what a socket has ready                   |
//! | Threads               | 1                                                   |
//! | Who accepts           | the loop, between other events                      |
//! | Where overload queues | in the sockets' buffers, and in the listen backlog  |
//! | What breaks it        | what breaks any event loop                          |
//!
//! All burn, or the truth would not be one. A loop that burns is slower, so its
//! clients sleep between answers, and waking them costs the loop CPU as well: a
//! fifth burnt beside nothing was measured as two fifths. So all burn, more than a
//! request costs otherwise, and only when all that were ready are answered: each
//! turn then wakes the clients once, and finds all of them ready in the next.
//!
//! The truth holds for a closed loop of many connections, which keeps the server
//! busy. Below that, a loop that burns finds its next event before it sleeps,
//! and saves on that: the difference is smaller then.

use std::{io, time::Duration};

use rustix::time::{ClockId, clock_gettime};
use server::{Context, LISTENER, Listener, Listeners, Model, Reactor};

/// The name card of the one that costs what it costs.
pub const PLAIN: Model = Model {
    name: "planted-plain",
    summary: "an event loop that burns 20 µs of CPU for each event",
    threads: "1",
    seed: "",
    listeners: Listeners::One,
    knobs: &[],
    serve: |listener, context| serve(listener, context, 0),
    child: None,
    needs: None,
};

/// The name card of the one that burns more.
pub const COSTLY: Model = Model {
    name: "planted-costly",
    summary: "the same, and spends 20 % more CPU in all, by construction",
    serve: |listener, context| serve(listener, context, COSTLY_PERCENT),
    child: None,
    needs: None,
    ..PLAIN
};

/// The name card of the one that burns hardly more.
pub const SLIGHT: Model = Model {
    name: "planted-slight",
    summary: "the same, and spends 3 % more CPU in all, by construction",
    serve: |listener, context| serve(listener, context, SLIGHT_PERCENT),
    child: None,
    needs: None,
    ..PLAIN
};

/// What all burn for an event: several times what an echo costs otherwise.
const BURN_NS: u64 = 20_000;
/// What the costly one burns beyond that, of all that it uses.
const COSTLY_PERCENT: u64 = 20;
const SLIGHT_PERCENT: u64 = 3;

/// Serves `listener` until the stop is requested and no connection is left.
///
/// # Errors
///
/// Fails if the kernel has no descriptor for the loop, or the listener is broken.
pub fn serve(listener: &Listener, context: &Context, extra_percent: u64) -> io::Result<()> {
    let mut reactor = Reactor::new(context, context.stats.worker("loop"))?;
    reactor.listen(listener)?;
    let mut events = reactor.events();
    let mut accept_in = None;
    let mut meter = Meter { extra_percent, events: 0, burnt_ns: 0 };
    while !(context.stop.is_requested() && reactor.is_empty()) {
        reactor.wait(&mut events, accept_in)?;
        for event in &events {
            match event.token() {
                LISTENER => accept_in = Some(Duration::ZERO),
                _ => reactor.ready(event),
            }
        }
        if accept_in.is_some() {
            accept_in = reactor.accept(listener)?;
        }
        reactor.resume();
        meter.burn(events.iter().count(), cpu_ns);
    }
    Ok(())
}

/// Knows what is owed, and burns it.
#[derive(Debug)]
struct Meter {
    extra_percent: u64,
    events: u64,
    burnt_ns: u64,
}

impl Meter {
    /// Burns until all is burnt that is due for the events so far. Who burns too
    /// much in one turn owes less in the next, so nothing adds up.
    fn burn(&mut self, events: usize, mut clock_ns: impl FnMut() -> u64) {
        self.events += events as u64;
        let begun = clock_ns();
        let useful = begun.saturating_sub(self.burnt_ns);
        let base = self.events * BURN_NS;
        let due = base + (base + useful) * self.extra_percent / 100;
        let until = begun + due.saturating_sub(self.burnt_ns);
        let mut now = begun;
        while now < until {
            now = clock_ns();
        }
        self.burnt_ns += now - begun;
    }
}

/// CPU time that this thread has used so far, in the kernel too.
fn cpu_ns() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000
        + u64::try_from(time.tv_nsec).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Turns of one event, and so many useful ns each, on a clock that takes 30 ns to read.
    /// Returns what was used in all, and what of it was burnt.
    fn run(extra_percent: u64, turns: u64, useful_ns: u64) -> (u64, u64) {
        let mut meter = Meter { extra_percent, events: 0, burnt_ns: 0 };
        let mut clock = 0;
        for _ in 0..turns {
            clock += useful_ns;
            meter.burn(1, || {
                clock += 30;
                clock
            });
        }
        (clock, meter.burnt_ns)
    }

    #[test]
    fn both_burn_what_is_due() {
        for useful_ns in [100, 1_000, 4_321, 1_000_000] {
            for percent in [0, SLIGHT_PERCENT, COSTLY_PERCENT] {
                let (total, burnt) = run(percent, 10_000, useful_ns);
                let base = 10_000 * BURN_NS;
                let due = base + (base + total - burnt) * percent / 100;
                assert!(burnt.abs_diff(due) <= 60, "{burnt} of {total}, not {due}");
            }
        }
    }

    #[test]
    fn the_others_use_a_fifth_and_three_per_cent_more() {
        for useful_ns in [1_000, 5_000, 50_000] {
            let plain = run(0, 10_000, useful_ns);
            let costly = run(COSTLY_PERCENT, 10_000, useful_ns);
            assert!((costly.0 * 1_000 / plain.0).abs_diff(1_200) <= 1, "{costly:?} {plain:?}");
            let slight = run(SLIGHT_PERCENT, 10_000, useful_ns);
            assert!((slight.0 * 1_000 / plain.0).abs_diff(1_030) <= 1, "{slight:?} {plain:?}");
        }
    }
}
