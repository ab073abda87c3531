//! Connections that the kernel dropped because a listener's queue was full.

use std::fs;

/// How many there were since the machine started, of all listeners of the network
/// namespace. `None` if the kernel does not tell.
///
/// `ListenDrops` alone: a full queue counts there and in `ListenOverflows`, so
/// the sum of both would count it twice.
pub(crate) fn accept_drops() -> Option<u64> {
    field(&fs::read_to_string("/proc/net/netstat").ok()?, "ListenDrops")
}

/// The value of a field of TCP: a line of names is followed by one of values.
fn field(netstat: &str, name: &str) -> Option<u64> {
    let mut lines = netstat.lines().filter(|line| line.starts_with("TcpExt:"));
    let (names, values) = (lines.next()?, lines.next()?);
    let at = names.split(' ').position(|one| one == name)?;
    values.split(' ').nth(at)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_below_their_names() {
        let text = "TcpExt: A ListenOverflows ListenDrops B\nTcpExt: 1 20 30 4\n\
                    IpExt: ListenDrops\nIpExt: 9\n";
        assert_eq!(field(text, "ListenDrops"), Some(30));
        assert_eq!((field(text, "C"), field("", "A")), (None, None));
    }
}
