//! What is to be done when a server ends, in order or not.

use std::{
    fs, io, mem,
    os::unix::net::UnixStream,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use rustix::event::{PollFd, PollFlags, poll};
use signal_hook::{
    consts::{SIGINT, SIGQUIT, SIGTERM},
    iterator::{backend::SignalDelivery, exfiltrator::SignalOnly},
};

use super::MakeReport;
use crate::{Context, Listener, Stats, Stop, accept::LOOK, say, say::exit, stats::Running};

/// Leaves the report where it is wanted.
pub(super) type LeaveReport = dyn Fn(&Stats) -> Result<(), String> + Send + Sync;

/// What is to be done when the server ends.
#[derive(Clone)]
pub(super) struct Ending {
    /// What its messages begin with.
    pub(super) name: &'static str,
    /// To be closed at the stop; a process that serves one connection has none.
    pub(super) listener: Option<Arc<Listener>>,
    pub(super) context: Arc<Context>,
    /// How long whatever hangs may take once the drain is over.
    pub(super) patience: Duration,
    pub(super) report: Arc<LeaveReport>,
    /// The server ends once: by itself, or because its drain is over.
    pub(super) begun: Arc<AtomicBool>,
}

/// Writes the report to a file, if one is wanted, and says who was cut.
pub(super) fn to_file(
    name: &'static str,
    path: Option<PathBuf>,
    make: Arc<MakeReport>,
) -> Arc<LeaveReport> {
    Arc::new(move |stats| {
        let cut = stats.cut();
        if cut > 0 {
            say(format_args!("{name}: the drain ended with {cut} connections busy"));
        }
        let overloaded = stats.overloaded();
        if overloaded > 0 {
            say(format_args!("{name}: {overloaded} requests were refused: too many waited"));
        }
        let Some(path) = &path else { return Ok(()) };
        let failed = |error: String| format!("cannot write the report {}: {error}", path.display());
        let json = make(stats).map_err(|error| failed(error.to_string()))?;
        fs::write(path, json + "\n").map_err(|error| failed(error.to_string()))
    })
}

impl Ending {
    /// Ends the server in order; `main` is the account of its main thread.
    pub(super) fn end(&self, main: Running) -> Result<(), String> {
        while !self.begin() {
            thread::park(); // The report is being written; the process ends after that.
        }
        drop(main); // What it used belongs into the report.
        self.account()
    }

    /// Leaves the report. A server that has stopped by itself has not ended well.
    fn account(&self) -> Result<(), String> {
        (self.report)(&self.context.stats)?;
        self.context.stop.failure().map_or(Ok(()), |why| Err(format!("it stopped, since {why}")))
    }

    /// Whether it is the caller's to end the server.
    fn begin(&self) -> bool {
        !self.begun.swap(true, Relaxed)
    }

    /// First signal: stop. Second: end at once. Whoever asked for the stop: end after
    /// the drain whatever hangs.
    pub(super) fn watch_signals(&self) -> io::Result<()> {
        let (told, teller) = UnixStream::pair()?;
        let numbers = [SIGINT, SIGTERM, SIGQUIT];
        let mut signals = SignalDelivery::with_pipe(told, teller, SignalOnly, numbers)?;
        let ending = self.clone();
        spawn("signals", move || {
            let stop = &ending.context.stop;
            let _running = ending.context.stats.thread("signals");
            let (mut is_told, mut drains) = (false, false);
            loop {
                // Once requested, the stop stays readable.
                wait(signals.get_read(), (!drains).then_some(stop));
                for signal in signals.pending() {
                    if mem::replace(&mut is_told, true) {
                        exit(128 + signal);
                    }
                    stop.begin();
                    ending.close(); // Before anybody is told: who is left is known then.
                    stop.request();
                }
                if stop.is_requested() && !mem::replace(&mut drains, true) {
                    ending.drain();
                }
            }
        })
    }

    /// Closes the listener, if there is one; false if that is to be tried again.
    fn close(&self) -> bool {
        self.listener.as_ref().is_none_or(|listener| listener.close(&self.context))
    }

    fn drain(&self) {
        self.close();
        let after = self.clone();
        if spawn("drain", move || after.end_after_drain()).is_err() {
            let name = self.name;
            say(format_args!("{name}: no thread to end the drain with; a second signal ends it"));
        }
    }

    /// Does something only if the server has not ended by itself.
    fn end_after_drain(&self) {
        let stop = &self.context.stop;
        while !self.close() && !stop.is_over() {
            thread::sleep(LOOK);
        }
        let deadline = stop.deadline().unwrap_or_else(Instant::now);
        thread::sleep(deadline.saturating_duration_since(Instant::now()));
        if let Some(listener) = &self.listener {
            listener.give_up();
        }
        stop.cut();
        thread::sleep(self.patience);
        if !self.begin() {
            return;
        }
        let code = match self.account() {
            Ok(()) => 0,
            Err(message) => {
                say(format_args!("{}: {message}", self.name));
                1
            }
        };
        exit(code);
    }
}

/// Waits until a signal has come, or the stop is requested.
fn wait(signals: &UnixStream, stop: Option<&Arc<Stop>>) {
    let mut ready = vec![PollFd::new(signals, PollFlags::IN)];
    ready.extend(stop.map(|stop| PollFd::new(stop, PollFlags::IN)));
    // If it fails, the caller looks, and comes again.
    let _ = poll(&mut ready, None);
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name(name.to_owned()).spawn(run).map(drop)
}
