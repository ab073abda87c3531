//! Whether there may be so many threads.

use std::{io, thread::Builder};

use crossbeam_channel::bounded;

/// Starts `count` threads and ends them again: for a runtime that panics where it gets
/// fewer than it wants.
///
/// # Errors
///
/// Says why the system refuses one.
pub fn ask_for_threads(count: usize) -> io::Result<()> {
    let (holder, held) = bounded::<()>(0);
    let mut threads = Vec::new();
    let refused = (0..count).find_map(|_| {
        let held = held.clone();
        // None ends before all have begun, or one was refused.
        let begun = Builder::new().spawn(move || held.recv().is_err());
        begun.map(|thread| threads.push(thread)).err()
    });
    drop(holder);
    for thread in threads {
        // Joined one by one: only then the system has them back.
        let _ = thread.join();
    }
    refused.map_or(Ok(()), Err)
}
