//! Request bodies: gathered whole, within a limit.

use super::{
    head::{Framing, Head},
    response::{Response, Status},
};

/// The longest line before a chunk, with its extensions.
const CHUNK_LINE_BYTES_MAX: usize = 1 << 10;
/// The longest trailer section.
const TRAILER_BYTES_MAX: usize = 8 << 10;

/// A body that is being received.
#[derive(Debug)]
pub(super) struct Body {
    bytes: Vec<u8>,
    bytes_max: usize,
    expected: Expected,
    /// A line that is not whole yet (chunked only).
    line: Vec<u8>,
}

/// What comes next.
#[derive(Debug)]
enum Expected {
    /// So many bytes, then the end.
    Rest(usize),
    /// The line that gives a chunk's size.
    ChunkLine,
    /// So many bytes of a chunk.
    Chunk(usize),
    /// The line end behind a chunk.
    ChunkEnd,
    /// A line of the trailer section; so many bytes of it have come.
    Trailer(usize),
    /// Nothing: the body is whole.
    Nothing,
}

/// What a look at the input came to.
#[derive(Debug)]
pub(super) enum Progress {
    /// So many bytes used, and more wanted.
    Partial { bytes: usize },
    /// So many bytes used, and the body is whole.
    Complete { bytes: usize },
}

impl Body {
    /// The body that `head` announces.
    pub(super) fn new(head: &Head, bytes_max: usize) -> Result<Self, Response> {
        let expected = match head.framing {
            Framing::None if head.method == "POST" => {
                let text = "a POST needs Content-Length or Transfer-Encoding: chunked";
                return Err(Response::error(Status::LengthRequired, text));
            }
            Framing::None => Expected::Nothing,
            Framing::Length(length) => match usize::try_from(length) {
                Ok(length) if length <= bytes_max => Expected::Rest(length),
                _ => return Err(too_large(bytes_max)),
            },
            Framing::Chunked => Expected::ChunkLine,
        };
        Ok(Self { bytes: Vec::new(), bytes_max, expected, line: Vec::new() })
    }

    /// Whether it is whole before the first byte.
    pub(super) fn is_empty(&self) -> bool {
        matches!(self.expected, Expected::Nothing | Expected::Rest(0))
    }

    /// The whole body.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Takes what belongs to the body from the front of `input`.
    pub(super) fn take(&mut self, input: &[u8]) -> Result<Progress, Response> {
        let mut used = 0;
        loop {
            let rest = &input[used..];
            used += match self.expected {
                Expected::Nothing | Expected::Rest(0) => {
                    return Ok(Progress::Complete { bytes: used });
                }
                _ if rest.is_empty() => return Ok(Progress::Partial { bytes: used }),
                Expected::Rest(length) => {
                    let taken = self.gather(rest, length);
                    self.expected = Expected::Rest(length - taken);
                    taken
                }
                Expected::Chunk(length) => {
                    let taken = self.gather(rest, length);
                    self.expected = match length - taken {
                        0 => Expected::ChunkEnd,
                        left => Expected::Chunk(left),
                    };
                    taken
                }
                Expected::ChunkLine | Expected::ChunkEnd | Expected::Trailer(_) => {
                    self.take_line(rest)?
                }
            };
        }
    }

    fn gather(&mut self, rest: &[u8], length: usize) -> usize {
        let taken = rest.len().min(length);
        self.bytes.extend_from_slice(&rest[..taken]);
        taken
    }

    /// Takes the bytes up to a line end, and the line once it is whole.
    fn take_line(&mut self, rest: &[u8]) -> Result<usize, Response> {
        let end = rest.iter().position(|&byte| byte == b'\n');
        let taken = end.map_or(rest.len(), |end| end + 1);
        let bytes_max = match self.expected {
            Expected::ChunkEnd => 2,
            Expected::Trailer(before) => TRAILER_BYTES_MAX - before.min(TRAILER_BYTES_MAX),
            _ => CHUNK_LINE_BYTES_MAX,
        };
        if self.line.len() + taken > bytes_max {
            return Err(malformed());
        }
        self.line.extend_from_slice(&rest[..taken]);
        if end.is_some() {
            let line = std::mem::take(&mut self.line);
            self.expected = self.after_line(&line)?;
        }
        Ok(taken)
    }

    fn after_line(&self, line: &[u8]) -> Result<Expected, Response> {
        match self.expected {
            Expected::ChunkEnd if line == b"\r\n" => Ok(Expected::ChunkLine),
            Expected::Trailer(_) if line == b"\r\n" => Ok(Expected::Nothing),
            Expected::Trailer(before) if is_field(line) => {
                Ok(Expected::Trailer(before + line.len()))
            }
            Expected::ChunkEnd | Expected::Trailer(_) => Err(malformed()),
            // Without a digit httparse reads a size of 0, which would end the body.
            _ if !line.first().is_some_and(u8::is_ascii_hexdigit) => Err(malformed()),
            _ => match httparse::parse_chunk_size(line) {
                Ok(httparse::Status::Complete((_, 0))) => Ok(Expected::Trailer(0)),
                Ok(httparse::Status::Complete((_, length))) => {
                    let left = self.bytes_max - self.bytes.len();
                    match usize::try_from(length) {
                        Ok(length) if length <= left => Ok(Expected::Chunk(length)),
                        _ => Err(too_large(self.bytes_max)),
                    }
                }
                Ok(httparse::Status::Partial) | Err(_) => Err(malformed()),
            },
        }
    }
}

/// Whether a trailer line, with its line end, is a field.
fn is_field(line: &[u8]) -> bool {
    let section = [line, b"\r\n"].concat();
    let mut fields = [httparse::EMPTY_HEADER; 1];
    matches!(
        httparse::parse_headers(&section, &mut fields),
        Ok(httparse::Status::Complete((_, [_])))
    )
}

fn too_large(bytes_max: usize) -> Response {
    let text = format!("a body has at most {bytes_max} bytes here");
    Response::error(Status::ContentTooLarge, &text)
}

fn malformed() -> Response {
    Response::error(Status::BadRequest, "the chunked body is malformed")
}
