//! The blocking drive: one thread serves one connection until it closes.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    sync::Arc,
    time::{Duration, Instant},
};

use service::{End, Phase};

use crate::{
    Connection, Context, READ_BYTES, SystemCalls, Worker,
    farewell::{self, LINGER},
    stats::Tally,
    work,
};

/// How often a peer that is about to be left is looked after.
const FLUSH_STEP: Duration = Duration::from_millis(10);

/// Serves `connection` on this thread until it closes. Its errors are its own:
/// they end it, and are counted.
pub fn serve(connection: Connection, context: &Context, worker: &Worker) {
    let (stream, _seat) = connection.into_parts();
    let stream = Arc::new(stream);
    let _watch = context.stop.watch(&stream);
    let mut line = Line { stream: &stream, calls: SystemCalls::default() };
    let mut tally = Tally::default();
    tally.failed = converse(&mut line, context, &mut tally).is_err();
    tally.cut = tally.failed && context.stop.is_over();
    worker.close(tally);
    line.calls.close += 1;
    context.stats.add(line.calls);
}

/// The connection's stream; counts what is asked of the system.
#[derive(Debug)]
struct Line<'a> {
    stream: &'a TcpStream,
    calls: SystemCalls,
}

impl Line<'_> {
    fn set_timeout(&mut self, timeout: Duration) -> io::Result<()> {
        self.calls.control += 2;
        self.stream.set_read_timeout(Some(timeout))?;
        self.stream.set_write_timeout(Some(timeout))
    }
}

impl Read for Line<'_> {
    fn read(&mut self, input: &mut [u8]) -> io::Result<usize> {
        self.calls.read += 1;
        self.stream.read(input)
    }
}

impl Write for Line<'_> {
    fn write(&mut self, output: &[u8]) -> io::Result<usize> {
        self.calls.write += 1;
        self.stream.write(output)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads, answers and writes in turns. `write_all` is the backpressure: while
/// the peer does not read, nobody reads from the peer.
fn converse(line: &mut Line, context: &Context, tally: &mut Tally) -> io::Result<()> {
    // A socket waits for ever unless it is told otherwise, which is a system call.
    if let Some(timeout) = context.idle_timeout {
        line.set_timeout(timeout)?;
    }
    let mut session = context.session();
    let mut input = vec![0; READ_BYTES]; // Each connection's thread has its own.
    let mut output = Vec::new();
    let mut ended = None;
    loop {
        line.write_all(&output)?;
        tally.bytes_out += output.len() as u64;
        tally.requests = session.answered();
        output.clear();
        if let Some(job) = session.next_job() {
            session.complete(work::run(job), &mut output);
            continue;
        }
        match session.phase() {
            Phase::Reading | Phase::Working => {}
            // Nothing can come that would reset what the kernel has to send.
            Phase::Finished | Phase::Refused if ended == Some(End::Peer) => return Ok(()),
            phase @ (Phase::Finished | Phase::Refused) => {
                flush(line, context, &mut input)?;
                let lingers = farewell::lingers(phase, ended);
                return if lingers { linger(line, &mut input) } else { Ok(()) };
            }
        }
        match line.read(&mut input) {
            Ok(0) => {
                let end = end(context);
                ended = Some(end);
                session.end(end, &mut output);
            }
            Ok(length) => {
                tally.bytes_in += length as u64;
                session.receive(&input[..length], &mut output);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                ended = Some(End::Idle);
                session.end(End::Idle, &mut output);
            }
            Err(error) => return Err(error),
        }
    }
}

/// Who ended the input: we, when stopping shut it down, or the peer.
#[must_use]
pub fn end(context: &Context) -> End {
    if context.stop.is_requested() { End::Stop } else { End::Peer }
}

/// Waits until everything is sent, for as long as a silent peer is kept. Then
/// the kernel is left to do what it can.
fn flush(line: &mut Line, context: &Context, input: &mut [u8]) -> io::Result<()> {
    let Line { stream, calls } = line;
    farewell::announce(stream, calls)?;
    let deadline = context.idle_timeout.map(|timeout| Instant::now() + timeout);
    let mut step = Duration::ZERO;
    while !farewell::is_sent(stream, step, calls)? {
        if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            return Ok(());
        }
        let is_quiet = farewell::discard(stream, input, calls)? == 0;
        step = if is_quiet { FLUSH_STEP } else { Duration::ZERO };
    }
    Ok(())
}

/// Says that nothing follows, and reads on for a while. Closing at once with
/// input unread would send a reset, which may overtake the answer.
fn linger(line: &mut Line, input: &mut [u8]) -> io::Result<()> {
    line.calls.control += 1;
    line.stream.shutdown(Shutdown::Write)?;
    let deadline = Instant::now() + LINGER;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        line.calls.control += 1;
        line.stream.set_read_timeout(Some(left))?;
        match line.read(input) {
            Ok(0) => return Ok(()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            Ok(_) | Err(_) => {}
        }
    }
}
