//! The latencies of all trials of an experiment, as an interval log (`.hlog`,
//! `HdrHistogram`'s own format, compressed V2) that any of its tools reads.
//!
//! One tag a cell: `MODEL`, `x=X` and the variant, joined by `/`. The start of
//! an interval is its trial's number, in seconds: trials have no common clock
//! that matters.

use std::{io, time::Duration};

use hdrhistogram::serialization::{
    V2DeflateSerializer,
    interval_log::{IntervalLogWriterBuilder, Tag},
};
use results::{Experiment, Store, Trial, decode_histogram};

use crate::Error;

/// Writes the log of `experiment` beside its file.
pub(crate) fn write(store: &Store, experiment: &Experiment) -> Result<(), Error> {
    let path = store.folder().join("histograms").join(format!("{}.hlog", experiment.name));
    let bytes = encode(experiment).map_err(|error| {
        Error::system(format!("encode {}", path.display()))(io::Error::other(error))
    })?;
    Ok(results::write_atomically(&path, &bytes)?)
}

fn encode(experiment: &Experiment) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut serializer = V2DeflateSerializer::new();
    let mut log = IntervalLogWriterBuilder::new()
        .add_comment("latencies of the short requests, nanoseconds")
        .begin_log_with(&mut bytes, &mut serializer)
        .map_err(|error| error.to_string())?;
    for (place, trial) in (0..).zip(&experiment.trials).filter(|(_, trial)| trial.void.is_none()) {
        let Some(text) = &trial.histogram else { continue };
        let histogram = decode_histogram(text).ok_or("a histogram that is not one")?;
        let name = tag(trial);
        let tag = Tag::new(&name).ok_or("a tag with a comma or a space")?;
        let start = Duration::from_secs(place);
        log.write_histogram(&histogram, start, Duration::from_secs(1), Some(tag))
            .map_err(|error| format!("{error:?}"))?;
    }
    Ok(bytes)
}

fn tag(trial: &Trial) -> String {
    let variant = trial.variant.iter().fold(String::new(), |_, variant| format!("/{variant}"));
    format!("{}/x={}{variant}", trial.model, trial.x)
}
