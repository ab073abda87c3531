//! JSON-RPC: answers by id, in whatever order they come.

mod common;

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    num::NonZeroU32,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use common::{plan, run, serve};
use load::{Kind, Plan, Report, Request};
use serde_json::{Value, json};

fn call(method: &str, params: &Value) -> Request {
    let params = Some(params.clone());
    Request::new(Kind::Rpc { method: method.to_owned(), params, expect: None })
}

fn calling(
    requests: Vec<Request>,
    in_flight: u32,
    handle: impl Fn(usize, TcpStream) + Clone + Send + 'static,
) -> Report {
    let plan = plan(serve(handle), 3);
    run(&Plan { requests, in_flight: NonZeroU32::new(in_flight).unwrap(), ..plan })
}

/// The next call of a connection.
fn read(lines: &mut impl BufRead) -> Option<Value> {
    let mut line = String::new();
    lines.read_line(&mut line).ok().filter(|&bytes| bytes > 0)?;
    let call: Value = serde_json::from_str(&line).expect("calls are JSON, a line each");
    assert_eq!(call["jsonrpc"], "2.0");
    Some(call)
}

fn result(call: &Value) -> Value {
    match call["method"].as_str() {
        Some("sum") => {
            json!(call["params"].as_array().unwrap().iter().filter_map(Value::as_i64).sum::<i64>())
        }
        Some("sleep") => {
            thread::sleep(Duration::from_millis(call["params"]["ms"].as_u64().unwrap()));
            Value::Null
        }
        _ => call["params"].clone(),
    }
}

fn answer(call: &Value) -> String {
    format!("{{\"jsonrpc\":\"2.0\",\"result\":{},\"id\":{}}}\n", result(call), call["id"])
}

/// Answers so many calls at a time, the last one first, in pieces of so many bytes.
fn backwards(count: usize, piece: usize) -> impl Fn(usize, TcpStream) + Clone + Send + 'static {
    move |_, mut stream| {
        let mut lines = BufReader::new(stream.try_clone().unwrap());
        loop {
            let mut answers = Vec::new();
            while answers.len() < count {
                let Some(call) = read(&mut lines) else { return };
                answers.push(answer(&call));
            }
            answers.reverse();
            for piece in answers.concat().as_bytes().chunks(piece) {
                if stream.write_all(piece).is_err() {
                    return;
                }
            }
        }
    }
}

/// Answers each call with what `line` makes of it.
fn answering(
    line: impl Fn(usize, &Value) -> String + Clone + Send + 'static,
) -> impl Fn(usize, TcpStream) + Clone + Send + 'static {
    move |_, mut stream| {
        let mut lines = BufReader::new(stream.try_clone().unwrap());
        for number in 0.. {
            let Some(call) = read(&mut lines) else { return };
            if stream.write_all(line(number, &call).as_bytes()).is_err() {
                return;
            }
        }
    }
}

#[test]
fn answers_may_come_in_any_order_and_in_pieces() {
    let mut calls = vec![
        call("echo", &json!({"text": "a line\nof two", "list": [1, null, 2.5]})),
        call("sum", &json!([1, 2, 3])),
        call("nothing", &json!([])),
    ];
    let Kind::Rpc { expect, .. } = &mut calls[1].kind else { panic!() };
    *expect = Some(json!(6));
    for piece in [7, 1000] {
        let report = calling(calls.clone(), 5, backwards(5, piece));
        assert_eq!(report.errors.total(), 0, "{:?}", report.errors);
        assert!(report.served == 3 && report.answered > 50, "{} answers", report.answered);
        // At the end some may wait for others that do not come any more; a few of
        // those may have been sent when the window was just over.
        assert!(report.censored <= 3 * 4, "{} censored", report.censored);
        assert!(report.latency.samples + report.censored >= report.sent);
    }
}

