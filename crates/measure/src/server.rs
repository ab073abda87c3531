//! One server of an experiment: started pinned, met over TCP, ended in order.

use std::{
    fs,
    net::SocketAddr,
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    time::Duration,
};

use nix::sys::signal::Signal;

use crate::{
    Definition, Varies,
    figures::ServerEnd,
    peer::{Words, free_port, wait_until_listening},
    process::{End, Process},
    schedule::Task,
    trial::Bed,
};

/// How long a server may take to listen, and to end beyond its drain.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// The drain that servers are given: nothing is wanted of them any more.
const DRAIN: &str = "500ms";

/// A server that has been started, and may not listen yet.
#[derive(Debug)]
pub(crate) struct Starting {
    process: Process,
    /// Where a peer was told to listen; ours says so itself.
    port: Option<u16>,
    left: PathBuf,
}

/// A server that listens.
#[derive(Debug)]
pub(crate) struct Server {
    process: Process,
    pub(crate) address: SocketAddr,
    is_peer: bool,
    /// Where it leaves its report.
    left: PathBuf,
}

/// Starts the task's server. What it leaves goes to `folder`, which is its own.
pub(crate) fn start(
    bed: &Bed,
    definition: &Definition,
    task: &Task,
    backend: Option<u16>,
    folder: &Path,
) -> Result<Starting, String> {
    fs::create_dir_all(folder)
        .map_err(|error| format!("{} cannot be made: {error}", folder.display()))?;
    let left = folder.join("server.json");
    // A server that leaves no report must not be credited with the last one's.
    let _ = fs::remove_file(&left);
    let workers = workers(definition, task);
    let cores = cores(bed, definition, task);
    let run = |command: &Command| bed.nursery.start("server", folder, cores, command);
    if let Some(peer) = definition.peer(&task.model) {
        let port = free_port()?;
        let words = words(bed, folder, port, backend, workers, task.x);
        return Ok(Starting { process: run(&peer.start(&words)?)?, port: Some(port), left });
    }
    let variant = definition.variants.iter().find(|v| Some(&v.name) == task.variant.as_ref());
    let service = variant.and_then(|v| v.service.as_ref()).unwrap_or(&definition.server.service);
    let process = run(Command::new(&bed.lab)
        .args(["serve", &task.model, "--listen", "127.0.0.1:0", "--drain", DRAIN])
        .args(["--service", service, "--workers", &workers.to_string(), "--report"])
        .arg(&left)
        .args(definition.options(variant)))?;
    Ok(Starting { process, port: None, left })
}

impl Starting {
    /// Waits until it listens.
    pub(crate) fn ready(mut self) -> Result<Server, String> {
        let address = if let Some(port) = self.port {
            wait_until_listening(port, PATIENCE)?
        } else {
            let line = self.process.first_line(PATIENCE)?;
            line.strip_prefix("listening on ")
                .and_then(|address| address.parse().ok())
                .ok_or_else(|| format!("the server said {line:?}, not where it listens"))?
        };
        Ok(Server { process: self.process, address, is_peer: self.port.is_some(), left: self.left })
    }
}

impl Server {
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Asks it to end, so that several end at the same time.
    pub(crate) fn ask_to_end(&mut self) {
        self.process.ask_to_end();
    }

    /// Ends it, and says what is known of it then.
    pub(crate) fn end(self) -> Result<ServerEnd, String> {
        let End { status, context_switches } = self.process.end(PATIENCE)?;
        // Ours end in order. Of others, some let the signal end them.
        let in_order = status.success() || (self.is_peer && was_asked_to_end(status));
        if !in_order {
            return Err(format!("the server ended with {status}"));
        }
        let said = fs::read(&self.left).ok().and_then(|text| serde_json::from_slice(&text).ok());
        Ok(ServerEnd { context_switches, said })
    }
}

/// Starts the server behind those measured, if there is one, and waits until it
/// listens; returns its port, too. What it costs is not the measured one's: it
/// shares the generator's cores.
pub(crate) fn start_backend(
    bed: &Bed,
    definition: &Definition,
) -> Result<Option<(Process, u16)>, String> {
    let Some(backend) = &definition.backend else { return Ok(None) };
    let port = free_port()?;
    let words = words(bed, &bed.scratch, port, None, definition.server.workers, 0);
    let command = &backend.start(&words);
    let process = bed.nursery.start("backend", &bed.scratch, &bed.cores.client, command)?;
    wait_until_listening(port, PATIENCE).map_err(|why| format!("the backend: {why}"))?;
    Ok(Some((process, port)))
}

pub(crate) fn words<'a>(
    bed: &'a Bed,
    scratch: &'a Path,
    port: u16,
    backend: Option<u16>,
    workers: u32,
    x: u32,
) -> Words<'a> {
    let Bed { lab, benches, scratch: built, .. } = bed;
    Words { lab, benches, scratch, built, port, backend, workers, x }
}

/// The cores that the task's server may use.
pub(crate) fn cores<'b>(bed: &'b Bed, definition: &Definition, task: &Task) -> &'b [usize] {
    let all = &bed.cores.server;
    match definition.x.varies {
        Varies::ServerCores => &all[..all.len().min(task.x as usize)],
        _ => all,
    }
}

pub(crate) fn workers(definition: &Definition, task: &Task) -> u32 {
    let server = &definition.server;
    match definition.x.varies {
        Varies::Workers | Varies::ServerCores => task.x,
        _ => *server.workers_of.get(&task.model).unwrap_or(&server.workers),
    }
}

/// Whether the signal that asked it to end is what ended it; a shell's way to
/// say so included.
fn was_asked_to_end(status: ExitStatus) -> bool {
    let asked = Signal::SIGTERM as i32;
    status.signal() == Some(asked) || status.code() == Some(128 + asked)
}
