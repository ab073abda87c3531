//! JSON-RPC: a line is a call or a batch, answered when it is done.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    thread,
};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{
    client::Client,
    model::{Model, for_every_model},
    server::Server,
};

for_every_model!(
    a_line_may_be_typed,
    echo_may_come_in_pieces,
    the_examples_of_the_specification_are_answered,
    two_hundred_pipelined_calls_are_answered_by_id,
    calls_before_a_half_close_are_all_answered,
    calls_before_a_stop_are_all_answered,
    bad_lines_and_panics_leave_the_connection_as_it_was,
    work_that_takes_long_is_no_silence,
    a_line_that_is_too_long_is_refused_readably,
);

/// A connection over which lines are sent, and answers read.
struct RpcClient {
    client: Client,
    reader: BufReader<TcpStream>,
}

impl RpcClient {
    fn connect(server: &Server) -> Self {
        let client = server.connect();
        let reader = BufReader::new(client.stream.try_clone().expect("a descriptor is free"));
        Self { client, reader }
    }

    #[track_caller]
    fn answer(&mut self) -> Value {
        let mut line = String::new();
        self.reader.read_line(&mut line).expect("the server answers");
        assert!(line.ends_with('\n'), "the answer ends within a line: {line:?}");
        serde_json::from_str(&line).expect("an answer is JSON")
    }

    /// Reads so many answers; their results, by id.
    #[track_caller]
    fn results(&mut self, count: usize) -> BTreeMap<u64, Value> {
        let result = |answer: Value| (answer["id"].as_u64(), answer["result"].clone());
        let results: BTreeMap<_, _> = (0..count)
            .map(|_| result(self.answer()))
            .map(|(id, result)| (id.expect("an id of ours"), result))
            .collect();
        assert_eq!(results.len(), count, "no call is answered twice");
        results
    }

    #[track_caller]
    fn assert_end(&mut self) {
        let mut rest = String::new();
        self.reader.read_to_string(&mut rest).expect("the server closes in order");
        assert_eq!(rest, "");
    }
}

/// A call, as a line.
fn call(method: &str, params: &Value, id: u64) -> String {
    json!({"jsonrpc": "2.0", "method": method, "params": params, "id": id}).to_string() + "\n"
}

