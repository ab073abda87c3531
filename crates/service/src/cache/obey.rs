//! Doing what a line asks for, and saying what came of it.

use std::{fmt, io::Write};

use super::{
    Cache, PIECE, State,
    line::{Command, Get, Update, Verb, words},
    shard::{Condition, Counted, Stored},
    store::At,
};

/// The memcached whose protocol this is. Clients decide by it what they may ask
/// for, and some take a version 0 for none at all.
const VERSION: &str = "1.6.0";
impl Cache {
    pub(super) fn obey(&mut self, command: Command, output: &mut Vec<u8>) {
        match command {
            Command::Get(get, keys) => self.get(get, keys, output),
            Command::Update(update) if update.length > self.body_bytes_max => {
                if update.verb == Verb::Set {
                    self.store.forget(&update.key);
                }
                self.state = State::Swallow { left: update.length + 2, quiet: update.quiet };
            }
            Command::Update(update) => self.state = State::Value { update, value: Vec::new() },
            Command::Count { key, delta, quiet } => {
                let counted = self.store.count(key, delta);
                if let Counted::Now(number) = counted {
                    self.answer(number, quiet, output);
                } else {
                    self.answer(not_counted(counted), quiet, output);
                }
            }
            Command::Delete { key, quiet } => {
                let deleted = self.store.delete(key);
                self.answer(if deleted { "DELETED" } else { "NOT_FOUND" }, quiet, output);
            }
            Command::Touch { key, exptime, quiet } => {
                let touched = self.store.touch(key, exptime).is_some();
                self.answer(if touched { "TOUCHED" } else { "NOT_FOUND" }, quiet, output);
            }
            Command::Flush { delay, quiet } => {
                self.store.flush(delay);
                self.answer("OK", quiet, output);
            }
            Command::Verbosity { quiet } => self.answer("OK", quiet, output),
            Command::Stats => {
                for (name, value) in self.store.stats() {
                    put(output, format_args!("STAT {name} {value}\r\n"));
                }
                put(output, format_args!("STAT version {VERSION}\r\n"));
                self.answer("END", false, output);
            }
            Command::ResetStats => {
                self.store.reset_counts();
                self.answer("RESET", false, output);
            }
            Command::Version => self.answer(format_args!("VERSION {VERSION}"), false, output),
            Command::Quit => self.state = State::Closed { refused: false },
            Command::OtherProtocol => self.state = State::Closed { refused: true },
        }
    }

    /// Answers the values of all keys, or of as many as go into a piece.
    pub(super) fn get(&mut self, get: Get, keys: &[u8], output: &mut Vec<u8>) {
        let full = output.len() + PIECE;
        let mut keys = words(keys);
        while let Some(key) = keys.next() {
            let found = match get.exptime {
                Some(exptime) => self.store.touch(key, exptime),
                None => self.store.get(key),
            };
            let Some(item) = found else { continue };
            output.extend_from_slice(b"VALUE ");
            output.extend_from_slice(key);
            put(output, format_args!(" {} {}", item.flags, item.value.len()));
            if get.with_cas {
                put(output, format_args!(" {}", item.cas));
            }
            output.extend_from_slice(b"\r\n");
            output.extend_from_slice(&item.value);
            output.extend_from_slice(b"\r\n");
            if output.len() >= full {
                return self.pause(Some((get, keys.collect::<Vec<_>>().join(&b' '))));
            }
        }
        self.answer("END", false, output);
    }

    pub(super) fn store(&self, update: Update, value: &[u8]) -> &'static str {
        let Update { verb, key, flags, exptime, .. } = update;
        let condition = match verb {
            Verb::Set => Condition::Always,
            Verb::Add => Condition::Absent,
            Verb::Replace => Condition::Present,
            Verb::Cas(id) => Condition::Is(id),
            Verb::Append => return stored(self.extend(&key, At::Back, value)),
            Verb::Prepend => return stored(self.extend(&key, At::Front, value)),
        };
        stored(self.store.store(key, (condition, flags, exptime), value))
    }

    fn extend(&self, key: &[u8], at: At, more: &[u8]) -> Stored {
        self.store.extend(key, at, more, self.body_bytes_max)
    }

    pub(super) fn answer(&mut self, says: impl fmt::Display, quiet: bool, output: &mut Vec<u8>) {
        self.answered += 1;
        if !quiet {
            put(output, format_args!("{says}\r\n"));
        }
    }
}

fn put(output: &mut Vec<u8>, text: fmt::Arguments) {
    // Writing into memory does not fail.
    let _ = output.write_fmt(text);
}

fn stored(stored: Stored) -> &'static str {
    match stored {
        Stored::Done => "STORED",
        Stored::Refused => "NOT_STORED",
        Stored::Exists => "EXISTS",
        Stored::NotFound => "NOT_FOUND",
        Stored::NoRoom => "SERVER_ERROR out of memory storing object",
    }
}

fn not_counted(counted: Counted) -> &'static str {
    match counted {
        Counted::NotFound => "NOT_FOUND",
        Counted::NoNumber => "CLIENT_ERROR cannot increment or decrement non-numeric value",
        Counted::NoRoom | Counted::Now(_) => "SERVER_ERROR out of memory in incr",
    }
}
