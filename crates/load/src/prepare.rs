//! What is asked once, before the run: a cache is filled, a user signed in.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use crate::{
    error::Error,
    pattern::shown,
    plan::{Exact, Plan},
};

/// Asks what the plan prepares, in order, on a connection of its own.
pub(crate) fn prepare(plan: &Plan) -> Result<(), Error> {
    let Some(first) = plan.prepare.first() else { return Ok(()) };
    let deadline = Instant::now() + plan.connect_timeout;
    let mut stream = TcpStream::connect_timeout(&plan.target, plan.connect_timeout)
        .map_err(|why| failed(first, &[], &format!("connecting: {why}")))?;
    plan.prepare.iter().try_for_each(|one| {
        let mut came = Vec::new();
        ask(&mut stream, one, deadline, &mut came).map_err(|why| {
            let why = match why.kind() {
                ErrorKind::WouldBlock | ErrorKind::TimedOut => {
                    let spent = humantime::format_duration(plan.connect_timeout);
                    format!("no whole answer within the connect timeout of {spent}")
                }
                _ => why.to_string(),
            };
            failed(one, &came, &why)
        })
    })
}

/// Asks for one thing. What was answered is in `came`, also where it fails.
fn ask(
    stream: &mut TcpStream,
    one: &Exact,
    deadline: Instant,
    came: &mut Vec<u8>,
) -> io::Result<()> {
    stream.set_write_timeout(Some(left(deadline)))?;
    stream.write_all(one.send.as_bytes())?;
    let (expect, mut buffer) = (one.expect.as_bytes(), [0; 4096]);
    while came.len() < expect.len() {
        stream.set_read_timeout(Some(left(deadline)))?;
        let bytes = stream.read(&mut buffer)?;
        if bytes == 0 {
            return Err(io::Error::other("the server closed the connection"));
        }
        came.extend_from_slice(&buffer[..bytes]);
        if !expect.starts_with(came) {
            return Err(io::Error::other("that is another answer"));
        }
    }
    Ok(())
}

/// A timeout of zero would be none.
fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1))
}

fn failed(one: &Exact, came: &[u8], why: &str) -> Error {
    Error::Prepare {
        send: shown(one.send.as_bytes()),
        expect: shown(one.expect.as_bytes()),
        came: shown(came),
        why: why.to_owned(),
    }
}
