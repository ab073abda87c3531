//! One source, asked by a thread that waits.

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    time::Instant,
};

use crate::{
    Job,
    answer::{Aggregate, Answer, question},
};

/// Bytes read at once.
pub(crate) const READ_BYTES: usize = 16 << 10;

/// Asks source `number` and waits until it has answered.
// ANCHOR: fetch
pub(crate) fn fetch(job: &Job, number: u32) -> Result<Aggregate, String> {
    let deadline = Instant::now() + job.timeout;
    let mut answer = Answer::default();
    let mut input = [0; READ_BYTES];
    let mut stream = TcpStream::connect_timeout(&job.server, job.timeout).map_err(told)?;
    stream.write_all(question(number).as_bytes()).map_err(told)?;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(too_long(job));
        }
        stream.set_read_timeout(Some(left)).map_err(told)?;
        match stream.read(&mut input) {
            Ok(0) => return answer.finish(),
            Ok(length) => answer.receive(&input[..length])?,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Err(too_long(job)),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(told(error)),
        }
    }
}
// ANCHOR_END: fetch

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
pub(crate) fn told(error: std::io::Error) -> String {
    error.to_string()
}

pub(crate) fn too_long(job: &Job) -> String {
    format!("it took longer than {:?}", job.timeout)
}