#[test]
fn the_spelling_of_an_answer_is_the_servers_affair() {
    let spelled = answering(|_, call| {
        let (result, id) = (result(call), &call["id"]);
        format!("{{ \"id\": {id}, \"result\": {result}, \"extra\": 1, \"jsonrpc\": \"2.0\"}}\r\n")
    });
    let report = calling(vec![call("echo", &json!([1, {"b": 1, "a": 2}]))], 2, spelled);
    assert_eq!((report.served, report.errors.total()), (3, 0), "{:?}", report.errors);
}

#[test]
fn ids_are_numbers_that_no_other_call_has() {
    let seen = Arc::<Mutex<Vec<u64>>>::default();
    let notes = Arc::clone(&seen);
    let noting = answering(move |_, call| {
        notes.lock().unwrap().push(call["id"].as_u64().unwrap());
        answer(call)
    });
    let report = calling(vec![call("echo", &json!([1]))], 4, noting);
    assert_eq!((report.served, report.errors.total()), (3, 0), "{:?}", report.errors);
    let mut ids = seen.lock().unwrap().clone();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all);
}

#[test]
fn wrong_answers_are_told_apart() {
    type Line = fn(usize, &Value) -> String;
    type Count = fn(&Report) -> u64;
    let cases: [(Line, Count, &str); 6] = [
        (|_, call| answer(call).repeat(2), |report| report.errors.protocol, "answered twice"),
        (
            |_, call| answer(&json!({"params": [1], "id": call["id"].as_u64().unwrap() + 500})),
            |report| report.errors.protocol,
            "was never asked for",
        ),
        (
            |number, call| {
                let answer = answer(call);
                if number == 3 { answer.replace("[1]", "[2]") } else { answer }
            },
            |report| report.errors.mismatch,
            "not the expected",
        ),
        (
            |_, call| {
                let id = &call["id"];
                let error = json!({"code": -32601, "message": "no such method"});
                format!("{{\"jsonrpc\":\"2.0\",\"error\":{error},\"id\":{id}}}\n")
            },
            |report| report.errors.bad_status,
            "no such method",
        ),
        (|_, call| answer(call).replace("2.0", "1.0"), |report| report.errors.protocol, "jsonrpc"),
        (|_, _| "pardon?\n".to_owned(), |report| report.errors.protocol, "pardon?"),
    ];
    for (line, counted, text) in cases {
        // Two more in flight than are answered twice, so that an answer is owed then.
        let report = calling(vec![call("echo", &json!([1]))], 4, answering(line));
        assert_eq!((counted(&report), report.errors.total()), (3, 3), "{:?}", report.errors);
        assert!(report.errors.first[0].contains(text), "{:?}", report.errors.first);
    }
}

#[test]
fn calls_that_are_not_answered_are_censored() {
    // The third call of each connection, and no other.
    let forgetful =
        answering(|number, call| if number == 2 { String::new() } else { answer(call) });
    let report = calling(vec![call("echo", &json!([1]))], 4, forgetful);
    assert_eq!((report.served, report.censored, report.errors.total()), (3, 3, 0));
    assert!(report.answered > 50, "{} answers", report.answered);
}

#[test]
fn a_slow_call_holds_up_nobody_who_does_not_wait_for_it() {
    // Each call has a thread of its own.
    let concurrent = |_, stream: TcpStream| {
        let mut lines = BufReader::new(stream.try_clone().unwrap());
        let writer = Arc::new(Mutex::new(stream));
        while let Some(call) = read(&mut lines) {
            let writer = Arc::clone(&writer);
            thread::spawn(move || {
                let answer = answer(&call);
                let _ = writer.lock().unwrap().write_all(answer.as_bytes());
            });
        }
    };
    let mut calls = vec![call("echo", &json!([1])), call("sleep", &json!({"ms": 60}))];
    (calls[0].weight, calls[1].weight, calls[1].slow) = (9, 1, true);
    let report = calling(calls, 8, concurrent);
    assert_eq!(report.errors.total(), 0, "{:?}", report.errors);
    let slow = report.latency_slow.unwrap();
    assert!(slow.samples > 5 && slow.mean_us > 60_000.0, "{slow:?}");
    // In order, most would wait for the slow ones.
    assert!(report.latency.mean_us < 30_000.0, "{:?}", report.latency);
}
