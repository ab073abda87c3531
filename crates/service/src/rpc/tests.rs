//! The specification's examples, the bounds, and every split and order.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::Work;

const LINE_BYTES_MAX: usize = 1000;

fn session() -> Rpc {
    Rpc::new(&Limits { body_bytes: LINE_BYTES_MAX })
}

fn outcome(job: Job) -> Done {
    let outcome = if job.work == Work::Panic { Err(Failed::Panicked) } else { Ok(()) };
    Done { id: job.id, outcome }
}

/// Feeds `pieces`, runs jobs as they come, ends; returns the output and the
/// phase before the end.
fn converse(pieces: &[&[u8]]) -> (String, Phase) {
    let (mut session, mut output) = (session(), Vec::new());
    for piece in pieces {
        session.receive(piece, &mut output);
        run_all(&mut session, &mut output);
    }
    let phase = session.phase();
    session.end(End::Peer, &mut output);
    run_all(&mut session, &mut output);
    assert_over(&session);
    (String::from_utf8(output).unwrap(), phase)
}

fn run_all(session: &mut Rpc, output: &mut Vec<u8>) {
    while let Some(job) = session.next_job() {
        session.complete(outcome(job), output);
    }
}

#[track_caller]
fn assert_over(session: &Rpc) {
    assert!(matches!(session.phase(), Phase::Finished | Phase::Refused));
    assert!(session.input.is_empty(), "a finished session keeps no memory");
    assert!(session.lines.is_empty() && session.calls.is_empty() && session.lines_bytes == 0);
}

/// The answers of a conversation; those of a batch in the order of their ids,
/// since a server may give them in any.
fn answers(output: &str) -> Vec<Value> {
    assert!(output.is_empty() || output.ends_with('\n'));
    output.lines().map(|line| sorted(serde_json::from_str(line).unwrap())).collect()
}

fn sorted(mut answer: Value) -> Value {
    if let Value::Array(batch) = &mut answer {
        batch.sort_by_key(Value::to_string);
    }
    answer
}

/// Checks that `line` is answered by `expected` and nothing else.
#[track_caller]
fn assert_answers(line: &str, expected: &[Value]) {
    let (output, phase) = converse(&[line.as_bytes(), b"\n"]);
    let expected: Vec<Value> = expected.iter().cloned().map(sorted).collect();
    assert_eq!((answers(&output), phase), (expected, Phase::Reading), "{line}");
}

fn result(value: impl Into<Value>, id: impl Into<Value>) -> Value {
    json!({"jsonrpc": "2.0", "result": value.into(), "id": id.into()})
}

fn error(code: i32, message: &str, id: impl Into<Value>) -> Value {
    json!({"jsonrpc": "2.0", "error": {"code": code, "message": message}, "id": id.into()})
}

fn parse_error() -> Value {
    error(-32700, "Parse error", Value::Null)
}

fn invalid_request() -> Value {
    error(-32600, "Invalid Request", Value::Null)
}

// The examples of the specification's section 7, each on one line.

#[test]
fn example_positional_parameters() {
    assert_answers(
        r#"{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}"#,
        &[result(19, 1)],
    );
    assert_answers(
        r#"{"jsonrpc": "2.0", "method": "subtract", "params": [23, 42], "id": 2}"#,
        &[result(-19, 2)],
    );
}

#[test]
fn example_named_parameters() {
    assert_answers(
        r#"{"jsonrpc": "2.0", "method": "subtract", "params": {"subtrahend": 23, "minuend": 42}, "id": 3}"#,
        &[result(19, 3)],
    );
    assert_answers(
        r#"{"jsonrpc": "2.0", "method": "subtract", "params": {"minuend": 42, "subtrahend": 23}, "id": 4}"#,
        &[result(19, 4)],
    );
}

