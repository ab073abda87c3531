//! Slow servers, simulated: many sources behind one address, each of which
//! thinks for a while before it answers. One loop serves them all, so that they
//! cost the machine little.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    io::{self, ErrorKind, Read, Write},
    net::SocketAddr,
    time::{Duration, Instant},
};

use mio::{
    Events, Interest, Poll, Token,
    net::{TcpListener, TcpStream},
};
use rand::RngExt as _;
use slab::Slab;
use socket2::{Domain, Protocol, Socket, Type};

use crate::answer::{answer, asked, chance};

const LISTENER: Token = Token(usize::MAX);
/// Handshakes that the kernel completes ahead of `accept`. A job asks everybody at
/// once: one that found no place here would ask again after a second.
const BACKLOG: i32 = 4096;
/// Events taken from the kernel in one turn.
const EVENTS: usize = 1024;
/// The longest question that is one.
const QUESTION_BYTES: usize = 64;
/// How long to leave newcomers alone when there is no descriptor left.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(50);

/// What all sources have in common.
#[derive(Clone, Copy, Debug)]
pub struct Habits {
    /// How long they think, on average: each between half of this and one and a
    /// half, always the same.
    pub delay: Duration,
    /// How many records each has.
    pub records: u32,
}

impl Habits {
    /// How long source `number` thinks.
    #[must_use]
    pub fn delay_of(&self, number: u32) -> Duration {
        self.delay.mul_f64(chance(number).random_range(0.5..1.5))
    }
}

/// The sources.
#[derive(Debug)]
pub struct Sources {
    listener: TcpListener,
    poll: Poll,
    habits: Habits,
    clients: Slab<Client>,
    /// When to answer whom; the serial tells a client from the next in its place.
    due: BinaryHeap<Reverse<(Instant, usize, u64)>>,
    serial: u64,
    /// When to accept again, if that failed for want of descriptors.
    accept_at: Option<Instant>,
}

/// Somebody who asks one source.
#[derive(Debug)]
struct Client {
    serial: u64,
    stream: TcpStream,
    state: State,
}

#[derive(Debug)]
enum State {
    /// This much of the question has come.
    Asking(Vec<u8>),
    /// The source thinks.
    Waiting(u32),
    /// This is still to be sent.
    Answered { text: Vec<u8>, sent: usize },
}

impl Sources {
    /// Listens on `address`; with port 0 the kernel picks one.
    ///
    /// # Errors
    ///
    /// Fails if the address is not ours or the port is taken.
    pub fn bind(address: SocketAddr, habits: Habits) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        let mut listener = TcpListener::from_std(socket.into());
        let poll = Poll::new()?;
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        let (clients, due) = (Slab::new(), BinaryHeap::new());
        Ok(Self { listener, poll, habits, clients, due, serial: 0, accept_at: None })
    }

    /// The address that clients connect to.
    ///
    /// # Errors
    ///
    /// Fails if the socket is no longer valid.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers for ever.
    ///
    /// # Errors
    ///
    /// Fails if the kernel does.
    pub fn run(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(EVENTS);
        loop {
            let next = self.due.peek().map(|Reverse((at, ..))| *at);
            let next = [next, self.accept_at].into_iter().flatten().min();
            let patience = next.map(|at| at.saturating_duration_since(Instant::now()));
            match self.poll.poll(&mut events, patience) {
                Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
                Ok(()) | Err(_) => {}
            }
            for event in &events {
                match event.token() {
                    LISTENER => self.accept()?,
                    Token(key) => self.attend(key),
                }
            }
            let now = Instant::now();
            if self.accept_at.is_some_and(|at| at <= now) {
                self.accept()?;
            }
            while let Some(&Reverse((at, key, serial))) = self.due.peek()
                && at <= now
            {
                self.due.pop();
                if self.clients.get(key).is_some_and(|client| client.serial == serial) {
                    self.answer(key);
                }
            }
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        self.accept_at = None;
        loop {
            let mut stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                // One that is gone again is no reason to stop.
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => continue,
                Err(_) => {
                    self.accept_at = Some(Instant::now() + EXHAUSTED_PAUSE);
                    return Ok(());
                }
            };
            let entry = self.clients.vacant_entry();
            let interest = Interest::READABLE | Interest::WRITABLE;
            self.poll.registry().register(&mut stream, Token(entry.key()), interest)?;
            self.serial += 1;
            let state = State::Asking(Vec::new());
            entry.insert(Client { serial: self.serial, stream, state });
            // It may have asked already; that comes as an event of its own.
        }
    }

    /// Something has happened to a client.
    fn attend(&mut self, key: usize) {
        let Some(client) = self.clients.get_mut(key) else { return };
        let is_done = match client.state {
            State::Asking(_) => match client.listen() {
                Ok(None) => false,
                Ok(Some(number)) => {
                    client.state = State::Waiting(number);
                    let at = Instant::now() + self.habits.delay_of(number);
                    self.due.push(Reverse((at, key, client.serial)));
                    false
                }
                Err(Gone) => true,
            },
            State::Waiting(_) => false,
            State::Answered { .. } => client.send(),
        };
        if is_done {
            self.clients.remove(key);
        }
    }

    /// What a client waits for is due.
    fn answer(&mut self, key: usize) {
        let client = &mut self.clients[key];
        if let State::Waiting(number) = client.state {
            let text = answer(number, self.habits.records).into_bytes();
            client.state = State::Answered { text, sent: 0 };
        }
        if client.send() {
            self.clients.remove(key);
        }
    }
}

/// The client has left, or does not ask as sources are asked.
struct Gone;

impl Client {
    /// The number that is asked for, once that is known.
    fn listen(&mut self) -> Result<Option<u32>, Gone> {
        let State::Asking(question) = &mut self.state else { return Ok(None) };
        let mut input = [0; QUESTION_BYTES];
        loop {
            match self.stream.read(&mut input) {
                Ok(0) => return Err(Gone),
                Ok(length) => question.extend_from_slice(&input[..length]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(_) => return Err(Gone),
            }
            if let Some(end) = question.iter().position(|&byte| byte == b'\n') {
                let line = str::from_utf8(&question[..end]).map_err(|_| Gone)?;
                return asked(line).ok_or(Gone).map(Some);
            }
            if question.len() > QUESTION_BYTES {
                return Err(Gone);
            }
        }
    }

    /// Sends what the socket takes; true once all is sent, or nobody is there.
    fn send(&mut self) -> bool {
        let State::Answered { text, sent } = &mut self.state else { return false };
        while *sent < text.len() {
            match self.stream.write(&text[*sent..]) {
                Ok(length) => *sent += length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return true,
            }
        }
        true
    }
}
