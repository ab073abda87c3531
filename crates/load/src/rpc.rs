//! JSON-RPC 2.0, a line each: calls whose answers come in any order.
//!
//! An answer that is, up to its id, byte for byte what was expected or was found
//! right before is right. Every other is parsed, and its value compared. So the
//! usual answer costs a comparison, and the order of members is the server's affair.

use serde::Deserialize;
use serde_json::Value;

use crate::{
    fault::{Cause, Fault},
    pattern::shown,
};

/// Ids of neighbouring connections are so far apart: an answer that goes to the
/// wrong one is nobody's there. A prime, and below 2^53 for every connection.
const IDS_APART: u64 = 100_003;

/// Longest part of an error object that is shown.
const SHOWN: usize = 200;

/// A line of which nothing is known beforehand may be so long: it is kept until it ends.
const LONGEST_UNKNOWN: usize = 1 << 20;

/// And one whose result is known, beyond the longest way to write that: a byte may
/// be written as `\u0041`.
const ROOM: usize = 64 << 10;
const WRITTEN_AS: usize = 6;

/// What the results of one kind of call must be.
#[derive(Debug)]
pub(crate) struct Call {
    /// Unknown until the first answer says it.
    expected: Option<Value>,
    /// A right answer up to its id.
    before_id: Vec<u8>,
}

impl Call {
    /// The id of a connection's `sequence`-th call.
    #[inline]
    pub(crate) fn id(connection: u32, sequence: u32) -> u64 {
        u64::from(connection) * IDS_APART + u64::from(sequence)
    }

