//! What is counted while traffic runs.

use hdrhistogram::Histogram;

use crate::{
    clock::NEVER,
    fault::Errors,
    summary::{Summary, encode, histogram},
};

/// An arrival taken up later than this is the generator's fault.
const PUNCTUAL_NS: u64 = 1_000_000;

/// Counts and histograms of one generator thread.
#[derive(Debug)]
pub(crate) struct Ledger {
    /// The window: [start, end). Both later than any instant until it opens.
    pub(crate) start: u64,
    pub(crate) end: u64,
    /// Length of the window; of all windows, where there were several.
    pub(crate) window_ns: u64,
    short: Class,
    slow: Option<Class>,
    /// Sum of all latencies recorded, for Little's law.
    latency_ns: u64,
    pub(crate) samples: u64,
    pub(crate) answered: u64,
    /// Answers at any time.
    pub(crate) answered_total: u64,
    pub(crate) arrivals: u64,
    pub(crate) sent: u64,
    pub(crate) lag: Lag,
    /// From the kernel receiving a part of an answer until it was noted.
    pub(crate) receive_lag: Histogram<u64>,
    pub(crate) connections_made: u64,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    pub(crate) errors: Errors,
}

/// The latencies of one class of requests.
#[derive(Debug)]
struct Class {
    /// From the instant a request was due.
    due: Histogram<u64>,
    /// From its actual send; kept apart only where the two differ, in an open loop.
    sent: Option<Histogram<u64>>,
}

/// How late the generator itself took up what was due: to send it, or to queue
/// it behind the answers that its connection still owed. Not counted from when the
/// connection became free: a generator that was stopped learns of that late too.
#[derive(Debug, Default)]
pub(crate) struct Lag {
    pub(crate) punctual: u64,
    pub(crate) late: u64,
    pub(crate) max_ns: u64,
    /// Of an open loop; in others nothing is ever due.
    all: Option<Histogram<u64>>,
}

/// The latencies of a run, told.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) latency: Summary,
    pub(crate) from_send: Option<Summary>,
    pub(crate) histogram: String,
}

impl Ledger {
    pub(crate) fn new(is_open: bool, has_slow: bool) -> Self {
        Self {
            start: NEVER,
            end: NEVER,
            window_ns: 0,
            short: Class::new(is_open),
            slow: has_slow.then(|| Class::new(is_open)),
            latency_ns: 0,
            samples: 0,
            answered: 0,
            answered_total: 0,
            arrivals: 0,
            sent: 0,
            lag: Lag::new(is_open),
            receive_lag: histogram(),
            connections_made: 0,
            bytes_in: 0,
            bytes_out: 0,
            errors: Errors::default(),
        }
    }

    #[inline]
    pub(crate) fn is_in_window(&self, instant: u64) -> bool {
        self.start <= instant && instant < self.end
    }

    /// Records an answer of `slow` or short class to a request due in the window.
    #[inline]
    pub(crate) fn record(&mut self, slow: bool, intended: u64, sent: u64, now: u64) {
        let class = match &mut self.slow {
            Some(class) if slow => class,
            _ => &mut self.short,
        };
        let latency = now.saturating_sub(intended);
        class.due.saturating_record(latency);
        if let Some(from_send) = &mut class.sent {
            from_send.saturating_record(now.saturating_sub(sent));
        }
        self.latency_ns = self.latency_ns.saturating_add(latency);
        self.samples += 1;
    }

    /// Takes in that of another thread. The window is the longer of theirs.
    pub(crate) fn add(&mut self, other: Self) {
        self.window_ns = self.window_ns.max(other.window_ns);
        self.short.add(&other.short);
        if let (Some(slow), Some(other)) = (&mut self.slow, &other.slow) {
            slow.add(other);
        }
        self.latency_ns = self.latency_ns.saturating_add(other.latency_ns);
        self.samples += other.samples;
        self.answered += other.answered;
        self.answered_total += other.answered_total;
        self.arrivals += other.arrivals;
        self.sent += other.sent;
        self.lag.add(&other.lag);
        self.receive_lag += &other.receive_lag;
        self.connections_made += other.connections_made;
        self.bytes_in += other.bytes_in;
        self.bytes_out += other.bytes_out;
        self.errors.add(other.errors);
    }

