//! Answers, and how they are written.

use serde_json::Value;

/// Why a call has no result.
#[derive(Debug)]
pub(super) struct Fault {
    code: i32,
    message: &'static str,
    /// What a person wants to know beyond that.
    data: Option<String>,
}

impl Fault {
    /// The line is no JSON text.
    pub(super) const PARSE: Self = Self::new(-32700, "Parse error");
    /// The JSON text is no call.
    pub(super) const REQUEST: Self = Self::new(-32600, "Invalid Request");
    /// There is no such method.
    pub(super) const METHOD: Self = Self::new(-32601, "Method not found");
    /// The method wants others.
    pub(super) const PARAMS: Self = Self::new(-32602, "Invalid params");
    /// The handler has a bug.
    pub(super) const INTERNAL: Self = Self::new(-32603, "Internal error");
    /// Nobody has time for it. The specification leaves this code to servers.
    pub(super) const BUSY: Self = Self::new(-32000, "too busy");

    const fn new(code: i32, message: &'static str) -> Self {
        Self { code, message, data: None }
    }

    pub(super) fn because(self, why: impl Into<String>) -> Self {
        Self { data: Some(why.into()), ..self }
    }
}

/// Appends an answer. `id` and a result are JSON texts.
pub(super) fn write(id: &str, outcome: Result<&str, Fault>, output: &mut Vec<u8>) {
    let mut put = |text: &str| output.extend_from_slice(text.as_bytes());
    put(r#"{"jsonrpc":"2.0","#);
    match outcome {
        Ok(result) => {
            put(r#""result":"#);
            put(result);
        }
        Err(Fault { code, message, data }) => {
            put(r#""error":{"code":"#);
            put(&code.to_string());
            put(r#","message":""#);
            put(message);
            put("\"");
            if let Some(data) = data {
                put(r#","data":"#);
                put(&Value::String(data).to_string());
            }
            put("}");
        }
    }
    put(r#","id":"#);
    put(id);
    put("}");
}
