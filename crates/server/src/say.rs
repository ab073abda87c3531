//! What a server says on standard error.
//!
//! Who reads it may be gone, may be a full disk, or may never read. None of that is to
//! end the server, or to keep it from ending. So a thread of its own writes, started for
//! the first message; whoever says something leaves it for that thread and goes on. What it
//! has no room for is lost.

use std::{
    fmt::Display,
    io::{self, Write},
    panic::{self, PanicHookInfo},
    process,
    sync::{Mutex, OnceLock, PoisonError},
    thread,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, Sender, bounded};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Messages that may wait to be written.
const WAITING: usize = 256;
/// How long a process that ends waits for its last words to be written.
const LAST_WORDS: Duration = Duration::from_millis(250);
/// Panics that are told in so long. A client may cause as many as it likes.
const PANICS: u64 = 10;
const PANICS_IN: Duration = Duration::from_secs(1);

/// What is left for the writer.
enum Message {
    Line(String),
    /// The sender is dropped when everything before is written.
    Mark(Sender<()>),
}

/// `None` where there was no thread for it.
static WRITER: OnceLock<Option<Sender<Message>>> = OnceLock::new();

/// Says a line on standard error. It never fails, and never waits.
pub fn say(message: impl Display) {
    let line = format!("{message}\n");
    match WRITER.get_or_init(start) {
        Some(writer) => drop(writer.try_send(Message::Line(line))),
        None => write_now(&line),
    }
}

/// Waits for a while until all that was said is written. To be called before the end.
pub(crate) fn finish() {
    let Some(Some(writer)) = WRITER.get() else { return };
    let deadline = Instant::now() + LAST_WORDS;
    let (mark, written) = bounded(0);
    if writer.send_deadline(Message::Mark(mark), deadline).is_ok() {
        // Nothing is ever sent: what is waited for is that the other end is dropped.
        let _ = written.recv_deadline(deadline);
    }
}

/// Ends the process, its last words said.
pub(crate) fn exit(code: i32) -> ! {
    finish();
    process::exit(code)
}

fn start() -> Option<Sender<Message>> {
    let (sender, receiver) = bounded(WAITING);
    let writer = thread::Builder::new().name("says".to_owned());
    writer.spawn(move || write(&receiver)).ok().map(|_| sender)
}

fn write(messages: &Receiver<Message>) {
    for message in messages {
        match message {
            // Whoever reads it is gone, or has no room: there is nobody to tell.
            Message::Line(line) => drop(io::stderr().write_all(line.as_bytes())),
            Message::Mark(mark) => drop(mark),
        }
    }
}

/// Without a thread for it: only what can be written without waiting.
fn write_now(line: &str) {
    let stderr = io::stderr();
    let mut ready = [PollFd::new(&stderr, PollFlags::OUT)];
    if poll(&mut ready, Some(&Timespec::default())).is_ok_and(|ready| ready > 0) {
        let _ = stderr.lock().write_all(line.as_bytes());
    }
}

/// From now on panics are said so, too: in a line each, so many in a second, and without a
/// backtrace, whose symbols would stay in memory.
pub(crate) fn say_panics() {
    panic::set_hook(Box::new(|panic| {
        static RATE: Mutex<Rate> = Mutex::new(Rate::NEW);
        let told = RATE.lock().unwrap_or_else(PoisonError::into_inner).ask(Instant::now());
        match told {
            Some(0) => say(describe(panic)),
            Some(untold) => say(format_args!("{} ({untold} more before)", describe(panic))),
            None => {}
        }
    }));
}

fn describe(panic: &PanicHookInfo) -> String {
    let thread = thread::current();
    let name = thread.name().unwrap_or("unnamed");
    let payload = panic.payload();
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let at = panic.location().map(|at| format!(" at {at}")).unwrap_or_default();
    format!("thread '{name}' panicked{at}: {}", text.unwrap_or("it does not say why"))
}

/// Lets so many through in a while.
#[derive(Debug)]
struct Rate {
    since: Option<Instant>,
    told: u64,
    untold: u64,
}

impl Rate {
    const NEW: Self = Self { since: None, told: 0, untold: 0 };

    /// Whether the next one is to be told, and how many before it were not.
    fn ask(&mut self, now: Instant) -> Option<u64> {
        if self.since.is_none_or(|since| now.duration_since(since) >= PANICS_IN) {
            (self.since, self.told) = (Some(now), 0);
        }
        if self.told == PANICS {
            self.untold += 1;
            return None;
        }
        self.told += 1;
        Some(std::mem::take(&mut self.untold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_in_a_second_are_told_and_the_others_are_counted() {
        let (mut rate, start) = (Rate::NEW, Instant::now());
        let told = (0..100).filter_map(|_| rate.ask(start)).collect::<Vec<_>>();
        assert_eq!(told, vec![0; 10]);
        assert_eq!(rate.ask(start + PANICS_IN), Some(90));
        assert_eq!(rate.ask(start + PANICS_IN), Some(0));
    }
}
