//! The blocking drive: one thread serves one connection until it closes.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    sync::Arc,
    time::{Duration, Instant},
};

use service::{End, Phase};

use crate::{Connection, Context, Worker, stats::Tally, work};

/// Bytes read at once. Each connection's thread has its own buffer.
const READ_BYTES: usize = 16 << 10;

/// How long a refused peer is listened to, so that it can read why.
pub(crate) const LINGER: Duration = Duration::from_secs(1);

/// Serves `connection` on this thread until it closes. Its errors are its own:
/// they end it, and are counted.
pub fn serve(connection: Connection, context: &Context, worker: &Worker) {
    let Connection { stream, seat: _seat } = connection;
    let stream = Arc::new(stream);
    let _watch = context.stop.watch(&stream);
    let mut tally = Tally::default();
    tally.failed = converse(&stream, context, &mut tally).is_err();
    tally.cut = tally.failed && context.stop.is_over();
    worker.close(tally);
}

/// Reads, answers and writes in turns. `write_all` is the backpressure: while
/// the peer does not read, nobody reads from the peer.
fn converse(mut stream: &TcpStream, context: &Context, tally: &mut Tally) -> io::Result<()> {
    stream.set_read_timeout(context.idle_timeout)?;
    stream.set_write_timeout(context.idle_timeout)?;
    let mut session = context.session();
    let mut input = vec![0; READ_BYTES];
    let mut output = Vec::new();
    loop {
        stream.write_all(&output)?;
        tally.bytes_out += output.len() as u64;
        tally.requests = session.answered();
        output.clear();
        if let Some(job) = session.next_job() {
            session.complete(work::run(job), &mut output);
            continue;
        }
        match session.phase() {
            Phase::Reading | Phase::Working => {}
            Phase::Finished => return Ok(()),
            Phase::Refused => return linger(stream, &mut input),
        }
        match stream.read(&mut input) {
            Ok(0) => session.end(end(context), &mut output),
            Ok(length) => {
                tally.bytes_in += length as u64;
                session.receive(&input[..length], &mut output);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                session.end(End::Idle, &mut output);
            }
            Err(error) => return Err(error),
        }
    }
}

/// Who ended the input: we, when stopping shut it down, or the peer.
pub(crate) fn end(context: &Context) -> End {
    if context.stop.is_requested() { End::Stop } else { End::Peer }
}

/// Says that nothing follows, and reads on for a while. Closing at once with
/// input unread would send a reset, which may overtake the answer.
fn linger(mut stream: &TcpStream, input: &mut [u8]) -> io::Result<()> {
    stream.shutdown(Shutdown::Write)?;
    let deadline = Instant::now() + LINGER;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(input) {
            Ok(0) => return Ok(()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            Ok(_) | Err(_) => {}
        }
    }
}
