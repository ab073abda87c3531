//! The requests of one connection and their answers: how far each has come.
//!
//! ```text
//!            ┌──────────────── owed ────────────────┐
//!  answered  │ written whole        │ not yet so    │  not begun
//! ───────────┼──────────────────────┼───────────────┼─────────────▶ sequence
//!            ▲ answers in order     ▲ `written` bytes
//!              come for the first,    of the first
//!              those by id for any
//! ```
//!
//! What a request is follows from the numbers of its connection and its own, so
//! of each that is owed only its instants are kept.

use std::{
    collections::VecDeque,
    io::{self, ErrorKind, IoSlice, Write},
    mem,
};

use crate::{
    decoder::Decoder,
    fault::{Cause, Fault},
    pattern::{Pattern, shown},
    rpc::{Call, Reply, id_at_the_end},
    script::{Answer, Script, same},
};

/// An answer of more bytes, interim answers included, is a runaway server.
const LONGEST_ANSWER: usize = 256 * 1024 * 1024;

/// One request whose answer is owed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exchange {
    /// When the request was due, and when it was begun to be written.
    pub(crate) intended: u64,
    pub(crate) sent: u64,
    /// Which request of its connection it is, and of which kind.
    sequence: u32,
    template: u32,
}

impl Exchange {
    #[inline]
    pub(crate) fn template(&self) -> usize {
        self.template as usize
    }
}

/// The exchanges that a connection is in, as many as it may owe answers for.
#[derive(Debug)]
pub(crate) struct Exchanges {
    /// The connection's number.
    number: u32,
    /// Requests begun on this connection.
    sequence: u32,
    /// In the order in which they were begun.
    owed: VecDeque<Exchange>,
    /// How many of the last of them the kernel has not taken whole, and how many
    /// bytes it has of the first of those.
    unwritten: usize,
    written: usize,
    /// Bytes seen of the answer to the first; of an HTTP answer, of its body.
    received: usize,
    raw: usize,
    decoder: Decoder,
    /// The beginning of a line whose end has not arrived.
    cut: Vec<u8>,
}

impl Exchanges {
    pub(crate) fn new(number: u32) -> Self {
        Self {
            number,
            sequence: 0,
            owed: VecDeque::new(),
            unwritten: 0,
            written: 0,
            received: 0,
            raw: 0,
            decoder: Decoder::default(),
            cut: Vec::new(),
        }
    }

    /// Answers that are owed.
    #[inline]
    pub(crate) fn owed(&self) -> usize {
        self.owed.len()
    }

    /// When the requests were due whose answers are owed.
    pub(crate) fn owed_since(&self) -> impl Iterator<Item = u64> {
        self.owed.iter().map(|exchange| exchange.intended)
    }

    /// Gives up what is owed, and says how many answers that was.
    pub(crate) fn abandon(&mut self) -> usize {
        (self.unwritten, self.written) = (0, 0);
        mem::take(&mut self.owed).len()
    }

    #[inline]
    pub(crate) fn begin(&mut self, script: &Script, intended: u64, now: u64) {
        let (sequence, template) = (self.sequence, script.pick(self.number, self.sequence));
        self.sequence = sequence.wrapping_add(1);
        self.owed.push_back(Exchange { intended, sent: now, sequence, template });
        self.unwritten += 1;
    }

    /// Whether a part of a request still waits for room in the socket.
    #[inline]
    pub(crate) fn is_unwritten(&self) -> bool {
        self.unwritten > 0
    }

    /// Writes what the socket takes and says how much that was. Called again
    /// when the socket has room: until then answers are read, or a request
    /// larger than all buffers would never end.
    ///
    /// Several small requests go out in one piece, by way of `scratch`.
    #[inline]
    pub(crate) fn write(
        &mut self,
        to: &mut impl Write,
        script: &Script,
        scratch: &mut [u8],
    ) -> io::Result<usize> {
        let mut total = 0;
        while self.unwritten > 0 {
            let taken = if self.unwritten == 1 || self.left(script) >= scratch.len() {
                self.write_first(to, script)
            } else {
                let gathered = self.gather(script, scratch);
                to.write(&scratch[..gathered])
            };
            match taken {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(taken) => {
                    total += taken;
                    self.advance(taken, script);
                }
                Err(why) if why.kind() == ErrorKind::WouldBlock => break,
                Err(why) if why.kind() == ErrorKind::Interrupted => {}
                Err(why) => return Err(why),
            }
        }
        Ok(total)
    }

