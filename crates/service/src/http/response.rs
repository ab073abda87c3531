//! Answers, and how they are written.

use std::time::Duration;

use super::date;

/// Tells a peer that asked (`Expect: 100-continue`) to send its body.
pub(super) const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// The statuses that this service gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Ok,
    BadRequest,
    NotFound,
    MethodNotAllowed,
    RequestTimeout,
    LengthRequired,
    ContentTooLarge,
    UriTooLong,
    ExpectationFailed,
    FieldsTooLarge,
    InternalError,
    NotImplemented,
    Unavailable,
    VersionNotSupported,
}

impl Status {
    fn line(self) -> &'static str {
        match self {
            Self::Ok => "HTTP/1.1 200 OK\r\n",
            Self::BadRequest => "HTTP/1.1 400 Bad Request\r\n",
            Self::NotFound => "HTTP/1.1 404 Not Found\r\n",
            Self::MethodNotAllowed => "HTTP/1.1 405 Method Not Allowed\r\n",
            Self::RequestTimeout => "HTTP/1.1 408 Request Timeout\r\n",
            Self::LengthRequired => "HTTP/1.1 411 Length Required\r\n",
            Self::ContentTooLarge => "HTTP/1.1 413 Content Too Large\r\n",
            Self::UriTooLong => "HTTP/1.1 414 URI Too Long\r\n",
            Self::ExpectationFailed => "HTTP/1.1 417 Expectation Failed\r\n",
            Self::FieldsTooLarge => "HTTP/1.1 431 Request Header Fields Too Large\r\n",
            Self::InternalError => "HTTP/1.1 500 Internal Server Error\r\n",
            Self::NotImplemented => "HTTP/1.1 501 Not Implemented\r\n",
            Self::Unavailable => "HTTP/1.1 503 Service Unavailable\r\n",
            Self::VersionNotSupported => "HTTP/1.1 505 HTTP Version Not Supported\r\n",
        }
    }
}

/// An answer, ready to be written.
#[derive(Debug)]
pub(super) struct Response {
    status: Status,
    media_type: &'static str,
    body: Vec<u8>,
    allow: Option<String>,
    /// HEAD: the fields of the answer, without its body.
    head_only: bool,
    connection: Connection,
}

/// What the answer says of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Connection {
    /// HTTP/1.1's default: nothing said, it stays open.
    Persistent,
    /// Asked for by an HTTP/1.0 peer, which must be told that it is granted.
    KeepAlive,
    /// It ends after this answer.
    Close,
}

impl Response {
    pub(super) fn text(text: String) -> Self {
        Self {
            status: Status::Ok,
            media_type: "text/plain; charset=utf-8",
            body: text.into_bytes(),
            allow: None,
            head_only: false,
            connection: Connection::Persistent,
        }
    }

    pub(super) fn bytes(body: Vec<u8>) -> Self {
        Self { body, media_type: "application/octet-stream", ..Self::text(String::new()) }
    }

    pub(super) fn error(status: Status, text: &str) -> Self {
        Self { status, ..Self::text(format!("{text}\n")) }
    }

    pub(super) fn allowing(self, methods: String) -> Self {
        Self { allow: Some(methods), ..self }
    }

    /// With or without its body, and with what is said of the connection.
    pub(super) fn suited(self, head_only: bool, connection: Connection) -> Self {
        Self { head_only, connection, ..self }
    }

    /// With or without body as `other` has it.
    pub(super) fn like(self, other: &Self) -> Self {
        Self { head_only: other.head_only, ..self }
    }

    /// As [`Response::like`], and with what `other` says of the connection.
    pub(super) fn in_place_of(self, other: &Self) -> Self {
        Self { connection: other.connection, ..self.like(other) }
    }

    pub(super) fn closing(self) -> Self {
        Self { connection: Connection::Close, ..self }
    }

    pub(super) fn closes(&self) -> bool {
        self.connection == Connection::Close
    }

    /// Appends the answer, dated `now`.
    pub(super) fn write(&self, now: Duration, output: &mut Vec<u8>) {
        let mut put = |text: &[u8]| output.extend_from_slice(text);
        put(self.status.line().as_bytes());
        put(b"Date: ");
        put(&date::at(now));
        put(b"\r\nContent-Type: ");
        put(self.media_type.as_bytes());
        put(b"\r\nContent-Length: ");
        put(self.body.len().to_string().as_bytes());
        if let Some(methods) = &self.allow {
            put(b"\r\nAllow: ");
            put(methods.as_bytes());
        }
        put(match self.connection {
            Connection::Persistent => b"\r\n\r\n",
            Connection::KeepAlive => b"\r\nConnection: keep-alive\r\n\r\n",
            Connection::Close => b"\r\nConnection: close\r\n\r\n",
        });
        if !self.head_only {
            output.extend_from_slice(&self.body);
        }
    }
}