    /// Mean latency of both classes in nanoseconds.
    #[expect(clippy::cast_precision_loss, reason = "sums below 2^53 ns are 104 days")]
    pub(crate) fn mean_ns(&self) -> Option<f64> {
        (self.samples > 0).then(|| self.latency_ns as f64 / self.samples as f64)
    }

    pub(crate) fn short(&self) -> Told {
        self.short.told()
    }

    pub(crate) fn slow(&self) -> Option<Told> {
        self.slow.as_ref().map(Class::told)
    }
}

impl Class {
    fn new(is_open: bool) -> Self {
        Self { due: histogram(), sent: is_open.then(histogram) }
    }

    fn add(&mut self, other: &Self) {
        self.due += &other.due; // The same bounds: they always add up.
        add(&mut self.sent, other.sent.as_ref());
    }

    fn told(&self) -> Told {
        Told {
            latency: Summary::of(&self.due),
            from_send: self.sent.as_ref().map(Summary::of),
            histogram: encode(&self.due),
        }
    }
}

fn add(to: &mut Option<Histogram<u64>>, other: Option<&Histogram<u64>>) {
    if let (Some(to), Some(other)) = (to, other) {
        *to += other;
    }
}

impl Lag {
    fn new(is_open: bool) -> Self {
        Self { all: is_open.then(histogram), ..Self::default() }
    }

    pub(crate) fn count(&mut self, lag_ns: u64) {
        if lag_ns <= PUNCTUAL_NS {
            self.punctual += 1;
        } else {
            self.late += 1;
        }
        self.max_ns = self.max_ns.max(lag_ns);
        if let Some(all) = &mut self.all {
            all.saturating_record(lag_ns);
        }
    }

    pub(crate) fn told(&self) -> Option<Summary> {
        self.all.as_ref().map(Summary::of)
    }

    fn add(&mut self, other: &Self) {
        self.punctual += other.punctual;
        self.late += other.late;
        self.max_ns = self.max_ns.max(other.max_ns);
        add(&mut self.all, other.all.as_ref());
    }

    /// Share of the arrivals taken up punctually, if there was any.
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
    pub(crate) fn adherence(&self) -> Option<f64> {
        let all = self.punctual + self.late;
        (all > 0).then(|| self.punctual as f64 / all as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_is_closed_until_it_is_set() {
        let mut ledger = Ledger::new(false, false);
        assert!(!ledger.is_in_window(5));
        (ledger.start, ledger.end) = (5, 7);
        assert_eq!([4, 5, 6, 7].map(|at| ledger.is_in_window(at)), [false, true, true, false]);
    }

    #[test]
    fn classes_are_kept_apart() {
        let mut ledger = Ledger::new(true, true);
        ledger.record(false, 0, 10_000, 20_000);
        ledger.record(true, 0, 0, 9_000_000);
        let (short, slow) = (ledger.short(), ledger.slow().unwrap());
        assert_eq!((short.latency.samples, slow.latency.samples), (1, 1));
        assert!(short.latency.max_us > short.from_send.unwrap().max_us);
        assert_eq!(ledger.mean_ns(), Some(4_510_000.0));
    }

    #[test]
    fn two_threads_add_up() {
        let window = |window_ns, latency| {
            let mut ledger = Ledger::new(true, true);
            ledger.window_ns = window_ns;
            ledger.record(true, 0, 0, latency);
            ledger.lag.count(latency);
            ledger
        };
        let mut all = window(0, 4_000);
        all.add(window(10, 2_000_000));
        all.add(window(20, 6_000));
        assert_eq!((all.window_ns, all.samples), (20, 3));
        assert_eq!(all.slow().unwrap().latency.samples, 3);
        assert_eq!((all.lag.punctual, all.lag.late, all.lag.max_ns), (2, 1, 2_000_000));
        assert_eq!(all.mean_ns(), Some(670_000.0));
    }

    #[test]
    fn lag_counts_what_is_late() {
        let mut lag = Lag::new(true);
        assert_eq!(lag.adherence(), None);
        for ns in [0, PUNCTUAL_NS, PUNCTUAL_NS + 1, 5] {
            lag.count(ns);
        }
        assert_eq!((lag.adherence(), lag.max_ns), (Some(0.75), PUNCTUAL_NS + 1));
        assert_eq!(lag.told().unwrap().samples, 4);
    }
}
