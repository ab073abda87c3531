//! What a job uses of the machine.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Instant,
};

use nix::sys::{
    resource::{Usage as Rusage, UsageWho, getrusage},
    time::TimeVal,
};
use procfs::process::{Process, Status};

use crate::{Job, Model, Report, report::Found};

/// What a job uses, while it runs.
#[derive(Debug)]
pub(crate) struct Usage {
    began: Instant,
    /// Of this process, before the job: resident and reserved, in bytes.
    resident: u64,
    reserved: u64,
    threads: AtomicU64,
    threads_peak: AtomicU64,
    children: Children,
}

/// What processes that were started for the job have said of themselves.
#[derive(Debug, Default)]
struct Children {
    count: AtomicU64,
    threads: AtomicU64,
    resident: AtomicU64,
    reserved: AtomicU64,
}

impl Usage {
    /// From now on; `whole` counts as used what the process has already.
    pub(crate) fn begin(whole: bool) -> Self {
        let already = if whole { None } else { status() };
        Self {
            began: Instant::now(),
            resident: bytes(already.as_ref().and_then(|status| status.vmrss)),
            reserved: bytes(already.as_ref().and_then(|status| status.vmsize)),
            threads: AtomicU64::new(1),
            threads_peak: AtomicU64::new(1),
            children: Children::default(),
        }
    }

    /// Counts the calling thread until the guard is dropped.
    pub(crate) fn thread(&self) -> Running<'_> {
        let threads = self.threads.fetch_add(1, Relaxed) + 1;
        self.threads_peak.fetch_max(threads, Relaxed);
        Running(self)
    }

    /// Adds a process that has done a part of the job, and has been waited for.
    pub(crate) fn child(&self, report: &Report) {
        let Children { count, threads, resident, reserved } = &self.children;
        for (of, value) in [
            (count, report.processes),
            (threads, report.threads_peak),
            (resident, report.memory_bytes),
            (reserved, report.virtual_bytes),
        ] {
            of.fetch_add(value, Relaxed);
        }
    }

    pub(crate) fn report(&self, model: Model, job: &Job, found: Found) -> Report {
        let elapsed_ms = self.began.elapsed().as_secs_f64() * 1e3;
        let Children { count, threads, resident, reserved } = &self.children;
        let used =
            [UsageWho::RUSAGE_SELF, UsageWho::RUSAGE_CHILDREN].map(|who| getrusage(who).ok());
        let used = || used.iter().flatten();
        let status = status();
        let peak_resident = bytes(status.as_ref().and_then(|status| status.vmhwm));
        let peak_reserved = bytes(status.as_ref().and_then(|status| status.vmpeak));
        Report {
            model: model.name().to_owned(),
            sources: u32::try_from(job.sources.len()).unwrap_or(u32::MAX),
            failures: found.failures,
            aggregate: found.aggregate,
            elapsed_ms,
            cpu_ms: used().map(cpu_ms).sum(),
            context_switches: used()
                .map(|of| of.voluntary_context_switches() + of.involuntary_context_switches())
                .sum(),
            threads_peak: self.threads_peak.load(Relaxed) + threads.load(Relaxed),
            processes: 1 + count.load(Relaxed),
            memory_bytes: peak_resident.saturating_sub(self.resident) + resident.load(Relaxed),
            virtual_bytes: peak_reserved.saturating_sub(self.reserved) + reserved.load(Relaxed),
        }
    }
}

/// Counts a thread as running until it is dropped.
#[derive(Debug)]
pub(crate) struct Running<'a>(&'a Usage);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.threads.fetch_sub(1, Relaxed);
    }
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of CPU, far below 2^52")]
fn cpu_ms(usage: &Rusage) -> f64 {
    let ms = |time: TimeVal| time.tv_sec() as f64 * 1e3 + time.tv_usec() as f64 / 1e3;
    ms(usage.user_time()) + ms(usage.system_time())
}

/// What the kernel says of this process; without a word from it, zeros.
fn status() -> Option<Status> {
    Process::myself().and_then(|process| process.status()).ok()
}

/// KiB, as the kernel counts, in bytes.
fn bytes(kib: Option<u64>) -> u64 {
    kib.unwrap_or(0) << 10
}
