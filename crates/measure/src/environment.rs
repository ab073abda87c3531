//! The record of the machine.

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::Path,
    process::Command,
    time::SystemTime,
};

use procfs::Current;
use results::{Environment, SCHEMA};

use crate::{Limits, cores::Cores, priority};

const UNKNOWN: &str = "unknown";

pub(crate) fn record(lab: &Path, cores: &Cores, limits: &Limits) -> Environment {
    let numbers = |cores: &[usize]| cores.iter().filter_map(|&core| core.try_into().ok()).collect();
    Environment {
        schema: SCHEMA,
        cpu: cpu(),
        cores: u32::try_from(cores.count()).unwrap_or(u32::MAX),
        server_cores: numbers(&cores.server),
        client_cores: numbers(&cores.client),
        memory_bytes: procfs::Meminfo::current().map_or(0, |memory| memory.mem_total),
        kernel: kernel(),
        governor: first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        clock_source: first_line(
            "/sys/devices/system/clocksource/clocksource0/current_clocksource",
        ),
        limits: [("priority".to_owned(), priority::looked_up())]
            .into_iter()
            .chain(limits.by_name())
            .collect(),
        rustc: output("rustc", &["--version"]),
        commit: commit(),
        program: hash(lab),
        remarks: Vec::new(),
        speed: Vec::new(),
        started: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
        finished: false,
    }
}

fn cpu() -> String {
    procfs::CpuInfo::current()
        .ok()
        .and_then(|info| info.model_name(0).map(str::to_owned))
        .unwrap_or_else(|| UNKNOWN.to_owned())
}

fn kernel() -> String {
    let name = rustix::system::uname();
    format!("{} {}", name.sysname().to_string_lossy(), name.release().to_string_lossy())
}

/// The commit of the sources, marked if they differ from it. The results
/// themselves may differ: they are what is being made.
fn commit() -> String {
    let commit = output("git", &["rev-parse", "--short=12", "HEAD"]);
    let sources = [":/crates", ":/benches", ":/Cargo.toml", ":/Cargo.lock"];
    let changed = output("git", &[&["status", "--porcelain", "--"][..], &sources].concat());
    if commit == UNKNOWN || changed.is_empty() || changed == UNKNOWN {
        commit
    } else {
        format!("{commit}-dirty")
    }
}

/// Tells one build from another, as the commit cannot while sources change.
fn hash(program: &Path) -> String {
    let Ok(bytes) = fs::read(program) else { return UNKNOWN.to_owned() };
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

fn first_line(path: &str) -> String {
    fs::read_to_string(path)
        .ok()
        .and_then(|text| text.lines().next().map(str::to_owned))
        .unwrap_or_else(|| UNKNOWN.to_owned())
}

/// What a command prints; `unknown` if it cannot be asked.
fn output(program: &str, arguments: &[&str]) -> String {
    match Command::new(program).args(arguments).output() {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        }
        _ => UNKNOWN.to_owned(),
    }
}
