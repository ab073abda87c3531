use std::{
    io::{Read, Write},
    net::TcpStream,
};

use service::{Done, End, Job, JobId, Phase, Service, Session, Work};

use super::*;
use crate::{Batch, Errand, Listener, Stop};

fn context() -> Context {
    Context::new(Duration::ZERO).unwrap()
}

/// A listener, and so many clients that it has not accepted yet.
fn clients(count: usize) -> (Listener, Vec<TcpStream>) {
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let clients = (0..count).map(|_| connect(&listener)).collect();
    (listener, clients)
}

fn connect(listener: &Listener) -> TcpStream {
    let client = TcpStream::connect(listener.address().unwrap()).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    client
}

/// Turns the loop until it has so many batches, or has had time enough to.
fn batches(reactor: &mut Reactor, count: usize) -> Vec<Batch> {
    let mut events = Events::with_capacity(8);
    let mut batches = Vec::new();
    for _ in 0..20 {
        reactor.wait(&mut events, Some(Duration::from_millis(10))).unwrap();
        events.iter().for_each(|event| reactor.ready(event));
        reactor.resume();
        batches.extend(reactor.batches());
        if batches.len() == count {
            break;
        }
    }
    batches
}

/// Turns the loop until it has so many errands, or has had time enough to.
fn errands(reactor: &mut Reactor, count: usize) -> Vec<Errand> {
    let mut errands = Vec::new();
    for _ in 0..20 {
        turn(reactor, Duration::from_millis(10));
        errands.extend(reactor.errands());
        if errands.len() == count {
            break;
        }
    }
    errands
}

fn turn(reactor: &mut Reactor, at_most: Duration) {
    let mut events = Events::with_capacity(8);
    reactor.wait(&mut events, Some(at_most)).unwrap();
    events.iter().for_each(|event| reactor.ready(event));
    reactor.resume();
}

fn receive<const BYTES: usize>(client: &mut TcpStream) -> [u8; BYTES] {
    let mut bytes = [0; BYTES];
    client.read_exact(&mut bytes).unwrap();
    bytes
}

/// Reads an HTTP answer whose body is so long; returns its status.
fn status(client: &mut TcpStream, body: &str) -> String {
    let mut answer = Vec::new();
    while !answer.ends_with(body.as_bytes()) {
        let [byte] = receive(client);
        answer.push(byte);
    }
    String::from_utf8_lossy(&answer[9..12]).into_owned()
}

/// Each byte asks for a job, and is sent back when that is done: in any order. But
/// `!` is refused.
#[derive(Debug, Default)]
struct Multiplexing {
    asked: Vec<Job>,
    out: usize,
    ended: bool,
    refused: bool,
    answered: u64,
}

impl Session for Multiplexing {
    fn receive(&mut self, bytes: &[u8], _: &mut Vec<u8>) {
        let job = |&byte: &u8| Job { id: JobId(byte.into()), work: Work::Compute { units: 1 } };
        self.refused |= bytes.contains(&b'!');
        self.asked.extend(bytes.iter().filter(|&&byte| byte != b'!').map(job));
    }

    fn end(&mut self, _: End, _: &mut Vec<u8>) {
        self.ended = true;
    }

    fn next_job(&mut self) -> Option<Job> {
        let job = self.asked.pop()?;
        self.out += 1;
        Some(job)
    }

    fn complete(&mut self, done: Done, output: &mut Vec<u8>) {
        self.out -= 1;
        self.answered += 1;
        output.extend(u8::try_from(done.id.0));
    }

    fn phase(&self) -> Phase {
        match (self.ended, self.out) {
            _ if self.refused => Phase::Refused,
            (false, _) => Phase::Reading,
            (true, 0) => Phase::Finished,
            (true, _) => Phase::Working,
        }
    }

    fn answered(&self) -> u64 {
        self.answered
    }
}

/// An offloading reactor with one connection, which multiplexes.
fn multiplexing(context: &Context) -> (Reactor<'_>, Listener, TcpStream) {
    let (listener, mut clients) = clients(1);
    let mut reactor = Reactor::offloading(context, Arc::default()).unwrap();
    reactor.accept(&listener).unwrap();
    reactor.peers[0].session = Some(Box::<Multiplexing>::default());
    (reactor, listener, clients.remove(0))
}

#[test]
fn no_more_batches_are_out_than_there_is_room_for() {
    let context = context();
    let (listener, mut clients) = clients(3);
    let mut reactor = Reactor::dispatching(&context, Arc::default(), 2).unwrap();
    reactor.accept(&listener).unwrap();
    for client in &mut clients {
        client.write_all(b"ping").unwrap();
    }
    let mut out = batches(&mut reactor, 3);
    assert_eq!(out.len(), 2);
    // One back is room for the third, and not for another of its own.
    clients[0].write_all(b"more").unwrap();
    reactor.take_back(out.remove(0).run());
    let mut echoed = [0; 4];
    clients[0].read_exact(&mut echoed).unwrap();
    assert_eq!(&echoed, b"ping");
    out.extend(batches(&mut reactor, 2));
    assert_eq!(out.len(), 2);
    for batch in out {
        reactor.take_back(batch.run());
    }
    for client in &mut clients[1..] {
        client.read_exact(&mut echoed).unwrap();
        assert_eq!(&echoed, b"ping");
    }
    for batch in batches(&mut reactor, 1) {
        reactor.take_back(batch.run());
    }
    clients[0].read_exact(&mut echoed).unwrap();
    assert_eq!(&echoed, b"more");
}

