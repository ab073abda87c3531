//! From a request's head to what it asks for.

use std::time::Duration;

use super::{
    head::Head,
    response::{Response, Status},
};
use crate::Work;

/// What a route does.
#[derive(Debug)]
pub(super) enum Action {
    /// Answers with a text at once.
    Reply(String),
    /// Answers with the request's body.
    Echo,
    /// Answers with a text after some work.
    Work(Work, String),
}

const KNOWN_METHODS: [&str; 9] =
    ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];

/// What `head` asks for, or the refusal that it gets.
pub(super) fn route(head: &Head) -> Result<Action, Response> {
    if !KNOWN_METHODS.contains(&head.method.as_str()) {
        return Err(Response::error(Status::NotImplemented, "this method is unknown here"));
    }
    let (path, query) = head.target.split_once('?').unwrap_or((&head.target, ""));
    match path {
        "/echo" => allow(head, &["POST"])?,
        "/" | "/sleep" | "/cpu" | "/panic" => allow(head, &["GET", "HEAD"])?,
        _ => {
            let text = "there is /, /echo, /sleep?ms=, /cpu?us= and /panic";
            return Err(Response::error(Status::NotFound, text));
        }
    }
    Ok(match path {
        "/echo" => Action::Echo,
        "/sleep" => {
            let ms = parameter(query, "ms", 60_000)?;
            let work = Work::Block(Duration::from_millis(ms.into()));
            Action::Work(work, format!("slept {ms} ms\n"))
        }
        "/cpu" => {
            let units = parameter(query, "us", 10_000_000)?;
            Action::Work(Work::Compute { units }, format!("computed {units} units\n"))
        }
        "/panic" => Action::Work(Work::Panic, String::new()),
        _ => Action::Reply("hello, world\n".to_owned()),
    })
}

fn allow(head: &Head, methods: &[&str]) -> Result<(), Response> {
    if methods.contains(&head.method.as_str()) {
        return Ok(());
    }
    let allowed = methods.join(", ");
    let text = format!("this path takes {allowed}");
    Err(Response::error(Status::MethodNotAllowed, &text).allowing(allowed))
}

/// The whole number that `query` gives for `name`.
fn parameter(query: &str, name: &str, max: u32) -> Result<u32, Response> {
    query
        .split('&')
        .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
        .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|digits| digits.parse().ok())
        .filter(|&value| value <= max)
        .ok_or_else(|| {
            let text = format!("?{name}= wants a whole number from 0 to {max}");
            Response::error(Status::BadRequest, &text)
        })
}
