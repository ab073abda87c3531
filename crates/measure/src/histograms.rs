//! The latencies of all trials of an experiment, as an interval log (`.hlog`,
//! `HdrHistogram`'s own format, compressed V2) that any of its tools reads.
//!
//! One tag a cell: `MODEL`, `x=X` and the variant, joined by `/`. The start of
//! an interval is its trial's number, in seconds: trials have no common clock
//! that matters.

use std::{fs, path::PathBuf, time::Duration};

use hdrhistogram::serialization::{
    V2DeflateSerializer,
    interval_log::{IntervalLogIterator, IntervalLogWriterBuilder, LogEntry, Tag},
};
use results::{Store, Trial};

use crate::Error;

/// A log under construction.
#[derive(Debug)]
pub(crate) struct Log {
    path: PathBuf,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    tag: String,
    start: Duration,
    duration: Duration,
    /// As encoded by the generator.
    histogram: String,
}

impl Log {
    /// The log of `experiment`, with the first `kept` trials of an interrupted run.
    pub(crate) fn open(store: &Store, experiment: &str, kept: usize) -> Self {
        let path = store.folder().join("histograms").join(format!("{experiment}.hlog"));
        let text = if kept > 0 { fs::read(&path).unwrap_or_default() } else { Vec::new() };
        let entries = IntervalLogIterator::new(&text)
            .filter_map(|entry| match entry {
                Ok(LogEntry::Interval(interval)) => Some(Entry {
                    tag: interval.tag()?.as_str().to_owned(),
                    start: interval.start_timestamp(),
                    duration: interval.duration(),
                    histogram: interval.encoded_histogram().to_owned(),
                }),
                _ => None,
            })
            .filter(|entry| entry.start < Duration::from_secs(kept as u64))
            .collect();
        Self { path, entries }
    }

    /// Adds the latencies of the trial that is number `place` of the experiment.
    pub(crate) fn add(&mut self, trial: &Trial, place: usize, window: Duration, histogram: String) {
        let variant = trial.variant.iter().flat_map(|variant| ["/", variant]);
        let tag = format!("{}/x={}", trial.model, trial.x);
        self.entries.push(Entry {
            tag: variant.fold(tag, |tag, part| tag + part),
            start: Duration::from_secs(place as u64),
            duration: window,
            histogram,
        });
    }

    /// Writes the log as a whole.
    pub(crate) fn write(&self) -> Result<(), Error> {
        let bytes = self.encode().map_err(|error| Error::System {
            action: format!("encode {}", self.path.display()),
            source: std::io::Error::other(error),
        })?;
        Ok(results::write_atomically(&self.path, &bytes)?)
    }

    fn encode(&self) -> Result<Vec<u8>, String> {
        let mut bytes = Vec::new();
        let mut serializer = V2DeflateSerializer::new();
        let mut log = IntervalLogWriterBuilder::new()
            .add_comment("latencies of the short requests, nanoseconds")
            .begin_log_with(&mut bytes, &mut serializer)
            .map_err(|error| error.to_string())?;
        for entry in &self.entries {
            let histogram =
                load::decode_histogram(&entry.histogram).ok_or("a histogram that is not one")?;
            let tag = Tag::new(&entry.tag).ok_or("a tag with a comma or a space")?;
            log.write_histogram(&histogram, entry.start, entry.duration, Some(tag))
                .map_err(|error| format!("{error:?}"))?;
        }
        Ok(bytes)
    }
}
