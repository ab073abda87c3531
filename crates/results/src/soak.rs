//! What servers take of the machine while they are asked much, right and wrong, for long.

use serde::{Deserialize, Serialize};

/// The content of `results/soak.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Soak {
    /// What all servers were given.
    pub run: Soaked,
    /// One server after the other.
    pub courses: Vec<Course>,
}

/// How servers were soaked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Soaked {
    /// How long each had clients, in seconds.
    pub seconds: f64,
    /// Clients at the same time; each makes one connection after the other.
    pub clients: u32,
    /// Workers of each server.
    pub workers: u32,
    /// The system.
    pub system: String,
}

/// The course of one server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Course {
    /// Its service.
    pub service: String,
    /// Its model.
    pub model: String,
    /// Requests that were right, each answer of which was checked.
    pub valid: u64,
    /// Connections on which something was wrong: no request, half a one, or a reset.
    pub invalid: u64,
    /// What it took, at equal distances of time.
    pub samples: Vec<Sample>,
    /// The same once all clients had left.
    pub after: Sample,
}

/// What a server takes at one time: the sums over its processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    /// Resident memory, with each process's share of what several have.
    pub memory_bytes: u64,
    /// Descriptors that are open.
    pub descriptors: u64,
    /// Threads.
    pub threads: u64,
}

/// What may come on top from the second third to the last: allocators do not give back at
/// once what many connections had together.
const GROWTH_MAX_BYTES: f64 = 4.0 * 1024.0 * 1024.0;

impl Course {
    /// Says what has grown to the end, if anything has. Clients come and go, and with each
    /// a descriptor or two and at most a thread: so many more are no growth.
    #[must_use]
    pub fn growing(&self, run: &Soaked) -> Option<String> {
        let clients = f64::from(run.clients);
        let grown = [
            ("bytes of memory", self.growth(|sample| sample.memory_bytes)?, GROWTH_MAX_BYTES),
            ("descriptors", self.least_growth(|sample| sample.descriptors)?, 2.0 * clients),
            ("threads", self.least_growth(|sample| sample.threads)?, clients),
        ];
        let (what, by, _) = grown.into_iter().find(|(_, by, most)| by > most)?;
        let Self { service, model, .. } = self;
        Some(format!("{service} of {model}: {by:.0} {what} more in the last third of the time"))
    }

    /// By how much the third third of the samples is above the second, in the mean.
    /// The first is left out: whoever begins to serve takes what it needs.
    ///
    /// `None` with fewer than nine samples.
    #[must_use]
    pub fn growth(&self, of: impl Fn(&Sample) -> u64) -> Option<f64> {
        let mean = |samples: &[Sample]| {
            #[expect(clippy::cast_precision_loss, reason = "a mean of counts")]
            let sum = |all: u64, count: usize| all as f64 / count as f64;
            sum(samples.iter().map(&of).sum(), samples.len())
        };
        let (second, last) = self.thirds()?;
        Some(mean(last) - mean(second))
    }

    /// The same of the least sample of each third. How many processes there are as a sample
    /// is taken is chance; what is never given back is in the least one too.
    fn least_growth(&self, of: impl Fn(&Sample) -> u64) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "counts")]
        let least = |samples: &[Sample]| samples.iter().map(&of).min().map(|least| least as f64);
        let (before, after) = self.thirds()?;
        Some(least(after)? - least(before)?)
    }

    /// The second third of the samples and the last.
    fn thirds(&self) -> Option<(&[Sample], &[Sample])> {
        let third = self.samples.len() / 3;
        let (rest, last) = self.samples.split_at(self.samples.len() - third);
        (third >= 3).then(|| (&rest[rest.len() - third..], last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn course(memory: impl Fn(u64) -> u64) -> Course {
        let sample = |at| Sample { memory_bytes: memory(at), descriptors: 9, threads: 5 };
        Course {
            service: "echo".to_owned(),
            model: "event-loop".to_owned(),
            valid: 1,
            invalid: 1,
            samples: (0..30).map(sample).collect(),
            after: sample(0),
        }
    }

    #[test]
    fn a_start_is_no_growth_and_a_leak_is() {
        let of = |sample: &Sample| sample.memory_bytes;
        let start = course(|at| at.min(10) * 1000);
        assert_eq!(start.growth(of), Some(0.0));
        let leak = course(|at| at << 20);
        assert_eq!(leak.growth(of), Some(f64::from(10 << 20)));
        assert_eq!(leak.growth(|sample| sample.threads), Some(0.0));
        let system = "Linux".to_owned();
        let run = Soaked { seconds: 30.0, clients: 8, workers: 4, system };
        assert_eq!(start.growing(&run), None);
        let told =
            "echo of event-loop: 10485760 bytes of memory more in the last third of the time";
        assert_eq!(leak.growing(&run).as_deref(), Some(told));
        let short = Course { samples: leak.samples[..8].to_vec(), ..leak };
        assert_eq!(short.growth(of), None);
    }
}
