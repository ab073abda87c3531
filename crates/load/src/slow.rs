//! Clients that ask without pause and hardly read: what does a server do with
//! answers that nobody takes?

use std::{
    io::{ErrorKind, Read},
    net::TcpStream,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use socket2::{Domain, Socket, Type};

use crate::{
    crew::Crew,
    exchange::Exchanges,
    fault::{Cause, Errors, Fault},
    plan::Plan,
    script::Script,
};

/// How much is read at a time, and how often.
const READ: usize = 16 * 1024;
const EVERY: Duration = Duration::from_millis(100);

/// Asked at most at a time, lest a server that takes everything keep the thread.
const ASK: usize = 256 * 1024;

/// What the slow readers of a run did, in no other figure of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlowReaders {
    /// Those that got a connection.
    pub established: usize,
    /// Bytes that they read, and verified.
    pub bytes_in: u64,
    /// Bytes that the server's kernel took from them.
    pub bytes_out: u64,
    /// Those whose connection was not made, or ended.
    pub errors: Errors,
}

/// All slow readers of a run; a thread of its own serves them.
#[derive(Debug)]
pub(crate) struct Slow {
    readers: Vec<Reader>,
    script: Script,
    buffer: Vec<u8>,
    told: SlowReaders,
}

#[derive(Debug)]
struct Reader {
    number: u32,
    /// The connection, until it ends.
    stream: Option<TcpStream>,
    exchanges: Exchanges,
}

impl Slow {
    /// Connects the plan's slow readers, before all others: `None` if it has none.
    pub(crate) fn connect(plan: &Plan) -> Option<Self> {
        if plan.slow_readers == 0 {
            return None;
        }
        let first = plan.requests.iter().find(|request| request.weight > 0)?;
        let first = Plan { requests: vec![first.clone()], ..plan.clone() };
        let mut slow = Self {
            readers: Vec::new(),
            script: Script::new(&first),
            buffer: vec![0; READ],
            told: SlowReaders::default(),
        };
        let deadline = Instant::now() + plan.connect_timeout;
        for nth in plan.connections..plan.connections + plan.slow_readers {
            let number = u32::try_from(nth).unwrap_or(u32::MAX); // The plan's check made sure it fits.
            match dial(plan, deadline) {
                Ok(stream) => slow.readers.push(Reader::new(number, stream)),
                Err(why) => {
                    let fault = Fault::io("connecting", &why);
                    slow.told.errors.count(&format!("slow reader {number}"), &fault);
                }
            }
        }
        slow.told.established = slow.readers.len();
        Some(slow)
    }

    /// Asks and hardly reads, from when traffic begins until the run is done.
    pub(crate) fn run(mut self, crew: &Crew) -> SlowReaders {
        while !crew.has_begun() && crew.rest(EVERY / 10) {}
        loop {
            for reader in &mut self.readers {
                let turn = reader.turn(&mut self.script, &mut self.buffer, &mut self.told);
                if let Err(fault) = turn {
                    reader.stream = None;
                    self.told.errors.count(&format!("slow reader {}", reader.number), &fault);
                }
            }
            if !crew.rest(EVERY) {
                return self.told;
            }
        }
    }
}

/// A connection whose window is soon full.
fn dial(plan: &Plan, deadline: Instant) -> std::io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(plan.target), Type::STREAM, None)?;
    socket.set_recv_buffer_size(READ)?;
    socket.set_tcp_nodelay(true)?;
    let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
    socket.connect_timeout(&plan.target.into(), left)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

impl Reader {
    fn new(number: u32, stream: TcpStream) -> Self {
        Self { number, stream: Some(stream), exchanges: Exchanges::new(number) }
    }

    fn turn(
        &mut self,
        script: &mut Script,
        buffer: &mut [u8],
        told: &mut SlowReaders,
    ) -> Result<(), Fault> {
        let Some(stream) = &mut self.stream else { return Ok(()) };
        match stream.read(buffer) {
            Ok(0) => {
                let text = "the server closed the connection of a slow reader";
                return Err(Fault::new(Cause::ClosedEarly, text));
            }
            Ok(bytes) => {
                told.bytes_in += bytes as u64;
                self.verify(&buffer[..bytes], script)?;
            }
            Err(why) if is_not_yet(why.kind()) => {}
            Err(why) => return Err(Fault::io("reading", &why)),
        }
        self.ask(script, buffer, told)
    }

    /// Holds what was read to the requests in their order.
    fn verify(&mut self, mut data: &[u8], script: &mut Script) -> Result<(), Fault> {
        while !data.is_empty() {
            let (used, _) = self.exchanges.take(data, script)?;
            data = &data[used..];
        }
        Ok(())
    }

    /// Sends requests, one behind the other, as long as the socket takes them.
    fn ask(
        &mut self,
        script: &Script,
        buffer: &mut [u8],
        told: &mut SlowReaders,
    ) -> Result<(), Fault> {
        let Some(stream) = &mut self.stream else { return Ok(()) };
        let mut asked = 0;
        while asked < ASK {
            if !self.exchanges.is_unwritten() {
                self.exchanges.begin(script, 0, 0);
            }
            let written = self.exchanges.write(stream, script, buffer);
            let bytes = written.map_err(|why| Fault::io("writing", &why))?;
            told.bytes_out += bytes as u64;
            if bytes == 0 {
                break;
            }
            asked += bytes;
        }
        Ok(())
    }
}

fn is_not_yet(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