#[test]
fn example_notification() {
    assert_answers(r#"{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}"#, &[]);
    assert_answers(r#"{"jsonrpc": "2.0", "method": "foobar"}"#, &[]);
}

#[test]
fn example_method_that_does_not_exist() {
    assert_answers(
        r#"{"jsonrpc": "2.0", "method": "foobar", "id": "1"}"#,
        &[error(-32601, "Method not found", "1")],
    );
}

#[test]
fn example_invalid_json() {
    assert_answers(
        r#"{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]"#,
        &[parse_error()],
    );
}

#[test]
fn example_invalid_request() {
    assert_answers(r#"{"jsonrpc": "2.0", "method": 1, "params": "bar"}"#, &[invalid_request()]);
}

#[test]
fn example_batch_of_invalid_json() {
    assert_answers(
        r#"[ {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"}, {"jsonrpc": "2.0", "method" ]"#,
        &[parse_error()],
    );
}

#[test]
fn example_empty_batch() {
    assert_answers("[]", &[invalid_request()]);
}

#[test]
fn example_batch_of_one_that_is_no_call() {
    assert_answers("[1]", &[json!([invalid_request()])]);
}

#[test]
fn example_batch_of_no_calls() {
    assert_answers("[1,2,3]", &[json!([invalid_request(), invalid_request(), invalid_request()])]);
}

#[test]
fn example_batch() {
    assert_answers(
        r#"[ {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"}, {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]}, {"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"}, {"foo": "boo"}, {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"}, {"jsonrpc": "2.0", "method": "get_data", "id": "9"} ]"#,
        &[json!([
            result(7, "1"),
            result(19, "2"),
            invalid_request(),
            error(-32601, "Method not found", "5"),
            result(json!(["hello", 5]), "9"),
        ])],
    );
}

#[test]
fn example_batch_of_notifications() {
    assert_answers(
        r#"[ {"jsonrpc": "2.0", "method": "notify_sum", "params": [1,2,4]}, {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]} ]"#,
        &[],
    );
}

// Beyond the examples.

/// A call with these members beside the version.
fn call(members: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0",{members}}}"#)
}

#[test]
fn what_is_handed_on_goes_back_as_it_came() {
    for json in [
        "[]",
        r#"{"a" : [1.0, 1e5, 123456789012345678901234567890, "\u00e9 é \n"]}"#,
        r#"{"twice": 1, "twice": 2}"#,
    ] {
        let (output, _) =
            converse(&[call(&format!(r#""method":"echo","params":{json},"id":1"#)).as_bytes()]);
        assert_eq!(output, format!("{{\"jsonrpc\":\"2.0\",\"result\":{json},\"id\":1}}\n"));
    }
    for id in [r#""1""#, r#""\"é\u0000""#, "1", "-0.50", "1e2", "99999999999999999999999", "null"]
    {
        let (output, _) = converse(&[call(&format!(r#""method":"echo","id":{id}"#)).as_bytes()]);
        assert_eq!(output, format!("{{\"jsonrpc\":\"2.0\",\"result\":null,\"id\":{id}}}\n"));
    }
}

#[test]
fn what_is_no_call_is_told_so_by_its_id_if_it_has_one() {
    let invalid = |id| error(-32600, "Invalid Request", id);
    for (line, id) in [
        ("1".to_owned(), Value::Null),
        ("null".to_owned(), Value::Null),
        ("\"jsonrpc\"".to_owned(), Value::Null),
        ("{}".to_owned(), Value::Null),
        (r#"{"method":"echo","id":1}"#.to_owned(), 1.into()),
        (r#"{"jsonrpc":2.0,"method":"echo","id":"a"}"#.to_owned(), "a".into()),
        (r#"{"jsonrpc":"1.0","method":"echo","id":1}"#.to_owned(), 1.into()),
        (call(r#""id":1"#), 1.into()),
        (call(r#""method":null,"id":1"#), 1.into()),
        (call(r#""method":"echo","params":1,"id":1"#), 1.into()),
        (call(r#""method":"echo","params":null,"id":1"#), 1.into()),
        (call(r#""method":"echo","id":true"#), Value::Null),
        (call(r#""method":"echo","id":[1]"#), Value::Null),
        (call(r#""method":"echo","id":1,"id":2"#), Value::Null),
    ] {
        assert_answers(&line, &[invalid(id.clone())]);
        assert_answers(&format!("[{line}]"), &[json!([invalid(id)])]);
    }
    // In a batch this is no call; alone it would be a batch.
    assert_answers(r#"[["2.0",1,"echo",[]]]"#, &[json!([invalid(Value::Null)])]);
    assert_answers(r#"{"jsonrpc":"\u0032.0","\u006dethod":"ech\u006f","id":1}"#, &[result((), 1)]);
}

#[test]
fn methods_say_what_they_want() {
    for (method, params, value) in [
        ("sum", "[]", json!(0)),
        ("sum", "[1,2.5]", json!(3.5)),
        ("sum", "[18446744073709551615,-1]", json!(18_446_744_073_709_551_614_u64)),
        ("sum", "[18446744073709551615,1]", json!(18_446_744_073_709_551_616.0)),
        ("subtract", "[0.5,1]", json!(-0.5)),
        ("subtract", "[-9223372036854775808,1]", json!(-9_223_372_036_854_775_808.0)),
        ("sleep", r#"{"ms":5}"#, json!(5)),
        ("cpu", "[7]", json!(7)),
        ("update", "{}", Value::Null),
    ] {
        let line = call(&format!(r#""method":"{method}","params":{params},"id":1"#));
        assert_answers(&line, &[result(value, 1)]);
    }
    for (method, params) in [
        ("sum", r#"["1"]"#),
        ("sum", "{}"),
        ("sum", "[1e308,1e308]"),
        ("sum", "[1e999]"),
        ("subtract", "[1]"),
        ("subtract", "[1,2,3]"),
        ("subtract", r#"{"minuend":1}"#),
        ("subtract", r#"{"minuend":1,"subtrahend":1,"more":1}"#),
        ("sleep", "[]"),
        ("sleep", r#"{"ms":-1}"#),
        ("sleep", "[1.5]"),
        ("sleep", "[60001]"),
        ("cpu", r#"{"us":10000001}"#),
        ("cpu", r#"{"us":"1"}"#),
    ] {
        let line = call(&format!(r#""method":"{method}","params":{params},"id":1"#));
        let (output, phase) = converse(&[line.as_bytes(), b"\n"]);
        let error = &answers(&output)[0]["error"];
        assert_eq!((&error["code"], &error["message"]), (&json!(-32602), &json!("Invalid params")));
        assert!(error["data"].as_str().is_some_and(|data| data.starts_with(method)), "{output}");
        assert_eq!(phase, Phase::Reading);
    }
    assert_answers(
        &call(r#""method":"sleep","id":1,"params":[60001]"#).replace(r#","id":1"#, ""),
        &[],
    );
}

#[test]
fn lines_may_be_typed() {
    let sum = call(r#""method":"sum","params":[1,2],"id":1"#);
    let three = "{\"jsonrpc\":\"2.0\",\"result\":3,\"id\":1}\n";
    assert_eq!(converse(&[format!("\n \r\n{sum}\r\n\n").as_bytes()]).0, three);
    assert_eq!(
        converse(&[format!(" {sum} \t").as_bytes()]).0,
        three,
        "a last line without its end"
    );
    assert_answers("not\u{7f}json", &[parse_error()]);
    assert_eq!(answers(&converse(&[b"\"\xff\"\n"]).0), [parse_error()]);
}

#[test]
fn no_depth_is_too_deep() {
    let deep = "[".repeat(200_000);
    let ends = "]".repeat(200_000);
    let limits = Limits { body_bytes: 1 << 20 };
    for (line, expected) in [
        (deep.clone(), "Parse error"),
        (format!("{}1", r#"{"a":"#.repeat(100_000)), "Parse error"),
        (format!("{deep}{ends}"), "Invalid Request"),
        (call(&format!(r#""method":"echo","id":1,"params":{deep}{ends}"#)), ends.as_str()),
        (call(&format!(r#""method":"sum","id":1,"params":{deep}{ends}"#)), "Invalid params"),
        (call(&format!(r#""method":"sum","id":1,"more":{deep}{ends}"#)), r#""result":0"#),
    ] {
        let (mut session, mut output) = (Rpc::new(&limits), Vec::new());
        session.receive(line.as_bytes(), &mut output);
        session.receive(b"\n", &mut output);
        let output = String::from_utf8(output).unwrap();
        assert!(output.contains(expected), "{}", &output[..output.len().min(200)]);
        assert_eq!((output.lines().count(), session.phase()), (1, Phase::Reading));
    }
}

#[test]
fn answers_come_in_the_order_of_completions() {
    let (mut session, mut output) = (session(), Vec::new());
    for ms in 0..3 {
        let line = call(&format!(r#""method":"sleep","params":[{ms}],"id":{ms}"#));
        session.receive(line.as_bytes(), &mut output);
        session.receive(b"\n", &mut output);
    }
    session.receive((call(r#""method":"echo","id":"first""#) + "\n").as_bytes(), &mut output);
    let jobs: Vec<Job> = std::iter::from_fn(|| session.next_job()).collect();
    assert_eq!(jobs.len(), 3, "all jobs that there are");
    assert_eq!(jobs[2].work, Work::Block(Duration::from_millis(2)));
    assert_eq!(session.phase(), Phase::Reading, "there is room for more");
    session.end(End::Peer, &mut output);
    assert_eq!(session.phase(), Phase::Working, "the end does not cut what was asked before it");
    for at in [2, 0, 1] {
        assert_eq!(session.phase(), Phase::Working);
        session.complete(outcome(jobs[at]), &mut output);
    }
    let ids: Vec<Value> =
        answers(&String::from_utf8(output).unwrap()).iter().map(|it| it["id"].clone()).collect();
    assert_eq!(ids, [json!("first"), json!(2), json!(0), json!(1)]);
    assert_eq!((session.phase(), session.answered()), (Phase::Finished, 4));
}

#[test]
fn a_batch_is_answered_once_all_of_it_is_done() {
    let (mut session, mut output) = (session(), Vec::new());
    let calls = [
        call(r#""method":"sleep","params":[1],"id":1"#),
        call(r#""method":"echo","id":2"#),
        call(r#""method":"sleep","params":[3]"#),
        call(r#""method":"panic","id":4"#),
        call(r#""method":"cpu","params":[5],"id":5"#),
    ];
    session.receive(format!("[{}]\n", calls.join(",")).as_bytes(), &mut output);
    let jobs: Vec<Job> = std::iter::from_fn(|| session.next_job()).collect();
    assert_eq!(jobs.len(), 4, "a notification's work is done");
    for (left, job) in jobs.into_iter().enumerate().rev() {
        assert!(output.is_empty(), "{left} of its jobs are under way");
        let overloaded = Done { id: job.id, outcome: Err(Failed::Overloaded) };
        session.complete(if left == 3 { overloaded } else { outcome(job) }, &mut output);
    }
    let expected = json!([
        result(1, 1),
        result((), 2),
        error(-32603, "Internal error", 4),
        error(-32000, "too busy", 5),
    ]);
    let output = String::from_utf8(output).unwrap();
    assert_eq!(answers(&output), [sorted(expected)]);
    assert_eq!((session.phase(), session.answered()), (Phase::Reading, 5));

    // All of its calls are notifications: their work is done, and nothing said.
    let (mut session, mut output) = (self::session(), Vec::new());
    let quiet = call(r#""method":"sleep","params":[1]"#);
    session.receive(format!("[{quiet},{quiet}]\n").as_bytes(), &mut output);
    run_all(&mut session, &mut output);
    assert_eq!((output.len(), session.answered()), (0, 2));
}

#[test]
fn more_calls_than_there_is_room_for_wait_unread() {
    let limits = Limits { body_bytes: 1 << 20 };
    let (mut session, mut output) = (Rpc::new(&limits), Vec::new());
    let (more, mut jobs) = (10, Vec::new());
    for id in 0..CALLS_MAX + more {
        let line = call(&format!(r#""method":"sleep","params":[1],"id":{id}"#)) + "\n";
        session.receive(line.as_bytes(), &mut output);
        assert_eq!(session.phase(), Phase::Working, "it has a job to give");
        jobs.extend(session.next_job());
        let expected = if id + 1 < CALLS_MAX { Phase::Reading } else { Phase::Working };
        assert_eq!(session.phase(), expected, "after {id}");
    }
    session.end(End::Peer, &mut output);
    assert_eq!((jobs.len(), session.next_job()), (CALLS_MAX, None));
    session.complete(outcome(jobs.remove(7)), &mut output);
    jobs.extend(session.next_job());
    assert_eq!((jobs.len(), session.next_job()), (CALLS_MAX, None), "one back is room for one");
    while let Some(job) = jobs.pop() {
        assert_eq!(session.phase(), Phase::Working);
        session.complete(outcome(job), &mut output);
        jobs.extend(session.next_job());
    }
    assert_over(&session);
    assert_eq!(session.answered(), (CALLS_MAX + more) as u64);
}

/// Otherwise a thousand long ids, or batches, could be had a session to keep.
#[test]
fn lines_under_way_are_bounded_in_bytes() {
    let (mut session, mut output) = (session(), Vec::new());
    let line = call(&format!(r#""method":"sleep","params":[1],"id":"{}""#, "x".repeat(400))) + "\n";
    session.receive(line.repeat(5).as_bytes(), &mut output);
    let jobs: Vec<Job> = std::iter::from_fn(|| session.next_job()).collect();
    assert_eq!((jobs.len(), session.phase()), (3, Phase::Working));
    session.complete(outcome(jobs[0]), &mut output);
    session.complete(outcome(jobs[1]), &mut output);
    assert_eq!(std::iter::from_fn(|| session.next_job()).count(), 2);
}

#[test]
fn a_line_that_is_too_long_is_refused_and_what_is_under_way_answered() {
    for end in ["", "\n"] {
        let (mut session, mut output) = (session(), Vec::new());
        session.receive(
            (call(r#""method":"cpu","params":[1],"id":1"#) + "\n").as_bytes(),
            &mut output,
        );
        session.receive(" ".repeat(LINE_BYTES_MAX).as_bytes(), &mut output);
        assert!(output.is_empty());
        session.receive(format!(" {end}").as_bytes(), &mut output);
        let refusal: Value = serde_json::from_slice(&output).unwrap();
        assert_eq!((&refusal["error"]["code"], &refusal["id"]), (&json!(-32600), &Value::Null));
        assert_eq!(session.phase(), Phase::Working);
        run_all(&mut session, &mut output);
        assert_eq!(session.phase(), Phase::Refused);
        session.receive(b"[]\n", &mut output);
        session.end(End::Peer, &mut output);
        assert_over(&session);
        let last = String::from_utf8(output).unwrap();
        assert_eq!(answers(&last)[1..], [result(1, 1)]);
    }
    assert_answers(&" ".repeat(LINE_BYTES_MAX), &[]);
}

#[test]
fn a_batch_of_too_many_calls_is_refused_and_the_connection_kept() {
    let limits = Limits { body_bytes: 1 << 20 };
    for (calls, expected) in [(1024, 1024), (1025, 1)] {
        let (mut session, mut output) = (Rpc::new(&limits), Vec::new());
        session.receive(format!("[{}1]\n", "1,".repeat(calls - 1)).as_bytes(), &mut output);
        let text = String::from_utf8(output).unwrap();
        assert_eq!(text.matches("Invalid Request").count(), expected);
        assert_eq!(session.phase(), Phase::Reading);
    }
}

#[test]
fn a_line_cut_short_is_told_why() {
    for (end, why) in [(End::Idle, "took too long"), (End::Stop, "is stopping")] {
        let (mut session, mut output) = (session(), Vec::new());
        session.receive(b"{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"id\":1}", &mut output);
        session.end(end, &mut output);
        assert!(String::from_utf8(output).unwrap().contains(why));
        assert_eq!(session.phase(), Phase::Refused);
        let mut quiet = self::session();
        quiet.end(end, &mut Vec::new());
        assert_eq!(quiet.phase(), Phase::Finished);
    }
}

/// Lines of every kind.
const SESSION: &str = "{\"jsonrpc\":\"2.0\",\"method\":\"sum\",\"params\":[1,2],\"id\":1}\n\r\n\
    {\"jsonrpc\":\"2.0\",\"method\":\"sleep\",\"params\":{\"ms\":2},\"id\":\"two\"}\r\n\
    [{\"jsonrpc\":\"2.0\",\"method\":\"cpu\",\"params\":[3],\"id\":3},1,\
    {\"jsonrpc\":\"2.0\",\"method\":\"panic\",\"id\":\"four\"},{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"id\":5}]\n\
    {\"jsonrpc\":\"2.0\",\"method\":\"update\"}\nnonsense\n[{\"jsonrpc\":\"2.0\",\"method\":\"cpu\",\"params\":[6]}]\n\
    {\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"params\":[\"\u{e9}\\n\"],\"id\":null}\n\
    {\"jsonrpc\":\"2.0\",\"method\":\"cpu\",\"params\":[7],\"id\":7}";

#[test]
fn a_session_split_in_two_at_every_byte_is_the_same_session() {
    let expected = answers(&converse(&[SESSION.as_bytes()]).0);
    assert_eq!(expected.len(), 6);
    for at in 0..=SESSION.len() {
        let (left, right) = SESSION.as_bytes().split_at(at);
        let mut found = answers(&converse(&[left, right]).0);
        let mut expected = expected.clone();
        // With jobs run between the pieces the order is another.
        found.sort_by_key(Value::to_string);
        expected.sort_by_key(Value::to_string);
        assert_eq!(found, expected, "split at {at}");
    }
}

proptest! {
    #[test]
    fn any_split_and_any_order_gives_the_same_answers(
        cuts in prop::collection::vec(0..SESSION.len(), 0..12),
        choices in prop::collection::vec(any::<prop::sample::Index>(), 32),
    ) {
        let mut cuts = cuts;
        cuts.extend([0, SESSION.len()]);
        cuts.sort_unstable();
        let (mut session, mut output) = (session(), Vec::new());
        let (mut jobs, mut choices) = (Vec::new(), choices.into_iter());
        let mut complete_one = |session: &mut Rpc, jobs: &mut Vec<Job>, output: &mut Vec<u8>| {
            jobs.extend(std::iter::from_fn(|| session.next_job()));
            if !jobs.is_empty() {
                let at = choices.next().map_or(0, |choice| choice.index(jobs.len()));
                session.complete(outcome(jobs.swap_remove(at)), output);
            }
        };
        for pair in cuts.windows(2) {
            session.receive(&SESSION.as_bytes()[pair[0]..pair[1]], &mut output);
            complete_one(&mut session, &mut jobs, &mut output);
        }
        session.end(End::Peer, &mut output);
        while session.phase() == Phase::Working {
            complete_one(&mut session, &mut jobs, &mut output);
        }
        assert_over(&session);
        let mut found = answers(&String::from_utf8(output).unwrap());
        let mut expected = answers(&converse(&[SESSION.as_bytes()]).0);
        found.sort_by_key(Value::to_string);
        expected.sort_by_key(Value::to_string);
        prop_assert_eq!(found, expected);
        prop_assert_eq!(session.answered(), 11);
    }

    #[test]
    fn no_bytes_panic_or_hang_a_session(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        converse(&[&bytes]);
    }

    #[test]
    fn nothing_like_json_panics_or_hangs_a_session(text in r#"([\[\]{}:,"\\ 0-9eE.\-n\n]|"id"|"jsonrpc":"2.0"|"method":"(sum|echo|sleep)"|"params":|null){0,60}"#) {
        answers(&converse(&[text.as_bytes()]).0);
    }

    #[test]
    fn damaged_lines_end_cleanly(at in 0..SESSION.len(), byte in any::<u8>()) {
        let mut damaged = SESSION.as_bytes().to_vec();
        damaged[at] = byte;
        answers(&converse(&[&damaged]).0);
    }
}
