//! The relay against a model: two byte strings that must arrive, whatever the
//! sockets are ready for, and in whichever pieces.

use std::collections::VecDeque;

use proptest::{collection::vec, prelude::*};

use super::*;

/// A socket whose peer has written `arriving`, and whose calls do what they are
/// told: so many bytes at most, or none for now.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is one thing that a peer may do")]
struct Scripted {
    arriving: VecDeque<u8>,
    /// What the peer has got.
    got: Vec<u8>,
    /// The peer has ended, behind what is arriving.
    ended: bool,
    /// Our end has come to the peer.
    finished: bool,
    /// It fails from when it has no more to read.
    resets: bool,
    /// A reset is met by the write, which takes the error with it.
    refuses: bool,
    reads: VecDeque<usize>,
    writes: VecDeque<usize>,
    /// Calls that found nothing although nobody had said that there was something.
    idle_calls: usize,
}

impl Scripted {
    fn of(bytes: &[u8], reads: &[usize], writes: &[usize]) -> Self {
        Self {
            arriving: bytes.to_vec().into(),
            ended: true,
            reads: reads.to_vec().into(),
            writes: writes.to_vec().into(),
            ..Self::default()
        }
    }
}

impl Read for Scripted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = self.reads.pop_front().unwrap_or(usize::MAX);
        if most == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        if self.arriving.is_empty() {
            return match (self.resets, self.ended) {
                (true, _) => Err(ErrorKind::ConnectionReset.into()),
                (false, true) => Ok(0),
                (false, false) => {
                    self.idle_calls += 1;
                    Err(ErrorKind::WouldBlock.into())
                }
            };
        }
        let length = most.min(buffer.len()).min(self.arriving.len());
        for (place, byte) in buffer.iter_mut().zip(self.arriving.drain(..length)) {
            *place = byte;
        }
        Ok(length)
    }
}

impl Write for Scripted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        assert!(!self.finished, "written to after its end");
        assert!(!bytes.is_empty(), "an empty write is a call for nothing");
        if self.refuses {
            return Err(ErrorKind::ConnectionReset.into());
        }
        let taken = self.writes.pop_front().unwrap_or(usize::MAX).min(bytes.len());
        if taken == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        self.got.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Line for Scripted {
    fn finish(&mut self) -> io::Result<()> {
        assert!(!self.finished, "ended twice");
        self.finished = true;
        Ok(())
    }
}

const ALL_READY: Readiness =
    Readiness { readable: true, read_closed: true, writable: true, broken: false };

fn shared(bytes: usize) -> Shared {
    Shared { buffer: vec![0; bytes].into(), ..Shared::default() }
}

/// Tells a relay that all is ready, again and again, until it is done.
fn drive(relay: &mut Relay<Scripted>, shared: &mut Shared) -> usize {
    for turn in 0..10_000 {
        relay.notice_client(ALL_READY);
        relay.notice_upstream(ALL_READY);
        let most = shared.buffer.len();
        match relay.advance(shared).unwrap() {
            Turn::Done => return turn,
            Turn::Waiting | Turn::Unfinished => {}
        }
        assert!(relay.up.kept.len() <= most && relay.down.kept.len() <= most);
    }
    panic!("it is never done: {relay:?}");
}

fn assert_passed(relay: &Relay<Scripted>, request: &[u8], answer: &[u8]) {
    assert_eq!(relay.upstream.got, request);
    assert_eq!(relay.client.got, answer);
    assert!(relay.upstream.finished && relay.client.finished);
    assert_eq!(relay.up.passed, request.len() as u64);
    assert_eq!(relay.down.passed, answer.len() as u64);
    assert!(relay.up.kept.capacity() == 0 && relay.down.kept.capacity() == 0);
}

#[test]
fn every_split_of_reads_and_writes_arrives_whole() {
    let (request, answer) = (b"0123456789", b"abcdefghijkl");
    for read in 1..=request.len() {
        for write in 1..=request.len() {
            for buffer in [3, 64] {
                let client = Scripted::of(request, &[read], &[write]);
                let upstream = Scripted::of(answer, &[write], &[read]);
                let mut relay = Relay::new(client, upstream);
                drive(&mut relay, &mut shared(buffer));
                assert_passed(&relay, request, answer);
            }
        }
    }
}

