//! A line of the memcached text protocol, as a command.

use std::ops::RangeInclusive;

/// The longest key.
const KEY_BYTES_MAX: usize = 250;
/// The longest value that a line may announce: a 32-bit length, less its line end.
const ANNOUNCED_MAX: usize = (1 << 31) - 3;

const BAD_FORMAT: &str = "CLIENT_ERROR bad command line format";
const BAD_EXPTIME: &str = "CLIENT_ERROR invalid exptime argument";

/// What a line asks for.
#[derive(Debug)]
pub(super) enum Command<'a> {
    Get(Get, &'a [u8]),
    /// The value follows the line.
    Update(Update),
    Count {
        key: &'a [u8],
        delta: Delta,
        quiet: bool,
    },
    Delete {
        key: &'a [u8],
        quiet: bool,
    },
    Touch {
        key: &'a [u8],
        exptime: i64,
        quiet: bool,
    },
    Flush {
        delay: i64,
        quiet: bool,
    },
    Verbosity {
        quiet: bool,
    },
    Stats,
    ResetStats,
    Version,
    Quit,
    /// A browser, or somebody who makes one speak: it is not talked to.
    OtherProtocol,
}

/// How values are asked for; their keys follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Get {
    /// Each with the id that `cas` wants.
    pub(super) with_cas: bool,
    /// Each to live on for so long.
    pub(super) exptime: Option<i64>,
}

/// A line that stores, but for its value.
#[derive(Debug)]
pub(super) struct Update {
    pub(super) verb: Verb,
    pub(super) key: Box<[u8]>,
    pub(super) flags: u32,
    pub(super) exptime: i64,
    /// Bytes of the value, without its line end.
    pub(super) length: usize,
    pub(super) quiet: bool,
}

/// When, and where, a value is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Set,
    Add,
    Replace,
    Append,
    Prepend,
    /// If nobody has stored since the value with this id.
    Cas(u64),
}

/// What is added to a number, or taken from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delta {
    Up(u64),
    Down(u64),
}

/// A line that is not obeyed.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) says: &'static str,
    /// Nor answered: the client does not read.
    pub(super) quiet: bool,
}

impl Refusal {
    const UNKNOWN: Self = Self { says: "ERROR", quiet: false };
}

/// Reads a line, given without its end.
pub(super) fn parse(line: &[u8]) -> Result<Command<'_>, Refusal> {
    let Some((verb, rest)) = word(line) else { return Err(Refusal::UNKNOWN) };
    match verb {
        b"get" => get(rest, false),
        b"gets" => get(rest, true),
        b"gat" => get_and_touch(rest, false),
        b"gats" => get_and_touch(rest, true),
        b"set" => update(rest, |_| Ok(Verb::Set), 4),
        b"add" => update(rest, |_| Ok(Verb::Add), 4),
        b"replace" => update(rest, |_| Ok(Verb::Replace), 4),
        b"append" => update(rest, |_| Ok(Verb::Append), 4),
        b"prepend" => update(rest, |_| Ok(Verb::Prepend), 4),
        b"cas" => update(rest, cas, 5),
        b"incr" => count(rest, Delta::Up),
        b"decr" => count(rest, Delta::Down),
        b"delete" => delete(rest),
        b"touch" => touch(rest),
        b"flush_all" => flush(rest),
        b"verbosity" => verbosity(rest),
        b"stats" => match word(rest) {
            None => Ok(Command::Stats),
            Some((b"reset", _)) => Ok(Command::ResetStats),
            Some(_) => Err(Refusal::UNKNOWN),
        },
        b"version" => Ok(Command::Version),
        b"quit" => Ok(Command::Quit),
        _ if words(rest).last().is_some_and(|word| word.starts_with(b"HTTP/")) => {
            Ok(Command::OtherProtocol)
        }
        _ => Err(Refusal::UNKNOWN),
    }
}

/// The first word of a text, and what follows it.
fn word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let begin = text.iter().position(|&byte| byte != b' ')?;
    let text = &text[begin..];
    let end = text.iter().position(|&byte| byte == b' ').unwrap_or(text.len());
    Some(text.split_at(end))
}

/// The words of a text, one after the other.
pub(super) fn words(mut text: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (first, rest) = word(text)?;
        text = rest;
        Some(first)
    })
}

/// The words after a verb that takes only so many.
struct Arguments<'a> {
    words: [&'a [u8]; 6],
    count: usize,
    /// The last of them asks for no answer.
    quiet: bool,
}

impl<'a> Arguments<'a> {
    fn of(rest: &'a [u8], counts: RangeInclusive<usize>) -> Result<Self, Refusal> {
        let mut arguments = Self { words: [b""; 6], count: 0, quiet: false };
        for word in words(rest) {
            if arguments.count == *counts.end() {
                return Err(Refusal::UNKNOWN);
            }
            arguments.words[arguments.count] = word;
            arguments.count += 1;
            arguments.quiet = word == b"noreply";
        }
        if arguments.count < *counts.start() {
            return Err(Refusal::UNKNOWN);
        }
        Ok(arguments)
    }