    /// The first request that is not written whole.
    #[inline]
    fn writing(&self) -> &Exchange {
        &self.owed[self.owed.len() - self.unwritten]
    }

    /// How much of it is left.
    fn left(&self, script: &Script) -> usize {
        let writing = self.writing();
        script.bytes(writing.template(), self.number, writing.sequence) - self.written
    }

    /// Writes from where its bytes are.
    #[inline]
    fn write_first(&self, to: &mut impl Write, script: &Script) -> io::Result<usize> {
        let writing = self.writing();
        script.with_request(writing.template(), self.number, writing.sequence, |head, rest| {
            let in_rest = self.written.saturating_sub(head.len());
            let head = head.get(self.written..).unwrap_or_default();
            if head.is_empty() {
                to.write(&rest[in_rest..])
            } else if rest.is_empty() {
                to.write(head)
            } else {
                to.write_vectored(&[IoSlice::new(head), IoSlice::new(rest)])
            }
        })
    }

    /// Copies what is unwritten, as far as it goes into `scratch`, and says how much that is.
    fn gather(&self, script: &Script, scratch: &mut [u8]) -> usize {
        let (mut filled, mut skip) = (0, self.written);
        for exchange in self.owed.range(self.owed.len() - self.unwritten..) {
            script.with_request(
                exchange.template(),
                self.number,
                exchange.sequence,
                |head, rest| {
                    for part in [head, rest] {
                        let skipped = skip.min(part.len());
                        skip -= skipped;
                        let copied = (part.len() - skipped).min(scratch.len() - filled);
                        scratch[filled..][..copied].copy_from_slice(&part[skipped..][..copied]);
                        filled += copied;
                    }
                },
            );
            if filled == scratch.len() {
                break;
            }
        }
        filled
    }

    /// Notes that the kernel took so many bytes.
    #[inline]
    fn advance(&mut self, mut taken: usize, script: &Script) {
        while taken > 0 {
            let left = self.left(script);
            if taken < left {
                self.written += taken;
                return;
            }
            taken -= left;
            self.written = 0;
            self.unwritten -= 1;
        }
    }

    /// Verifies what arrived, up to the end of one answer: says how much that was,
    /// and which exchange is complete with it.
    #[inline]
    pub(crate) fn take(
        &mut self,
        data: &[u8],
        script: &mut Script,
    ) -> Result<(usize, Option<Exchange>), Fault> {
        let Some(&first) = self.owed.front() else {
            let text = format!("{} bytes came that were not asked for", data.len());
            return Err(Fault::new(Cause::Protocol, text));
        };
        let (template, pattern) = script.verify(first.template());
        let phase = Pattern::phase(self.number, first.sequence);
        let sent = pattern.window(phase, template.body_bytes);
        let (used, complete) = match &mut template.answer {
            Answer::Echo => {
                let left = &sent[self.received..];
                let piece = &data[..data.len().min(left.len())];
                same(left, self.received, piece).map_err(|fault| {
                    // Random bytes would tell a reader nothing.
                    let is_http = data.starts_with(b"HTTP/");
                    if is_http { fault.and(&came_as(data)) } else { fault }
                })?;
                self.received += piece.len();
                (piece.len(), piece.len() == left.len())
            }
            Answer::Exact(expected) => {
                let left = &expected[self.received..];
                let piece = &data[..data.len().min(left.len())];
                same(left, self.received, piece).map_err(|fault| fault.and(&came_as(data)))?;
                self.received += piece.len();
                (piece.len(), piece.len() == left.len())
            }
            Answer::Http { status, body } => {
                self.raw += data.len();
                if self.raw > LONGEST_ANSWER {
                    return Err(too_long());
                }
                let received = &mut self.received;
                let beyond = self.decoder.feed(data, *status, &mut |piece| {
                    body.check(sent, *received, piece)?;
                    *received += piece.len();
                    Ok(())
                })?;
                if beyond.is_some() {
                    body.end(sent, *received)?;
                }
                (data.len() - beyond.unwrap_or(0), beyond.is_some())
            }
            Answer::Rpc(_) => return self.take_line(data, script),
        };
        if !complete {
            return Ok((used, None));
        }
        (self.received, self.raw) = (0, 0);
        Ok((used, Some(self.end(0)?)))
    }

