//! From a line to the calls that it makes.
//!
//! What is only handed on, ids and params, stays the text that it came as: so it
//! goes back as it came, and no list or depth of it costs more than its bytes.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use super::answer::Fault;

/// The most calls of a batch: the shortest things that are none take two bytes
/// each, and forty times as many to be told so.
const BATCH_CALLS_MAX: usize = 1024;

/// What a line asks for.
#[derive(Debug)]
pub(super) enum Asked<'a> {
    One(Result<Call<'a>, Malformed<'a>>),
    Batch(Batch<'a>),
}

/// A call.
#[derive(Debug)]
pub(super) struct Call<'a> {
    /// As it came; `None` if nobody waits for the answer.
    pub(super) id: Option<&'a str>,
    pub(super) method: Cow<'a, str>,
    /// As they came: an array or an object.
    pub(super) params: Option<&'a str>,
}

/// What stands where a call should be.
#[derive(Debug)]
pub(super) struct Malformed<'a> {
    /// Its id, or `null` if it has none that may be one.
    pub(super) id: &'a str,
}

/// Several calls of a line; at least one.
#[derive(Debug)]
pub(super) struct Batch<'a>(Vec<&'a RawValue>);

impl<'a> Batch<'a> {
    pub(super) fn calls(self) -> impl Iterator<Item = Result<Call<'a>, Malformed<'a>>> {
        self.0.into_iter().map(call)
    }
}

/// Parses a line, without its line end.
pub(super) fn parse(line: &[u8]) -> Result<Asked<'_>, Fault> {
    let text = str::from_utf8(line).map_err(|_| Fault::PARSE)?;
    let json: &RawValue = serde_json::from_str(text).map_err(|_| Fault::PARSE)?;
    if !json.get().starts_with('[') {
        return Ok(Asked::One(call(json)));
    }
    match serde_json::from_str::<Batch>(json.get()) {
        Ok(Batch(calls)) if calls.is_empty() => Err(Fault::REQUEST),
        Ok(batch) => Ok(Asked::Batch(batch)),
        // It is JSON and an array, so this is the one fault that it can have.
        Err(_) => {
            Err(Fault::REQUEST.because(format!("a batch has at most {BATCH_CALLS_MAX} calls here")))
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Batch<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Calls).map(Self)
    }
}

struct Calls;

impl<'de> Visitor<'de> for Calls {
    type Value = Vec<&'de RawValue>;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("a batch of calls")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Self::Value, A::Error> {
        let mut calls = Vec::new();
        while let Some(call) = sequence.next_element()? {
            if calls.len() == BATCH_CALLS_MAX {
                return Err(A::Error::custom("too many calls"));
            }
            calls.push(call);
        }
        Ok(calls)
    }
}

/// The members of a request object, of whatever type.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Members<'a> {
    #[serde(borrow, deserialize_with = "present")]
    jsonrpc: Option<&'a RawValue>,
    #[serde(borrow, deserialize_with = "present")]
    id: Option<&'a RawValue>,
    #[serde(borrow, deserialize_with = "present")]
    method: Option<&'a RawValue>,
    #[serde(borrow, deserialize_with = "present")]
    params: Option<&'a RawValue>,
}

/// A member that is `null` is there all the same.
fn present<'de: 'a, 'a, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<&'a RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

fn call(json: &RawValue) -> Result<Call<'_>, Malformed<'_>> {
    // An array would do for the members' order; it is no object.
    let members =
        if json.get().starts_with('{') { serde_json::from_str(json.get()).ok() } else { None };
    let Members { jsonrpc, id, method, params } = members.unwrap_or_default();
    let (id, params) = (id.map(RawValue::get), params.map(RawValue::get));
    let is_2_0 = jsonrpc.and_then(string).is_some_and(|version| version == "2.0");
    match method.and_then(string) {
        Some(method) if is_2_0 && id.is_none_or(may_be_id) && params.is_none_or(may_be_params) => {
            Ok(Call { id, method, params })
        }
        _ => Err(Malformed { id: id.filter(|id| may_be_id(id)).unwrap_or("null") }),
    }
}

/// Ids are strings, numbers or `null`.
fn may_be_id(json: &str) -> bool {
    json == "null" || json.starts_with(|first: char| matches!(first, '"' | '-' | '0'..='9'))
}

/// Params are arrays or objects.
fn may_be_params(json: &str) -> bool {
    json.starts_with(['[', '{'])
}

/// The text of a JSON string; nothing, if it is none.
fn string(json: &RawValue) -> Option<Cow<'_, str>> {
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
    serde_json::from_str(json.get()).ok().map(|Text(text)| text)
}
