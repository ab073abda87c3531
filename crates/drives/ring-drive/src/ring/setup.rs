//! Making a ring: with what the kernel has, or with a word on what to do.

use std::io::{self, ErrorKind};

use io_uring::IoUring;

/// Completions that fit into the ring; the kernel keeps more aside.
const COMPLETIONS: u32 = 4096;
/// Operations submitted at once; beyond that, in several calls.
const SUBMISSIONS: u32 = 1024;

/// Which operations a ring uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ways {
    /// One accept and one receive for many completions, if the kernel has them.
    Best,
    /// An operation for each completion, as on a kernel without those.
    Plain,
}

/// Tries whether there can be a ring here.
///
/// # Errors
///
/// Fails if the kernel has no `io_uring`, or does not allow it; says what to do.
pub fn check() -> io::Result<()> {
    make(Ways::Plain).map(drop)
}

/// A ring.
///
/// # Errors
///
/// Fails if the kernel has no `io_uring`, or does not allow it; says what to do.
pub(super) fn make(ways: Ways) -> io::Result<IoUring> {
    let uring = build(ways).map_err(explain)?;
    if !uring.params().is_feature_ext_arg() {
        return Err(io::Error::other("io_uring is too old: use Linux 5.11 or later"));
    }
    Ok(uring)
}

/// A ring with all that the kernel has for one thread's ring.
fn build(ways: Ways) -> io::Result<IoUring> {
    // Made by the main thread, a ring is begun with by its worker's.
    let mut builder = IoUring::builder();
    builder.setup_cqsize(COMPLETIONS).setup_r_disabled();
    let plain = || builder.build(SUBMISSIONS);
    if ways == Ways::Plain {
        return plain();
    }
    // Linux 6.1: completions are worked out when this thread asks for them, and
    // nowhere else. 6.0: one thread submits.
    let mut single = builder.clone();
    single.setup_submit_all().setup_coop_taskrun().setup_single_issuer();
    let refused = |error: &io::Error| error.kind() == ErrorKind::InvalidInput;
    match single.clone().setup_defer_taskrun().build(SUBMISSIONS) {
        Err(error) if refused(&error) => match single.build(SUBMISSIONS) {
            Err(error) if refused(&error) => plain(),
            result => result,
        },
        result => result,
    }
}

/// Says what to do if there can be no ring.
pub(super) fn explain(error: io::Error) -> io::Error {
    let advice = match error.kind() {
        ErrorKind::Unsupported => {
            "this kernel has no io_uring: use Linux 5.11 or later, or another model, \
             such as reuseport-loops"
        }
        ErrorKind::PermissionDenied => {
            "io_uring is not allowed here: set the sysctl kernel.io_uring_disabled to 0, or \
             let the container's seccomp profile allow io_uring_setup; or use another model, \
             such as reuseport-loops"
        }
        ErrorKind::OutOfMemory => {
            "no memory may be locked for io_uring: raise the limit (ulimit -l), or use fewer \
             workers"
        }
        _ => return error,
    };
    io::Error::new(error.kind(), advice)
}