    /// What is sent, up to the id.
    pub(crate) fn head(method: &str, params: Option<&Value>) -> Vec<u8> {
        let method = Value::from(method);
        let params = params.map(|params| format!(r#""params":{params},"#)).unwrap_or_default();
        format!(r#"{{"jsonrpc":"2.0","method":{method},{params}"id":"#).into_bytes()
    }

    pub(crate) fn expecting(expected: Option<Value>) -> Self {
        let canonical = |result: &Value| format!(r#"{{"jsonrpc":"2.0","result":{result},"id":"#);
        let before_id = expected.as_ref().map(canonical).unwrap_or_default();
        Self { expected, before_id: before_id.into_bytes() }
    }

    /// The longest that a right answer can be.
    pub(crate) fn longest(&self) -> usize {
        match &self.expected {
            Some(value) => WRITTEN_AS * value.to_string().len() + ROOM,
            None => LONGEST_UNKNOWN,
        }
    }

    /// Whether an answer is, up to its id, as another that was right.
    #[inline]
    pub(crate) fn is_as_before(&self, before_id: &[u8]) -> bool {
        self.before_id == before_id
    }

    /// Keeps the bytes of an answer that was found right.
    pub(crate) fn learn(&mut self, before_id: &[u8]) {
        before_id.clone_into(&mut self.before_id);
    }

    /// Holds a parsed answer to what is expected; the first sets the rule, if none is set.
    pub(crate) fn check(&mut self, reply: Reply) -> Result<(), Fault> {
        let result = reply.result.unwrap_or_default();
        let expected = self.expected.get_or_insert_with(|| result.clone());
        if *expected == result {
            return Ok(());
        }
        let expected = shown(expected.to_string().as_bytes());
        let text = format!("the result is not the expected {expected}");
        Err(Fault::new(Cause::Mismatch, text))
    }

    /// What all results were, if known.
    pub(crate) fn learned(self) -> Option<Vec<u8>> {
        self.expected.map(|value| value.to_string().into_bytes())
    }
}

/// An answer, parsed.
#[derive(Debug, Deserialize)]
pub(crate) struct Reply {
    jsonrpc: String,
    #[serde(default)]
    id: Value,
    #[serde(default, deserialize_with = "present")]
    result: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    error: Option<Value>,
}

/// The beginning of a text: all of it, mostly.
fn first(text: &str) -> String {
    let more = if text.chars().nth(SHOWN).is_some() { "…" } else { "" };
    text.chars().take(SHOWN).chain(more.chars()).collect()
}

/// A member that is null is there.
fn present<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(from).map(Some)
}

impl Reply {
    /// Parses a line, which must hold a result.
    pub(crate) fn parse(line: &[u8]) -> Result<Self, Fault> {
        let broken = |why: &str| {
            Fault::new(Cause::Protocol, format!("{why}; the line came as {}", shown(line)))
        };
        let reply: Self = serde_json::from_slice(line)
            .map_err(|why| broken(&format!("no JSON-RPC answer: {why}")))?;
        if reply.jsonrpc != "2.0" {
            return Err(broken("jsonrpc is not \"2.0\""));
        }
        match (&reply.result, &reply.error) {
            (Some(_), None) => Ok(reply),
            (None, Some(error)) => {
                let error = first(&error.to_string());
                let text = format!(
                    "call {} was answered with the error {error}",
                    first(&reply.id.to_string())
                );
                Err(Fault::new(Cause::BadStatus, text))
            }
            (Some(_), Some(_)) => Err(broken("both a result and an error")),
            (None, None) => Err(broken("neither a result nor an error")),
        }
    }

    /// Its id, which must be a whole number.
    pub(crate) fn id(&self) -> Result<u64, Fault> {
        let id = &self.id;
        id.as_u64().ok_or_else(|| {
            let id = first(&id.to_string());
            Fault::new(Cause::Protocol, format!("the id {id} is none that was asked for"))
        })
    }
}

/// The id with which a line ends as in `…,"id":7}`, and what is before its digits.
#[inline]
pub(crate) fn id_at_the_end(line: &[u8]) -> Option<(u64, &[u8])> {
    let line = line.strip_suffix(b"\r").unwrap_or(line).strip_suffix(b"}")?;
    let digits = line.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let (before, digits) = line.split_at(line.len() - digits);
    // More digits would be no id of ours, and a leading zero no JSON.
    if !(1..=18).contains(&digits.len()) || (digits[0] == b'0' && digits.len() > 1) {
        return None;
    }
    let id = digits.iter().fold(0, |id, digit| id * 10 + u64::from(digit - b'0'));
    before.ends_with(b"\"id\":").then_some((id, before))
}

/// The end of a call, rendered where it is used: its id and what closes it.
#[derive(Debug)]
pub(crate) struct Tail {
    bytes: [u8; 22],
    from: usize,
}

impl Tail {
    #[inline]
    pub(crate) fn of(mut id: u64) -> Self {
        let mut bytes = [b'0'; 22];
        [bytes[20], bytes[21]] = [b'}', b'\n'];
        let mut from = 19;
        loop {
            bytes[from] = b'0' + u8::try_from(id % 10).unwrap_or(0); // Below ten: always fits.
            id /= 10;
            if id == 0 {
                return Self { bytes, from };
            }
            from -= 1;
        }
    }

    #[inline]
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[self.from..]
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(call: &mut Call, line: &str) -> Result<(), Fault> {
        call.check(Reply::parse(line.as_bytes())?)
    }

    #[test]
    fn a_tail_is_its_id() {
        for id in [0, 7, 10, 99, 100_003, u64::MAX] {
            assert_eq!(Tail::of(id).as_bytes(), format!("{id}}}\n").as_bytes());
        }
    }

    #[test]
    fn a_head_is_a_call_without_its_id() {
        let of = |params| String::from_utf8(Call::head("a\"b", params)).unwrap();
        assert_eq!(of(None), r#"{"jsonrpc":"2.0","method":"a\"b","id":"#);
        let params = json!({"ms": 20});
        assert_eq!(
            of(Some(&params)),
            r#"{"jsonrpc":"2.0","method":"a\"b","params":{"ms":20},"id":"#
        );
    }

    #[test]
    fn an_id_is_found_only_as_the_last_member() {
        let found = |line: &'static str| id_at_the_end(line.as_bytes());
        let before: &[u8] = br#"{"result":1,"id":"#;
        assert_eq!(found(r#"{"result":1,"id":7}"#), Some((7, before)));
        assert_eq!(found("{\"result\":1,\"id\":70}\r"), Some((70, before)));
        assert_eq!(found(r#"{"result":1,"id":0}"#), Some((0, before)));
        for line in [
            "",
            "}",
            r#"{"id":7,"result":1}"#,
            r#"{"result":1,"id":07}"#,
            r#"{"result":1,"id":-7}"#,
            r#"{"result":1,"id":7} "#,
            r#"{"result":1,"id":1234567890123456789}"#,
        ] {
            assert_eq!(found(line), None, "{line}");
        }
    }

    #[test]
    fn the_order_of_members_and_their_spacing_do_not_matter() {
        let mut call = Call::expecting(Some(json!({"a": 1, "b": [true, null]})));
        assert!(call.is_as_before(br#"{"jsonrpc":"2.0","result":{"a":1,"b":[true,null]},"id":"#));
        let line = r#"{ "id": 3, "result": {"b": [true, null], "a": 1}, "jsonrpc": "2.0" }"#;
        check(&mut call, line).unwrap();
    }

    #[test]
    fn the_first_result_sets_the_rule_where_none_is_set() {
        let mut call = Call::expecting(None);
        check(&mut call, r#"{"jsonrpc":"2.0","result":null,"id":1}"#).unwrap();
        let fault = check(&mut call, r#"{"jsonrpc":"2.0","result":0,"id":2}"#).unwrap_err();
        assert_eq!(fault.cause, Cause::Mismatch);
        assert_eq!(call.learned().unwrap(), b"null");
    }

    #[test]
    fn faults_are_told_apart() {
        let cause =
            |line: &str| Reply::parse(line.as_bytes()).and_then(|one| one.id()).unwrap_err();
        for (line, expected, text) in [
            ("nonsense", Cause::Protocol, "nonsense"),
            ("[]", Cause::Protocol, "no JSON-RPC"),
            ("{}", Cause::Protocol, "no JSON-RPC"),
            (r#"{"result":1,"id":1}"#, Cause::Protocol, "jsonrpc"),
            (r#"{"jsonrpc":"1.0","result":1,"id":1}"#, Cause::Protocol, "jsonrpc"),
            (r#"{"jsonrpc":"2.0","id":1}"#, Cause::Protocol, "neither"),
            (r#"{"jsonrpc":"2.0","result":1,"error":{},"id":1}"#, Cause::Protocol, "both"),
            (r#"{"jsonrpc":"2.0","result":1}"#, Cause::Protocol, "id null"),
            (r#"{"jsonrpc":"2.0","result":1,"id":"1"}"#, Cause::Protocol, "id \"1\""),
            (r#"{"jsonrpc":"2.0","result":1,"id":1,"id":2}"#, Cause::Protocol, "duplicate"),
            (
                r#"{"jsonrpc":"2.0","error":{"code":-32601},"id":4}"#,
                Cause::BadStatus,
                "call 4 was answered with the error {\"code\":-32601}",
            ),
        ] {
            let fault = cause(line);
            assert_eq!(fault.cause, expected, "{line}");
            assert!(fault.text.contains(text), "{line}: {}", fault.text);
        }
    }
}
