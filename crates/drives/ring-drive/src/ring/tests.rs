use std::{io::Write, time::Instant};

use server::{Attempt, Context};

use super::{setup::explain, *};

const BOTH: [Ways; 2] = [Ways::Best, Ways::Plain];
/// More than any sockets hold.
const FLOOD: usize = 64 << 20;

fn context() -> Context {
    Context::new(Duration::ZERO).unwrap()
}

/// What a ring in a test serves.
struct Bed {
    listener: Listener,
    context: Context,
}

impl Bed {
    fn new() -> Self {
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        Self { listener, context: context() }
    }

    fn ring(&self, ways: Ways) -> Ring<'_> {
        let mut ring = Ring::new(&self.listener, &self.context.stop, ways).unwrap();
        ring.begin().unwrap();
        ring
    }

    /// A client, and its line.
    fn connect(&self, ring: &mut Ring) -> (TcpStream, Key) {
        let client = TcpStream::connect(self.listener.address().unwrap()).unwrap();
        ring.accept();
        let mut line = None;
        turn(ring, |ring, completion| {
            if let Completion::Accepted(accepted) = completion {
                match self.listener.judge(accepted, &self.context).unwrap() {
                    Some(Attempt::Accepted(connection)) => line = Some(ring.adopt(connection)),
                    other => panic!("{other:?}"),
                }
            }
            line.is_some()
        });
        (client, line.unwrap())
    }
}

/// Takes completions until it is enough.
fn turn(ring: &mut Ring, mut is_enough: impl FnMut(&mut Ring, Completion) -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        ring.wait(Some(Duration::from_millis(10))).unwrap();
        while let Some(completion) = ring.next_completion() {
            if is_enough(ring, completion) {
                return;
            }
        }
        assert!(Instant::now() < deadline, "it never comes");
    }
}

fn until_empty(ring: &mut Ring) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !ring.is_empty() {
        ring.wait(Some(Duration::from_millis(10))).unwrap();
        let heard = ring.next_completion();
        assert!(heard.is_none(), "a closed line is heard of: {heard:?}");
        assert!(Instant::now() < deadline, "the line is never quiet");
    }
}

#[test]
fn a_line_outlives_its_close_until_the_kernel_has_done_with_it() {
    for ways in BOTH {
        let bed = Bed::new();
        let mut ring = bed.ring(ways);
        let (_client, key) = bed.connect(&mut ring);
        ring.receive(key);
        ring.send(key, vec![1; FLOOD]);
        // The socket is full, and most of the buffer is the kernel's.
        turn(&mut ring, |_, completion| matches!(completion, Completion::Sent(..)));
        ring.submit().unwrap();
        assert!(ring.is_sending(key));
        ring.close(key);
        let kept = ring.lines[key].as_ref().expect("it is there until all has completed");
        assert_eq!(kept.sending.len(), FLOOD);
        assert!(!ring.free.contains(&key), "its name is not given anew before");
        until_empty(&mut ring);
        assert!(ring.free.contains(&key));
    }
}

#[test]
fn a_ring_that_is_dropped_takes_everything_back() {
    for ways in BOTH {
        let bed = Bed::new();
        let mut ring = bed.ring(ways);
        let clients: Vec<_> = (0..20).map(|_| bed.connect(&mut ring)).collect();
        for (_, key) in &clients {
            ring.receive(*key);
            ring.send(*key, vec![1; 8 << 20]);
            ring.watch_writable(*key);
        }
        ring.submit().unwrap();
        let since = Instant::now();
        drop(ring);
        assert!(since.elapsed() < DROP_STEP * 50, "it gave up after {:?}", since.elapsed());
        assert_eq!(bed.context.stats.open(), 0, "no line is left to the kernel");
    }
}

#[test]
fn more_bytes_than_buffers_are_all_received() {
    const CLIENTS: usize = 20;
    /// As much as the sockets hold, or this; for all of it there are too few buffers.
    const BYTES: usize = 1 << 20;
    for ways in BOTH {
        let bed = Bed::new();
        let mut ring = bed.ring(ways);
        let mut clients: Vec<_> = (0..CLIENTS).map(|_| bed.connect(&mut ring)).collect();
        for (client, _) in &mut clients {
            client.set_nonblocking(true).unwrap();
        }
        // Whatever the sockets hold is there when receiving begins.
        let sent: usize = clients
            .iter_mut()
            .map(|(client, key)| {
                let bytes = vec![u8::try_from(*key).unwrap(); BYTES];
                client.write(&bytes).unwrap()
            })
            .sum();
        for (_, key) in &clients {
            ring.receive(*key);
        }
        let (mut received, mut pauses) = (0, 0);
        turn(&mut ring, |ring, completion| {
            match completion {
                Completion::Received(key, Ok(length)) => {
                    assert_eq!(ring.bytes().len(), length);
                    assert!(ring.bytes().iter().all(|&byte| usize::from(byte) == key));
                    received += length;
                    ring.receive(key);
                }
                Completion::Paused(key) => {
                    pauses += 1;
                    ring.receive(key);
                }
                other => panic!("{other:?}"),
            }
            received == sent
        });
        assert_eq!(pauses > 0, ways == Ways::Best, "{pauses} times there was no buffer");
    }
}

#[test]
fn a_paused_line_receives_again_and_loses_nothing() {
    let bed = Bed::new();
    let mut ring = bed.ring(Ways::Best);
    let (mut client, key) = bed.connect(&mut ring);
    ring.receive(key);
    for number in 0..50_u8 {
        client.write_all(&[number]).unwrap();
        ring.pause(key);
        let mut received = Vec::new();
        turn(&mut ring, |ring, completion| {
            match completion {
                Completion::Received(..) => received.extend_from_slice(ring.bytes()),
                Completion::Paused(_) => {}
                other => panic!("{other:?}"),
            }
            ring.receive(key);
            !received.is_empty()
        });
        assert_eq!(received, [number]);
    }
}

#[test]
fn a_ring_that_cannot_be_is_explained_in_a_line() {
    for (errno, advice) in [(38, "Linux 5.11"), (1, "io_uring_disabled"), (12, "ulimit -l")] {
        let message = explain(io::Error::from_raw_os_error(errno)).to_string();
        assert!(message.contains(advice) && message.lines().count() == 1, "{message}");
    }
    let other = explain(io::Error::from_raw_os_error(24));
    assert_eq!(other.raw_os_error(), Some(24), "others say enough themselves");
}
