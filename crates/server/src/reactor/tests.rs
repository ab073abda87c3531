use std::{
    io::{Read, Write},
    net::TcpStream,
    num::NonZeroUsize,
};

use service::Service;

use super::*;
use crate::{Batch, Limits, Listener, QueueOrder, Stop};

fn context() -> Context {
    Context {
        service: Service::Echo,
        workers: NonZeroUsize::MIN,
        queue_order: QueueOrder::Fifo,
        idle_timeout: None,
        limits: Limits::default(),
        stop: Arc::new(Stop::new(Duration::ZERO).unwrap()),
        stats: Arc::default(),
    }
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