    fn refusal(&self, says: &'static str) -> Refusal {
        Refusal { says, quiet: self.quiet }
    }

    fn key(&self) -> Result<&'a [u8], Refusal> {
        let key = self.words[0];
        if is_key(key) { Ok(key) } else { Err(self.refusal(BAD_FORMAT)) }
    }

    fn number<N: std::str::FromStr>(&self, at: usize, says: &'static str) -> Result<N, Refusal> {
        number(self.words[at]).ok_or_else(|| self.refusal(says))
    }
}

/// Control characters are forbidden in keys, and taken: clients send them.
fn is_key(word: &[u8]) -> bool {
    word.len() <= KEY_BYTES_MAX
}

pub(super) fn number<N: std::str::FromStr>(word: &[u8]) -> Option<N> {
    std::str::from_utf8(word).ok()?.parse().ok()
}

fn get(keys: &[u8], with_cas: bool) -> Result<Command<'_>, Refusal> {
    if word(keys).is_none() {
        return Err(Refusal::UNKNOWN);
    }
    values(keys, Get { with_cas, exptime: None })
}

fn get_and_touch(rest: &[u8], with_cas: bool) -> Result<Command<'_>, Refusal> {
    let Some((exptime, keys)) = word(rest) else { return Err(Refusal::UNKNOWN) };
    let Some(exptime) = number(exptime) else {
        return Err(Refusal { says: BAD_EXPTIME, quiet: false });
    };
    values(keys, Get { with_cas, exptime: Some(exptime) })
}

/// All keys are looked at before a value is answered: an error stands alone.
fn values(keys: &[u8], get: Get) -> Result<Command<'_>, Refusal> {
    if words(keys).all(is_key) {
        Ok(Command::Get(get, keys))
    } else {
        Err(Refusal { says: BAD_FORMAT, quiet: false })
    }
}

fn cas(arguments: &Arguments) -> Result<Verb, Refusal> {
    arguments.number(4, BAD_FORMAT).map(Verb::Cas)
}

/// Key, flags, exptime, length, perhaps an id; and `noreply`, or another word
/// that nobody minds.
fn update<'a>(
    rest: &'a [u8],
    verb: impl FnOnce(&Arguments<'a>) -> Result<Verb, Refusal>,
    arguments: usize,
) -> Result<Command<'a>, Refusal> {
    let arguments = Arguments::of(rest, arguments..=arguments + 1)?;
    let length = arguments.number(3, BAD_FORMAT)?;
    if length > ANNOUNCED_MAX {
        return Err(arguments.refusal(BAD_FORMAT));
    }
    Ok(Command::Update(Update {
        verb: verb(&arguments)?,
        key: arguments.key()?.into(),
        flags: arguments.number(1, BAD_FORMAT)?,
        exptime: arguments.number(2, BAD_FORMAT)?,
        length,
        quiet: arguments.quiet,
    }))
}

fn count(rest: &[u8], delta: fn(u64) -> Delta) -> Result<Command<'_>, Refusal> {
    let arguments = Arguments::of(rest, 2..=3)?;
    let key = arguments.key()?;
    let by = arguments.number(1, "CLIENT_ERROR invalid numeric delta argument")?;
    Ok(Command::Count { key, delta: delta(by), quiet: arguments.quiet })
}

/// Once there was a time after the key; a zero is still taken.
fn delete(rest: &[u8]) -> Result<Command<'_>, Refusal> {
    let arguments = Arguments::of(rest, 1..=3)?;
    let Arguments { words, count, quiet } = arguments;
    let quiet = quiet && count > 1; // A key may have any name.
    if !matches!((&words[1..count], quiet), ([] | [b"0"], false) | ([_] | [b"0", _], true)) {
        let says = "CLIENT_ERROR bad command line format.  Usage: delete <key> [noreply]";
        return Err(arguments.refusal(says));
    }
    Ok(Command::Delete { key: arguments.key()?, quiet })
}

fn touch(rest: &[u8]) -> Result<Command<'_>, Refusal> {
    let arguments = Arguments::of(rest, 2..=3)?;
    let key = arguments.key()?;
    let exptime = arguments.number(1, BAD_EXPTIME)?;
    Ok(Command::Touch { key, exptime, quiet: arguments.quiet })
}

fn flush(rest: &[u8]) -> Result<Command<'_>, Refusal> {
    let arguments = Arguments::of(rest, 0..=2)?;
    let quiet = arguments.quiet;
    let at_once = arguments.count == usize::from(quiet);
    let delay = if at_once { 0 } else { arguments.number(0, BAD_EXPTIME)? };
    Ok(Command::Flush { delay, quiet })
}

/// There is one verbosity; the others are taken note of by nobody.
fn verbosity(rest: &[u8]) -> Result<Command<'_>, Refusal> {
    let arguments = Arguments::of(rest, 1..=2)?;
    let _: u64 = arguments.number(0, BAD_FORMAT)?;
    Ok(Command::Verbosity { quiet: arguments.quiet })
}