proptest! {
    #[test]
    fn whatever_blocks_all_arrives_and_no_more_is_kept_than_one_read(
        request in vec(any::<u8>(), 0..300),
        answer in vec(any::<u8>(), 0..300),
        scripts in vec(vec(0_usize..40, 0..60), 4),
        buffer in 1_usize..50,
    ) {
        let client = Scripted::of(&request, &scripts[0], &scripts[1]);
        let upstream = Scripted::of(&answer, &scripts[2], &scripts[3]);
        let mut relay = Relay::new(client, upstream);
        drive(&mut relay, &mut shared(buffer));
        assert_passed(&relay, &request, &answer);
    }
}

#[test]
fn a_round_trip_costs_a_read_and_a_write_each_way() {
    let mut relay = Relay::new(Scripted::default(), Scripted::default());
    let mut shared = shared(64);
    let writable = Readiness { writable: true, ..Readiness::default() };
    let readable = Readiness { readable: true, ..writable };
    relay.notice_client(writable);
    relay.notice_upstream(writable);
    assert_eq!(relay.advance(&mut shared).unwrap(), Turn::Waiting);
    assert_eq!(shared.calls, SystemCalls::default(), "nothing is ready, nothing is tried");
    relay.client.arriving.extend(b"ping");
    relay.notice_client(readable);
    relay.advance(&mut shared).unwrap();
    relay.upstream.arriving.extend(b"pong");
    relay.notice_upstream(readable);
    relay.advance(&mut shared).unwrap();
    assert_eq!((&relay.upstream.got[..], &relay.client.got[..]), (&b"ping"[..], &b"pong"[..]));
    let expected = SystemCalls { read: 2, write: 2, ..SystemCalls::default() };
    assert_eq!(shared.calls, expected);
    assert_eq!(relay.client.idle_calls + relay.upstream.idle_calls, 0);
}

#[test]
fn a_sink_that_is_stuck_stops_its_source_and_not_the_other_direction() {
    let mut upstream = Scripted::of(b"answer", &[], &[4, 0]);
    upstream.ended = false;
    let mut relay = Relay::new(Scripted::of(&[7; 100], &[], &[]), upstream);
    let mut shared = shared(10);
    relay.notice_client(ALL_READY);
    relay.notice_upstream(Readiness { read_closed: false, ..ALL_READY });
    assert_eq!(relay.advance(&mut shared).unwrap(), Turn::Waiting);
    assert_eq!(relay.client.arriving.len(), 90, "one read, of which a part is kept");
    assert_eq!(relay.up.kept.len() - relay.up.taken, 6);
    assert_eq!(relay.client.got, b"answer");
    assert!(!relay.upstream.finished && !relay.client.finished);
}

#[test]
fn what_came_before_a_reset_is_passed_on_and_the_reset_is_no_end() {
    let mut upstream = Scripted::of(b"the last word", &[], &[]);
    upstream.resets = true;
    let mut relay = Relay::new(Scripted::of(b"", &[], &[]), upstream);
    relay.notice_client(Readiness { writable: true, ..Readiness::default() });
    relay.notice_upstream(Readiness { broken: true, ..ALL_READY });
    relay.advance(&mut shared(5)).unwrap_err();
    assert_eq!(relay.client.got, b"the last word");
    assert!(!relay.client.finished);
}

#[test]
fn a_reset_is_known_while_its_sink_is_stuck() {
    let mut relay = Relay::new(Scripted::of(b"bytes", &[], &[]), Scripted::default());
    relay.notice_client(Readiness { broken: true, ..ALL_READY });
    relay.advance(&mut shared(5)).unwrap_err();
    assert_eq!(relay.client.arriving.len(), 5, "there is nowhere to put them");
}

#[test]
fn a_reset_that_a_write_has_met_is_no_end_either() {
    let mut upstream = Scripted::of(b"", &[], &[]);
    upstream.refuses = true;
    let mut relay = Relay::new(Scripted::of(b"bytes", &[], &[]), upstream);
    relay.notice_client(ALL_READY);
    relay.notice_upstream(ALL_READY);
    relay.advance(&mut shared(5)).unwrap_err();
    assert!(relay.down.ended, "the read found an end");
    assert!(!relay.client.finished, "which is not passed on");
}