#[test]
fn an_answer_that_comes_too_late_is_nobody_elses() {
    let context = context();
    let (listener, mut clients) = clients(1);
    let mut reactor = Reactor::dispatching(&context, Arc::default(), 8).unwrap();
    reactor.accept(&listener).unwrap();
    clients[0].write_all(b"mine").unwrap();
    let late = batches(&mut reactor, 1).remove(0);
    reactor.close(late.ticket.key, true);
    let mut next = connect(&listener);
    reactor.accept(&listener).unwrap();
    next.write_all(b"next").unwrap();
    let batch = batches(&mut reactor, 1).remove(0);
    assert_eq!(batch.ticket.key, late.ticket.key, "its place was taken again");
    reactor.take_back(late.run());
    reactor.take_back(batch.run());
    let mut echoed = [0; 4];
    next.read_exact(&mut echoed).unwrap();
    assert_eq!(&echoed, b"next");
}

#[test]
fn jobs_of_one_connection_come_back_in_any_order() {
    let context = context();
    let (mut reactor, _listener, mut client) = multiplexing(&context);
    client.write_all(b"ab").unwrap();
    let mut out = errands(&mut reactor, 2);
    // It is read on while they are out.
    client.write_all(b"c").unwrap();
    out.extend(errands(&mut reactor, 1));
    assert_eq!(out.len(), 3);
    for (place, answer) in [(2, *b"c"), (0, *b"b"), (0, *b"a")] {
        reactor.complete(out.remove(place).run());
        assert_eq!(receive(&mut client), answer);
    }
}

#[test]
fn a_drain_waits_for_jobs_that_are_out() {
    let context =
        Context { stop: Arc::new(Stop::new(Duration::from_secs(60)).unwrap()), ..context() };
    let (mut reactor, _listener, mut client) = multiplexing(&context);
    client.write_all(b"ab").unwrap();
    let out = errands(&mut reactor, 2);
    context.stop.request();
    for errand in out {
        turn(&mut reactor, Duration::from_millis(10));
        assert!(!reactor.is_empty());
        reactor.complete(errand.run());
    }
    assert_eq!(receive(&mut client), *b"ba");
    for _ in 0..20 {
        turn(&mut reactor, Duration::from_millis(10));
    }
    assert!(reactor.is_empty());
}

#[test]
fn a_job_that_comes_back_too_late_is_nobody_elses() {
    let context = context();
    let (mut reactor, listener, mut client) = multiplexing(&context);
    client.write_all(b"a").unwrap();
    let late = errands(&mut reactor, 1).remove(0).run();
    reactor.close(late.ticket.key, true);
    let mut next = connect(&listener);
    reactor.accept(&listener).unwrap();
    reactor.peers[0].session = Some(Box::<Multiplexing>::default());
    next.write_all(b"c").unwrap();
    let errand = errands(&mut reactor, 1).remove(0);
    reactor.complete(late);
    reactor.complete(errand.run());
    assert_eq!(receive(&mut next), *b"c");
}

/// It is silent, and so it should be.
#[test]
fn who_waits_for_a_job_is_not_idle() {
    let idle_timeout = Some(Duration::from_millis(1));
    let context = Context { idle_timeout, ..context() };
    let (mut reactor, _listener, mut client) = multiplexing(&context);
    client.write_all(b"a").unwrap();
    let errand = errands(&mut reactor, 1).remove(0);
    for _ in 0..30 {
        turn(&mut reactor, Duration::from_millis(10));
    }
    let session = reactor.peers[0].session.as_ref().unwrap();
    assert_eq!(session.phase(), Phase::Reading, "it was not told of an end");
    reactor.complete(errand.run());
    assert_eq!(receive(&mut client), *b"a");
    for _ in 0..30 {
        turn(&mut reactor, Duration::from_millis(10));
    }
    assert!(reactor.is_empty(), "now it is");
}

/// Nothing can be sent any more, and to try would be an error.
#[test]
fn a_job_that_comes_back_during_the_farewell_answers_nobody() {
    let context = context();
    let (mut reactor, _listener, mut client) = multiplexing(&context);
    client.write_all(b"a!").unwrap();
    let errand = errands(&mut reactor, 1).remove(0);
    assert_eq!(client.read(&mut [0; 8]).unwrap(), 0, "it is told that nothing follows");
    reactor.complete(errand.run());
    assert!(!reactor.is_empty(), "it is listened to all the same");
}

/// The answer to the first lets the second out, behind the back of the kernel.
#[test]
fn a_refusal_wakes_the_loop_for_what_comes_after_it() {
    let context = Context { service: Service::Http, ..context() };
    let (listener, mut clients) = clients(1);
    let client = &mut clients[0];
    let mut reactor = Reactor::offloading(&context, Arc::default()).unwrap();
    reactor.accept(&listener).unwrap();
    client.write_all(&b"GET /sleep?ms=1 HTTP/1.1\r\nHost: test\r\n\r\n".repeat(2)).unwrap();
    let first = errands(&mut reactor, 1).remove(0);
    reactor.complete(first.refuse());
    let since = Instant::now();
    turn(&mut reactor, Duration::from_secs(20));
    assert!(since.elapsed() < Duration::from_secs(10), "it slept");
    let second = reactor.errands().remove(0);
    reactor.complete(second.run());
    assert_eq!(status(client, "later\n"), "503");
    assert_eq!(status(client, "slept 1 ms\n"), "200");
}
