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
    let exact = |send: &str, expect: &str| Kind::Exact { send: send.into(), expect: expect.into() };
    [
        vec![Kind::Echo { bytes: 9 }, Kind::Echo { bytes: 3 }],
        vec![post("/echo", 7), post("/echo", 0), post("/echo", 12)],
        vec![exact("a\r\n", "A"), exact("bb\r\n", "BB")],
        vec![rpc("echo", json!([1])), rpc("echo", json!({"a": "b\n"})), rpc("sum", json!([1, 2]))],
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
                let result = if call["method"] == "sum" { json!(3) } else { call["params"].take() };
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