    /// The exchange at `place` is complete.
    #[inline]
    fn end(&mut self, place: usize) -> Result<Exchange, Fault> {
        if place + self.unwritten >= self.owed.len() {
            let text = "the answer ended before the request was sent";
            return Err(Fault::new(Cause::Protocol, text));
        }
        // In order it is always the first, which is quicker taken off the front.
        let exchange = if place == 0 { self.owed.pop_front() } else { self.owed.remove(place) };
        Ok(exchange.expect("place is of an exchange that is owed"))
    }

    /// The same for answers that are a line each, in any order.
    fn take_line(
        &mut self,
        data: &[u8],
        script: &mut Script,
    ) -> Result<(usize, Option<Exchange>), Fault> {
        let Some(end) = data.iter().position(|&byte| byte == b'\n') else {
            self.cut.extend_from_slice(data);
            let fits = self.cut.len() <= LONGEST_ANSWER;
            return if fits { Ok((data.len(), None)) } else { Err(too_long()) };
        };
        let mut cut = mem::take(&mut self.cut);
        let line = if cut.is_empty() {
            &data[..end]
        } else {
            cut.extend_from_slice(&data[..end]);
            &cut
        };
        let place = self.place_of_line(line, script)?;
        cut.clear();
        self.cut = cut; // Its room is kept.
        Ok((end + 1, Some(self.end(place)?)))
    }

    /// The place of the exchange that a line answers as it must be answered.
    fn place_of_line(&self, line: &[u8], script: &mut Script) -> Result<usize, Fault> {
        let split = id_at_the_end(line);
        if let Some((id, before)) = split
            && let Some(place) = self.place(id)
            && script.call(self.owed[place].template()).is_as_before(before)
        {
            return Ok(place);
        }
        let reply = Reply::parse(line)?;
        let id = reply.id()?;
        let place = self.place(id).ok_or_else(|| self.stray(id))?;
        let call: &mut Call = script.call(self.owed[place].template());
        call.check(reply).map_err(|fault| fault.and(&came_as(line)))?;
        if let Some((_, before)) = split {
            call.learn(before);
        }
        Ok(place)
    }

    /// Where the exchange with this id is, if it is owed.
    #[inline]
    fn place(&self, id: u64) -> Option<usize> {
        let first = self.owed.front()?.sequence;
        // From the first on, which stays in order when the numbers begin again.
        let ahead = self.sequence_of(id)?.wrapping_sub(first);
        self.owed.binary_search_by_key(&ahead, |one| one.sequence.wrapping_sub(first)).ok()
    }

    fn sequence_of(&self, id: u64) -> Option<u32> {
        u32::try_from(id.checked_sub(Call::id(self.number, 0))?).ok()
    }

    /// Why an id is not owed.
    fn stray(&self, id: u64) -> Fault {
        let was_asked = self.sequence_of(id).is_some_and(|sequence| sequence < self.sequence);
        let text = if was_asked {
            format!("id {id} was answered twice")
        } else {
            format!("id {id} was never asked for on this connection")
        };
        Fault::new(Cause::Protocol, text)
    }
}

fn too_long() -> Fault {
    let text = format!("the answer has more than {LONGEST_ANSWER} bytes");
    Fault::new(Cause::Protocol, text)
}

