//! JSON-RPC: one line with a batch of very many calls. It is refused, at little cost and
//! with a reason, or answered to the last call.

use serde_json::{Value, json};

use crate::{
    amount,
    client::Client,
    model::{Model, for_every_model},
    server::Server,
};

for_every_model!(
    a_batch_of_too_many_calls_is_refused_and_the_connection_kept,
    the_largest_batch_is_answered,
);

/// The most that a batch may have.
const CALLS_MAX: usize = 1024;
const GROWTH_MAX: usize = 16 << 20;

fn batch(count: usize, method: &str, params: &Value) -> String {
    let call = |id| json!({"jsonrpc": "2.0", "method": method, "params": params, "id": id});
    json!((0..count).map(call).collect::<Vec<_>>()).to_string() + "\n"
}

/// The next line.
fn answer(client: &Client) -> Value {
    let mut line = client.receive(1);
    while !line.ends_with(b"\n") {
        line.extend(client.receive(1));
    }
    serde_json::from_slice(&line).expect("a line of JSON")
}

fn a_batch_of_too_many_calls_is_refused_and_the_connection_kept(model: Model) {
    let server = Server::start(model, "rpc", &["--workers", "4"]);
    let client = server.connect();
    client.send(batch(1, "sum", &json!([1, 2])));
    assert_eq!(answer(&client)[0]["result"], 3);
    let before = server.memory_peak();
    let line = batch(amount(2000, 100_000), "sum", &json!([1, 2]));
    client.send(&line);
    let refusal = answer(&client);
    assert_eq!(refusal["error"]["code"], -32600, "{refusal}");
    assert!(refusal.to_string().contains(&CALLS_MAX.to_string()), "{refusal}");
    let growth = server.memory_peak() - before;
    assert!(growth < GROWTH_MAX + 2 * line.len(), "{growth} bytes more");
    client.send(batch(1, "sum", &json!([1, 2])));
    assert_eq!(answer(&client)[0]["result"], 3);
    drop(client);
    server.stop_well();
}

/// With calls that whoever works has to run.
fn the_largest_batch_is_answered(model: Model) {
    let server = Server::start(model, "rpc", &["--workers", "4"]);
    let client = server.connect();
    for _ in 0..amount(1, 100) {
        client.send(batch(CALLS_MAX, "cpu", &json!([1])));
        let Value::Array(answers) = answer(&client) else { panic!("no batch") };
        assert!(answers.iter().all(|answer| answer["result"] == 1), "{answers:?}");
        let id = |answer: &Value| answer["id"].as_u64().expect("an id of ours");
        let mut ids: Vec<u64> = answers.iter().map(id).collect();
        ids.sort_unstable();
        assert!(ids.into_iter().eq(0..CALLS_MAX as u64), "each is answered once");
    }
    drop(client);
    server.stop_well();
}
