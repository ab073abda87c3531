//! What the machine allows, found out before the start.

use std::{fs, io, path::Path};

use rustix::process::{Resource, getrlimit, setrlimit};

use super::Common;

/// Descriptors that a server needs beside its connections.
const DESCRIPTORS_BESIDE: u64 = 32;

/// Raises the soft limit of descriptors to the hard one, and returns it.
#[expect(clippy::must_use_candidate, reason = "to have it raised is worth the call")]
pub fn raise_descriptor_limit() -> Option<u64> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // A refusal leaves the soft limit, which is what counts then.
    let _ = setrlimit(Resource::Nofile, limit);
    getrlimit(Resource::Nofile).current
}

/// Refuses to promise more connections than there are descriptors, of which each takes so many.
pub(super) fn check_descriptors(
    options: &Common,
    each: u64,
    limit: Option<u64>,
) -> Result<(), String> {
    let (Some(wanted), Some(limit)) = (options.max_connections, limit) else { return Ok(()) };
    let room = limit.saturating_sub(DESCRIPTORS_BESIDE) / each;
    if wanted.get() as u64 <= room {
        return Ok(());
    }
    Err(format!(
        "--max-connections {wanted} does not fit into the limit of {limit} descriptors: \
         raise it (ulimit -n) or ask for at most {room}"
    ))
}

/// A report that cannot be left is better known before the run than after.
pub(super) fn check_writable(path: &Path) -> Result<(), String> {
    fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .map(drop)
        .map_err(|error| format!("cannot write the report {}: {error}", path.display()))
}

/// Why there is no listener, and what to do.
pub(super) fn refused(options: &Common, error: &io::Error) -> String {
    let address = options.listen;
    match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "{address} is taken: stop the other server, or choose with --listen (port 0 picks a free port)"
        ),
        io::ErrorKind::AddrNotAvailable => {
            format!("{address} is not an address of this machine: choose with --listen")
        }
        io::ErrorKind::PermissionDenied => {
            format!("{address} is not allowed: choose a port from 1024 up with --listen")
        }
        _ => format!("cannot listen on {address}: {error}"),
    }
}