fn came_as(data: &[u8]) -> String {
    format!("; it came as {}", shown(data))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::plan::{Kind, Method, Plan, Request};

    /// Takes at most so many bytes a call, and none on every other one.
    struct Narrow {
        taken: Vec<u8>,
        room: usize,
        full: bool,
    }

    impl Write for Narrow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.full = !self.full;
            if self.full {
                return Err(ErrorKind::WouldBlock.into());
            }
            let taken = bytes.len().min(self.room);
            self.taken.extend_from_slice(&bytes[..taken]);
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn script(kinds: Vec<Kind>) -> Script {
        let mut plan = Plan::new("127.0.0.1:5555".parse().unwrap());
        plan.requests = kinds.into_iter().map(Request::new).collect();
        Script::new(&plan)
    }

    fn post(path: &str, body_bytes: usize) -> Kind {
        Kind::Http {
            method: Method::Post,
            path: path.into(),
            body_bytes,
            expect_status: 200,
            expect_body: None,
        }
    }

    fn rpc(method: &str, params: serde_json::Value) -> Kind {
        Kind::Rpc { method: method.to_owned(), params: Some(params), expect: None }
    }

    /// Each protocol, with requests that differ.
    fn protocols() -> [Vec<Kind>; 4] {
        let exact =
            |send: &str, expect: &str| Kind::Exact { send: send.into(), expect: expect.into() };
        [
            vec![Kind::Echo { bytes: 9 }, Kind::Echo { bytes: 3 }],
            vec![post("/echo", 7), post("/echo", 0), post("/echo", 12)],
            vec![exact("a\r\n", "A"), exact("bb\r\n", "BB")],
            vec![
                rpc("echo", json!([1])),
                rpc("echo", json!({"a": "b\n"})),
                rpc("sum", json!([1, 2])),
            ],
        ]
    }

    fn write_all(exchanges: &mut Exchanges, script: &Script, room: usize) -> Vec<u8> {
        let mut to = Narrow { taken: Vec::new(), room, full: false };
        while exchanges.is_unwritten() {
            // Less room than all of them need, so that it is filled more than once.
            exchanges.write(&mut to, script, &mut [0; 50]).unwrap();
        }
        to.taken
    }

    /// Exchanges of connection 5 that are all begun, at 1, 2, 3 …
    fn begun(script: &Script, count: u64) -> Exchanges {
        let mut exchanges = Exchanges::new(5);
        (1..=count).for_each(|at| exchanges.begin(script, at, at));
        exchanges
    }

    /// What a right server answers to each of what was written, one by one.
    fn answers(kinds: &[Kind], script: &Script, count: u32) -> Vec<Vec<u8>> {
        let answer = |sequence| {
            let index = script.pick(5, sequence) as usize;
            script.with_request(index, 5, sequence, |head, rest| match &kinds[index] {
                Kind::Echo { .. } => rest.to_vec(),
                Kind::Exact { expect, .. } => expect.clone().into_bytes(),
                Kind::Http { body_bytes, .. } => {
                    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {body_bytes}\r\n\r\n");
                    [head.as_bytes(), rest].concat()
                }
                Kind::Rpc { .. } => {
                    let call = serde_json::from_slice(&[head, rest].concat());
                    let mut call: serde_json::Value = call.unwrap();
                    let result =
                        if call["method"] == "sum" { json!(3) } else { call["params"].take() };
                    format!("{{\"jsonrpc\":\"2.0\",\"result\":{result},\"id\":{}}}\n", call["id"])
                        .into_bytes()
                }
            })
        };
        (0..count).map(answer).collect()
    }

    /// Takes in `data` cut at `at`: when the requests were due whose answers were complete.
    fn take_all(
        exchanges: &mut Exchanges,
        script: &mut Script,
        data: &[u8],
        at: &[usize],
    ) -> Result<Vec<u64>, Fault> {
        let (mut complete, mut from) = (Vec::new(), 0);
        for &to in at.iter().chain(&[data.len()]) {
            while from < to {
                let (used, answered) = exchanges.take(&data[from..to], script)?;
                from += used;
                complete.extend(answered.map(|exchange| exchange.intended));
            }
        }
        Ok(complete)
    }

    const COUNT: u32 = 6;

    #[test]
    fn requests_are_the_same_however_they_are_cut() {
        for kinds in protocols() {
            let script = script(kinds);
            let written = |room| write_all(&mut begun(&script, COUNT.into()), &script, room);
            let one_by_one: Vec<u8> = (0..COUNT)
                .flat_map(|sequence| {
                    let index = script.pick(5, sequence) as usize;
                    script.with_request(index, 5, sequence, |head, rest| [head, rest].concat())
                })
                .collect();
            assert!(one_by_one.len() > 6);
            for room in 1..=one_by_one.len() {
                assert_eq!(written(room), one_by_one, "{}", one_by_one.escape_ascii());
            }
        }
    }

    #[test]
    fn answers_in_order_are_complete_in_order_however_they_are_cut() {
        for kinds in protocols() {
            let mut script = script(kinds.clone());
            let stream = answers(&kinds, &script, COUNT).concat();
            for first in 0..stream.len() {
                for second in first..stream.len() {
                    let mut exchanges = begun(&script, COUNT.into());
                    write_all(&mut exchanges, &script, 1000);
                    let told = take_all(&mut exchanges, &mut script, &stream, &[first, second]);
                    assert_eq!(told.unwrap(), [1, 2, 3, 4, 5, 6], "cut at {first}, {second}");
                    assert_eq!(exchanges.owed(), 0);
                    let stray = exchanges.take(b"x", &mut script).unwrap_err();
                    assert!(stray.text.contains("not asked for"), "{}", stray.text);
                }
            }
        }
    }

    #[test]
    fn answers_that_change_places_are_noticed_unless_they_carry_an_id() {
        for kinds in protocols() {
            let mut script = script(kinds.clone());
            let answers = answers(&kinds, &script, COUNT);
            let other = (1..answers.len()).find(|&place| answers[place] != answers[0]).unwrap();
            let mut swapped = answers;
            swapped.swap(0, other);
            let mut exchanges = begun(&script, COUNT.into());
            write_all(&mut exchanges, &script, 1000);
            let told = take_all(&mut exchanges, &mut script, &swapped.concat(), &[]);
            if matches!(kinds[0], Kind::Rpc { .. }) {
                let mut order = [1, 2, 3, 4, 5, 6];
                order.swap(0, other);
                assert_eq!(told.unwrap(), order);
            } else {
                assert_eq!(told.unwrap_err().cause, Cause::Mismatch);
            }
        }
    }

    #[test]
    fn calls_are_answered_in_any_order_however_they_are_cut() {
        let kinds = protocols()[3].clone();
        let mut script = script(kinds.clone());
        let mut answers = answers(&kinds, &script, COUNT);
        answers.reverse();
        answers.swap(1, 4);
        let stream = answers.concat();
        for cut in 0..stream.len() {
            let mut exchanges = begun(&script, COUNT.into());
            write_all(&mut exchanges, &script, 1000);
            let told = take_all(&mut exchanges, &mut script, &stream, &[cut]).unwrap();
            assert_eq!(told, [6, 2, 4, 3, 5, 1]);
        }
    }

    #[test]
    fn what_is_not_answered_is_still_owed() {
        let kinds = protocols()[3].clone();
        let mut script = script(kinds.clone());
        let answers = answers(&kinds, &script, COUNT);
        let mut exchanges = begun(&script, COUNT.into());
        write_all(&mut exchanges, &script, 1000);
        take_all(&mut exchanges, &mut script, &[&*answers[4], &*answers[1]].concat(), &[]).unwrap();
        assert_eq!(exchanges.owed_since().collect::<Vec<_>>(), [1, 3, 4, 6]);
        assert_eq!((exchanges.abandon(), exchanges.owed()), (4, 0));
    }

    #[test]
    fn ids_that_are_not_owed_are_refused() {
        let kinds = vec![rpc("echo", json!([1]))];
        let mut script = script(kinds.clone());
        let answers = answers(&kinds, &script, 2);
        let mut refused = |data: &[u8]| {
            let mut exchanges = begun(&script, 2);
            write_all(&mut exchanges, &script, 1000);
            let fault = take_all(&mut exchanges, &mut script, data, &[]).unwrap_err();
            assert_eq!(fault.cause, Cause::Protocol);
            fault.text
        };
        // Of another connection, of this one but not asked yet, and of none.
        for id in [0, 400_012, 500_017, 600_018, u64::MAX] {
            let line = format!("{{\"jsonrpc\":\"2.0\",\"result\":[1],\"id\":{id}}}\n");
            assert!(refused(line.as_bytes()).contains("was never asked for"), "{id}");
        }
        let twice = [&*answers[1], &*answers[1]].concat();
        assert!(refused(&twice).contains("id 500016 was answered twice"));
    }

    #[test]
    fn a_call_answered_before_it_was_sent_is_refused() {
        let kinds = vec![rpc("echo", json!([1]))];
        let mut script = script(kinds.clone());
        let answers = answers(&kinds, &script, 2);
        let mut exchanges = begun(&script, 1);
        write_all(&mut exchanges, &script, 1000);
        exchanges.begin(&script, 2, 2);
        let fault = take_all(&mut exchanges, &mut script, &answers[1], &[]).unwrap_err();
        assert!(fault.text.contains("before the request was sent"), "{}", fault.text);
    }

    #[test]
    fn a_result_that_changes_is_a_mismatch_and_another_spelling_is_not() {
        let mut script = script(vec![rpc("sum", json!([1, 2]))]);
        let mut exchanges = begun(&script, 5);
        write_all(&mut exchanges, &script, 1000);
        let mut take = |line: &str| take_all(&mut exchanges, &mut script, line.as_bytes(), &[]);
        take("{\"jsonrpc\":\"2.0\",\"result\":{\"a\":1,\"b\":2},\"id\":500015}\n").unwrap();
        take("{\"jsonrpc\":\"2.0\",\"result\":{\"b\":2, \"a\":1},\"id\":500017}\r\n").unwrap();
        take("{\"id\":500016,\"result\":{\"b\":2,\"a\":1},\"jsonrpc\":\"2.0\"}\n").unwrap();
        let other = "{\"jsonrpc\":\"2.0\",\"result\":{\"a\":1,\"b\":3},\"id\":500018}\n";
        let fault = take(other).unwrap_err();
        assert_eq!(fault.cause, Cause::Mismatch);
        let error = "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":1},\"id\":500019}\n";
        assert_eq!(take(error).unwrap_err().cause, Cause::BadStatus);
    }

    #[test]
    fn ids_go_on_where_the_numbers_begin_again() {
        let kinds = vec![rpc("echo", json!([1]))];
        let mut script = script(kinds);
        let mut exchanges = Exchanges::new(0);
        exchanges.sequence = u32::MAX - 1;
        (1..=4).for_each(|at| exchanges.begin(&script, at, at));
        write_all(&mut exchanges, &script, 1000);
        let line = |id: u32| format!("{{\"jsonrpc\":\"2.0\",\"result\":[1],\"id\":{id}}}\n");
        let lines = [1, u32::MAX, 0, u32::MAX - 1].map(line).concat();
        let told = take_all(&mut exchanges, &mut script, lines.as_bytes(), &[]).unwrap();
        assert_eq!(told, [4, 2, 3, 1]);
    }

    #[test]
    fn an_echo_in_pieces_is_verified() {
        let mut script = script(vec![Kind::Echo { bytes: 100 }]);
        let mut exchanges = begun(&script, 2);
        let mut payloads = write_all(&mut exchanges, &script, 100);
        assert!(payloads[..100] != payloads[100..]);
        payloads[170] ^= 1;
        let told = take_all(&mut exchanges, &mut script, &payloads[..160], &[60]).unwrap();
        assert_eq!(told, [1]);
        let fault = exchanges.take(&payloads[160..], &mut script).unwrap_err();
        assert_eq!(fault.cause, Cause::Mismatch);
        assert!(fault.text.contains("byte 70 "), "{}", fault.text);
    }

    #[test]
    fn an_answer_before_its_request_is_refused() {
        for kinds in protocols() {
            let mut script = script(kinds.clone());
            let answers = answers(&kinds, &script, 1);
            let mut exchanges = begun(&script, 1);
            let fault = take_all(&mut exchanges, &mut script, &answers[0], &[]).unwrap_err();
            assert_eq!(fault.cause, Cause::Protocol, "{}", fault.text);
        }
    }
}
