//! The generator's decoders.

use load::{Errors, Exact, Kind, Method, Plan, Replayed, Request, replay};
use serde_json::json;

use crate::pieces::pieces;

/// Requests whose answers are owed.
const REQUESTS: u32 = 4;

/// The first byte says what was asked, the second where the others are cut, which are
/// the answers. How many are right, and of which kind the fault is that comes then, do
/// not depend on the cuts.
///
/// # Panics
///
/// Where that is not so.
pub fn answers(data: &[u8]) {
    let [plan, cuts, bytes @ ..] = data else { return };
    let plans = plans();
    let plan = &plans[usize::from(*plan) % plans.len()];
    let whole = seen(plan, &[bytes]);
    assert_eq!(whole, seen(plan, &pieces(bytes, *cuts)), "{:?}", plan.requests);
    assert!(whole.answered <= u64::from(REQUESTS) && whole.errors.total() <= 1, "{whole:?}");
}

fn seen(plan: &Plan, pieces: &[&[u8]]) -> Replayed {
    let replayed = replay(plan, REQUESTS, pieces.iter().copied());
    let replayed = replayed.expect("the plans here are right");
    // In words a fault tells of the piece that it came in.
    Replayed { errors: Errors { first: Vec::new(), ..replayed.errors }, ..replayed }
}

/// What is asked.
fn plans() -> Vec<Plan> {
    let http = |method, path: &str, body_bytes, expect_body: Option<&str>| Kind::Http {
        method,
        path: path.to_owned(),
        body_bytes,
        expect_status: 200,
        expect_body: expect_body.map(str::to_owned),
    };
    let rpc = |method: &str, expect| Kind::Rpc {
        method: method.to_owned(),
        params: Some(json!([1, "two"])),
        expect,
    };
    let exact = Exact { send: "get a\r\n".to_owned(), expect: "END\r\n".to_owned() };
    let kinds = [
        Kind::Echo { bytes: 8 },
        http(Method::Get, "/", 0, None),
        http(Method::Get, "/", 0, Some("hello world")),
        http(Method::Post, "/work", 3, None),
        http(Method::Post, "/echo", 5, None),
        Kind::Exact { send: exact.send, expect: exact.expect },
        rpc("echo", None),
        rpc("sum", None),
        rpc("sum", Some(json!({"a": [1, 2.5, null]}))),
    ];
    let plan = |kind| {
        let target = ([127, 0, 0, 1], 1).into();
        Plan { requests: vec![Request::new(kind)], ..Plan::new(target) }
    };
    kinds.into_iter().map(plan).collect()
}
