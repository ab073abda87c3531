//! The descriptor limit, which is what binds first with many connections.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::error::Error;

/// Descriptors besides the connections: standard streams, epoll, `/proc` files.
const OWN: u64 = 32;

/// Makes room for `connections` descriptors: raises the process's soft
/// `RLIMIT_NOFILE` to the hard limit if the soft one is too low.
///
/// # Errors
///
/// [`Error::Descriptors`] if the hard limit is too low as well.
pub fn allow_connections(connections: usize) -> Result<(), Error> {
    let needed = connections as u64 + OWN;
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)
        .map_err(|errno| Error::io("read RLIMIT_NOFILE")(errno.into()))?;
    if needed <= soft {
        return Ok(());
    }
    if needed > hard {
        return Err(Error::Descriptors { needed, allowed: hard });
    }
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)
        .map_err(|errno| Error::io("raise RLIMIT_NOFILE")(errno.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_fit_and_too_many_are_refused() {
        assert!(allow_connections(1).is_ok());
        let refused = allow_connections(usize::MAX / 2).unwrap_err();
        assert!(refused.to_string().contains("RLIMIT_NOFILE"), "{refused}");
    }
}