/// As `printf '…\n' | nc` does it.
fn a_line_may_be_typed(model: Model) {
    let server = Server::start(model, "rpc", &[]);
    for end in ["\n", "\r\n", ""] {
        let client = server.connect();
        client.send(r#"{"jsonrpc":"2.0","method":"sum","params":[1,2],"id":1}"#);
        client.send(end);
        client.finish();
        let answer = client.receive_all();
        assert_eq!(answer, b"{\"jsonrpc\":\"2.0\",\"result\":3,\"id\":1}\n", "after {end:?}");
    }
    assert_eq!(server.stop_well().count("requests"), 3);
}

fn echo_may_come_in_pieces(model: Model) {
    let server = Server::start(model, "rpc", &[]);
    let mut client = RpcClient::connect(&server);
    let params = json!(["in \u{1F9E9}", {"pieces": null}]);
    let line = call("echo", &params, 1);
    for at in 0..=line.len() {
        let (left, right) = line.as_bytes().split_at(at);
        client.client.send(left);
        client.client.send(right);
        assert_eq!(client.answer()["result"], params, "split at {at}");
    }
    for byte in line.as_bytes() {
        client.client.send([*byte]);
    }
    assert_eq!(client.answer()["result"], params);
}

/// Section 7 of the specification: what is sent, and what must come back.
const EXAMPLES: [(&str, &str); 15] = [
    (
        r#"{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}"#,
        r#"{"jsonrpc": "2.0", "result": 19, "id": 1}"#,
    ),
    (
        r#"{"jsonrpc": "2.0", "method": "subtract", "params": [23, 42], "id": 2}"#,
        r#"{"jsonrpc": "2.0", "result": -19, "id": 2}"#,
    ),
    (
        r#"{"jsonrpc": "2.0", "method": "subtract", "params": {"subtrahend": 23, "minuend": 42}, "id": 3}"#,
        r#"{"jsonrpc": "2.0", "result": 19, "id": 3}"#,
    ),
    (
        r#"{"jsonrpc": "2.0", "method": "subtract", "params": {"minuend": 42, "subtrahend": 23}, "id": 4}"#,
        r#"{"jsonrpc": "2.0", "result": 19, "id": 4}"#,
    ),
    (r#"{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}"#, ""),
    (r#"{"jsonrpc": "2.0", "method": "foobar"}"#, ""),
    (
        r#"{"jsonrpc": "2.0", "method": "foobar", "id": "1"}"#,
        r#"{"jsonrpc": "2.0", "error": {"code": -32601, "message": "Method not found"}, "id": "1"}"#,
    ),
    (
        r#"{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]"#,
        r#"{"jsonrpc": "2.0", "error": {"code": -32700, "message": "Parse error"}, "id": null}"#,
    ),
    (
        r#"{"jsonrpc": "2.0", "method": 1, "params": "bar"}"#,
        r#"{"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null}"#,
    ),
    (
        r#"[{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"}, {"jsonrpc": "2.0", "method"]"#,
        r#"{"jsonrpc": "2.0", "error": {"code": -32700, "message": "Parse error"}, "id": null}"#,
    ),
    (
        "[]",
        r#"{"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null}"#,
    ),
    (
        "[1]",
        r#"[{"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null}]"#,
    ),
    (
        "[1,2,3]",
        r#"[{"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null},
            {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null},
            {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null}]"#,
    ),
    (
        r#"[{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"}, {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]}, {"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"}, {"foo": "boo"}, {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"}, {"jsonrpc": "2.0", "method": "get_data", "id": "9"}]"#,
        r#"[{"jsonrpc": "2.0", "result": 7, "id": "1"},
            {"jsonrpc": "2.0", "result": 19, "id": "2"},
            {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null},
            {"jsonrpc": "2.0", "error": {"code": -32601, "message": "Method not found"}, "id": "5"},
            {"jsonrpc": "2.0", "result": ["hello", 5], "id": "9"}]"#,
    ),
    (
        r#"[{"jsonrpc": "2.0", "method": "notify_sum", "params": [1,2,4]}, {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]}]"#,
        "",
    ),
];

fn the_examples_of_the_specification_are_answered(model: Model) {
    let server = Server::start(model, "rpc", &[]);
    let mut client = RpcClient::connect(&server);
    // Nothing of them takes work, so each is answered before the next is begun.
    for (line, expected) in EXAMPLES {
        client.client.send(line);
        client.client.send("\n");
        if !expected.is_empty() {
            let expected = serde_json::from_str(expected).expect("the example is JSON");
            assert_eq!(in_any_order(client.answer()), in_any_order(expected), "{line}");
        }
    }
    client.client.finish();
    client.assert_end();
}

/// A batch may be answered in any order.
fn in_any_order(mut answer: Value) -> Value {
    if let Value::Array(batch) = &mut answer {
        batch.sort_by_key(Value::to_string);
    }
    answer
}

/// Calls of several kinds, as lines, and the result of each.
fn mixed_calls(count: u64) -> (String, BTreeMap<u64, Value>) {
    let (mut lines, mut results) = (String::new(), BTreeMap::new());
    for id in 0..count {
        let (method, params, result) = match id % 4 {
            0 => ("sum", json!([id, 1, 1]), json!(id + 2)),
            1 => ("cpu", json!({"us": 10}), json!(10)),
            2 => ("sleep", json!([0]), json!(0)),
            _ => ("echo", json!({"number": id}), json!({"number": id})),
        };
        lines += &call(method, &params, id);
        results.insert(id, result);
    }
    (lines, results)
}

fn two_hundred_pipelined_calls_are_answered_by_id(model: Model) {
    let server = Server::start(model, "rpc", &["--workers", "2"]);
    let mut client = RpcClient::connect(&server);
    let (lines, expected) = mixed_calls(200);
    client.client.send(lines);
    assert_eq!(client.results(200), expected);
    client.client.send(call("sum", &json!([]), 200));
    assert_eq!(client.results(1)[&200], 0);
    drop(client);
    let report = server.stop_well();
    assert_eq!(report.count("requests"), 201);
    report.assert_adds_up();
}

/// More calls than may be under way, so that some are not begun at the end.
fn calls_before_a_half_close_are_all_answered(model: Model) {
    let server = Server::start(model, "rpc", &["--workers", "2"]);
    let mut client = RpcClient::connect(&server);
    let batch: Vec<Value> = (0..8)
        .map(|id| json!({"jsonrpc": "2.0", "method": "sleep", "params": [5], "id": id}))
        .collect();
    client.client.send(json!(batch).to_string() + "\n");
    let lines: String = (10..1500).map(|id| call("cpu", &json!([1]), id)).collect();
    client.client.send(lines);
    client.client.send(call("echo", &json!([]), 9).trim_end());
    client.client.finish();
    let (mut batches, mut calls) = (0, 0);
    for _ in 0..1492 {
        match client.answer() {
            Value::Array(batch) => batches += batch.len(),
            answer => calls += usize::from(answer["id"].is_u64()),
        }
    }
    assert_eq!((batches, calls), (8, 1491));
    client.assert_end();
}

fn calls_before_a_stop_are_all_answered(model: Model) {
    let server = Server::start(model, "rpc", &["--workers", "2"]);
    let mut client = RpcClient::connect(&server);
    client.client.send(call("sum", &json!([]), 0));
    client.results(1);
    let lines: String = (0..10).map(|id| call("sleep", &json!([20]), id)).collect();
    client.client.send(lines);
    client.client.await_delivery();
    server.signal(Signal::TERM);
    assert_eq!(client.results(10).len(), 10);
    client.assert_end();
    let end = server.wait();
    assert!(end.status.success(), "{}: {}", end.status, end.errors);
}

fn bad_lines_and_panics_leave_the_connection_as_it_was(model: Model) {
    let server = Server::start(model, "rpc", &["--workers", "2"]);
    let mut client = RpcClient::connect(&server);
    for (line, code) in [
        ("{\"jsonrpc\": \"2.0\", \"method\n".to_owned(), -32700),
        ("\u{16}\u{3}\u{1}\n".to_owned(), -32700),
        ("[".repeat(100_000) + "\n", -32700),
        ("GET / HTTP/1.1\r\n".to_owned(), -32700),
        (call("sleep", &json!(["long"]), 1), -32602),
        (call("panic", &json!([]), 1), -32603),
    ] {
        client.client.send(line);
        assert_eq!(client.answer()["error"]["code"], code);
        client.client.send(call("sum", &json!([1, 2]), 2));
        assert_eq!(client.results(1)[&2], 3, "after {code}");
    }
    let end = server.stop();
    assert!(end.status.success(), "{}: {}", end.status, end.errors);
    assert_eq!(end.report.expect("there is a report").count("failed"), 0);
}

/// The client says nothing for longer than the timeout: it waits for answers.
fn work_that_takes_long_is_no_silence(model: Model) {
    let options = ["--workers", "2", "--idle-timeout", "300ms"];
    let server = Server::start(model, "rpc", &options);
    let mut client = RpcClient::connect(&server);
    client.client.send(call("sleep", &json!([700]), 1) + &call("sleep", &json!([100]), 2));
    assert_eq!(client.results(2), [(1, json!(700)), (2, json!(100))].into());
    client.client.send(call("sum", &json!([]), 3));
    assert_eq!(client.results(1)[&3], 0, "it is still served");
    client.assert_end();
}

/// The client sends all of it before it looks for an answer.
fn a_line_that_is_too_long_is_refused_readably(model: Model) {
    let server = Server::start(model, "rpc", &[]);
    let mut client = RpcClient::connect(&server);
    let stream = client.client.stream.try_clone().expect("a descriptor is free");
    thread::scope(|scope| {
        scope.spawn(move || {
            let piece = vec![b'x'; 1 << 20];
            for _ in 0..17 {
                // It may learn from the server's close that nobody wants it.
                if (&stream).write_all(&piece).is_err() {
                    return;
                }
            }
        });
        let refusal = client.answer();
        assert_eq!((&refusal["error"]["code"], &refusal["id"]), (&json!(-32600), &Value::Null));
        client.assert_end();
    });
    drop(client);
    let mut next = RpcClient::connect(&server);
    next.client.send(call("sum", &json!([1]), 1));
    assert_eq!(next.results(1)[&1], 1);
}
