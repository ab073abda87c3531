//! Request heads: parsed by `httparse`, then held to what RFC 9112 demands of
//! a server that must not be fooled about where a request ends.

use super::response::{Connection, Response, Status};

/// The longest head, request line and fields together.
const HEAD_BYTES_MAX: usize = 16 << 10;
/// The longest request target.
const TARGET_BYTES_MAX: usize = 8 << 10;
/// The most header fields.
const FIELDS_MAX: usize = 64;

/// The part of a request head that matters here.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) method: String,
    /// Path and query.
    pub(super) target: String,
    pub(super) framing: Framing,
    pub(super) connection: Connection,
    pub(super) expects_continue: bool,
}

impl Head {
    /// `response` as this request wants it: with or without body, the
    /// connection kept or not.
    pub(super) fn suit(&self, response: Response) -> Response {
        response.suited(self.method == "HEAD", self.connection)
    }
}

/// How the end of the body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// No field says that there is a body.
    None,
    /// `Content-Length`; beyond `u64` it is the largest `u64`.
    Length(u64),
    /// `Transfer-Encoding: chunked`.
    Chunked,
}

/// What a look at the input found.
#[derive(Debug)]
pub(super) enum Parsed {
    /// The head is not all there.
    Partial,
    /// A head of so many bytes.
    Complete { head: Head, bytes: usize },
}

/// The length of the empty lines before a request line, which RFC 9112 §2.2
/// wants ignored.
pub(super) fn blank_lines(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count()
}

/// Parses the head that `bytes` begins with.
pub(super) fn parse(bytes: &[u8]) -> Result<Parsed, Response> {
    parse_any(bytes).map_err(|refusal| suit_unparsed(refusal, bytes))
}

/// `refusal` as the request wants it whose head, `bytes`, cannot be parsed: one
/// that begins as HEAD gets no body even so.
pub(super) fn suit_unparsed(refusal: Response, bytes: &[u8]) -> Response {
    refusal.suited(bytes.starts_with(b"HEAD "), Connection::Close)
}

/// However the bytes were cut on their way, what is found is the same: it follows from
/// the first bytes that decide it, and those behind them are not looked at.
fn parse_any(bytes: &[u8]) -> Result<Parsed, Response> {
    let is_too_long = bytes.len() > HEAD_BYTES_MAX;
    let bytes = &bytes[..bytes.len().min(HEAD_BYTES_MAX)];
    let has_line = || bytes.contains(&b'\n');
    let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
    let mut request = httparse::Request::new(&mut fields);
    let target_too_long = || Response::error(Status::UriTooLong, "the target is too long");
    let parsed = request.parse(bytes);
    let is_long = request.path.is_some_and(|path| path.len() > TARGET_BYTES_MAX);
    match parsed {
        Ok(httparse::Status::Complete(_)) if is_long => Err(target_too_long()),
        Ok(httparse::Status::Complete(length)) => {
            Ok(Parsed::Complete { head: understand(&request)?, bytes: length })
        }
        Ok(httparse::Status::Partial) if !is_too_long => Ok(Parsed::Partial),
        // What is wrong with a version is told by all of it.
        Err(httparse::Error::Version) if !has_line() && !is_too_long => Ok(Parsed::Partial),
        Ok(httparse::Status::Partial) if is_long || !has_line() => Err(target_too_long()),
        Ok(httparse::Status::Partial) | Err(httparse::Error::TooManyHeaders) => Err(too_large()),
        Err(httparse::Error::Version) if is_foreign_version(bytes) => {
            let text = "this server speaks HTTP/1.1 and HTTP/1.0";
            Err(Response::error(Status::VersionNotSupported, text))
        }
        Err(error) => Err(bad_request(&format!("the request is malformed: {error}"))),
    }
}

fn too_large() -> Response {
    Response::error(Status::FieldsTooLarge, "the head is too long, or has too many fields")
}

fn bad_request(text: &str) -> Response {
    Response::error(Status::BadRequest, text)
}

/// Whether the request line ends in a well-formed version: then the version is
/// the trouble, not the line.
fn is_foreign_version(bytes: &[u8]) -> bool {
    let line = bytes.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let word = line.trim_ascii_end().rsplit(|&byte| byte == b' ').next().unwrap_or_default();
    matches!(word, [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
        if major.is_ascii_digit() && minor.is_ascii_digit())
}

fn understand(request: &httparse::Request) -> Result<Head, Response> {
    let is_1_1 = request.version == Some(1);
    let fields = Fields(request.headers);
    let hosts = fields.named("host").count();
    if hosts > 1 || (is_1_1 && hosts == 0) {
        return Err(bad_request("an HTTP/1.1 request has one Host field"));
    }
    Ok(Head {
        method: request.method.unwrap_or_default().to_owned(),
        target: origin_form(request.path.unwrap_or_default()),
        framing: framing(&fields, is_1_1)?,
        connection: connection(&fields, is_1_1),
        expects_continue: expects_continue(&fields, is_1_1)?,
    })
}

/// The path and query of a target, which may be a whole URI (RFC 9112 §3.2.2).
fn origin_form(target: &str) -> String {
    let (scheme, rest) = target.split_at_checked("http://".len()).unwrap_or_default();
    if !scheme.eq_ignore_ascii_case("http://") {
        return target.to_owned();
    }
    match rest.find(['/', '?']) {
        Some(at) if rest[at..].starts_with('?') => format!("/{}", &rest[at..]),
        Some(at) => rest[at..].to_owned(),
        None => "/".to_owned(),
    }
}

/// Where the body ends. Two answers to that are how requests are smuggled, so
/// both ambiguous framings are refused (RFC 9112 §6.3).
fn framing(fields: &Fields, is_1_1: bool) -> Result<Framing, Response> {
    let mut lengths = fields.named("content-length");
    let mut codings = fields.named("transfer-encoding");
    match (lengths.next(), codings.next()) {
        (None, None) => Ok(Framing::None),
        (Some(_), Some(_)) => {
            Err(bad_request("Content-Length and Transfer-Encoding exclude each other"))
        }
        (Some(length), None) if lengths.next().is_none() => content_length(length),
        (Some(_), None) => Err(bad_request("there is more than one Content-Length")),
        (None, Some(_)) if !is_1_1 => Err(bad_request("HTTP/1.0 has no Transfer-Encoding")),
        (None, Some(coding)) if codings.next().is_none() => {
            if coding.trim_ascii().eq_ignore_ascii_case(b"chunked") {
                Ok(Framing::Chunked)
            } else {
                let text = "chunked is the one transfer coding known here";
                Err(Response::error(Status::NotImplemented, text))
            }
        }
        (None, Some(_)) => Err(bad_request("there is more than one Transfer-Encoding")),
    }
}

fn content_length(value: &[u8]) -> Result<Framing, Response> {
    let digits = value.trim_ascii();
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(bad_request("Content-Length is not a whole number"));
    }
    let length = digits
        .iter()
        .fold(0_u64, |sum, digit| sum.saturating_mul(10).saturating_add(u64::from(digit - b'0')));
    Ok(Framing::Length(length))
}

fn connection(fields: &Fields, is_1_1: bool) -> Connection {
    let has = |option: &[u8]| {
        fields
            .named("connection")
            .flat_map(|value| value.split(|&byte| byte == b','))
            .any(|token| token.trim_ascii().eq_ignore_ascii_case(option))
    };
    match is_1_1 {
        _ if has(b"close") => Connection::Close,
        true => Connection::Persistent,
        false if has(b"keep-alive") => Connection::KeepAlive,
        false => Connection::Close,
    }
}

fn expects_continue(fields: &Fields, is_1_1: bool) -> Result<bool, Response> {
    match fields.named("expect").next() {
        // HTTP/1.0 knows no interim answers: the field is ignored (RFC 9110 §10.1.1).
        Some(_) if !is_1_1 => Ok(false),
        Some(value) if value.trim_ascii().eq_ignore_ascii_case(b"100-continue") => Ok(true),
        Some(_) => {
            let text = "100-continue is the one expectation known here";
            Err(Response::error(Status::ExpectationFailed, text))
        }
        None => Ok(false),
    }
}

struct Fields<'a>(&'a [httparse::Header<'a>]);

impl<'a> Fields<'a> {
    fn named(&self, name: &'static str) -> impl Iterator<Item = &'a [u8]> {
        self.0
            .iter()
            .filter(move |field| field.name.eq_ignore_ascii_case(name))
            .map(|field| field.value)
    }
}
