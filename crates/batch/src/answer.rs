//! What a source is asked and answers, and adding it up. No sockets.
//!
//! Asked `sum of source 7\n`, a source answers with a line a record, `north
//! 417\n`, and then says how many there were and what they come to: `end 1000
//! 503119\n`. So an answer that was cut, or mixed up, does not pass.

use std::{collections::BTreeMap, fmt::Write as _};

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// Where records come from.
pub const REGIONS: [&str; 4] = ["north", "east", "south", "west"];

/// The longest line that is an answer.
const LINE_BYTES: usize = 64;

/// The question to source `number`.
pub(crate) fn question(number: u32) -> String {
    format!("sum of source {number}\n")
}

/// The source that a question is for.
pub(crate) fn asked(line: &str) -> Option<u32> {
    line.strip_prefix("sum of source ")?.trim_end().parse().ok()
}

/// The answer of source `number`, which has so many records.
pub(crate) fn answer(number: u32, records: u32) -> String {
    let mut text = String::new();
    let mut sum = 0;
    let mut chance = chance(number);
    for _ in 0..records {
        let region = REGIONS[chance.random_range(..REGIONS.len())];
        let amount = chance.random_range(..1000_u32);
        sum += amount;
        let _ = writeln!(text, "{region} {amount}");
    }
    text + &format!("end {records} {sum}\n")
}

/// What source `number` draws by chance: always the same.
pub(crate) fn chance(number: u32) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(number.into())
}

/// Records added up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Aggregate {
    /// How many there were.
    pub records: u64,
    /// What they come to, by region.
    pub totals: BTreeMap<String, u64>,
}

impl Aggregate {
    /// Adds what another has added up.
    pub fn merge(&mut self, other: &Self) {
        self.records += other.records;
        for (region, total) in &other.totals {
            *self.totals.entry(region.clone()).or_default() += total;
        }
    }
}

/// Reads one source's answer, in whatever pieces it comes.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    /// The beginning of a line whose end has not come.
    begun: Vec<u8>,
    records: u64,
    totals: [u64; REGIONS.len()],
    ended: bool,
}

impl Answer {
    /// Takes the next piece.
    ///
    /// # Errors
    ///
    /// Fails if that is no answer.
    pub(crate) fn receive(&mut self, mut bytes: &[u8]) -> Result<(), String> {
        while let Some(end) = bytes.iter().position(|&byte| byte == b'\n') {
            if self.begun.is_empty() {
                self.line(&bytes[..end])?;
            } else {
                let mut line = std::mem::take(&mut self.begun);
                line.extend_from_slice(&bytes[..end]);
                self.line(&line)?;
            }
            bytes = &bytes[end + 1..];
        }
        self.begun.extend_from_slice(bytes);
        if self.begun.len() > LINE_BYTES {
            return Err("it answered a line without an end".to_owned());
        }
        Ok(())
    }

    /// What came, once the source has closed.
    ///
    /// # Errors
    ///
    /// Fails if the answer is not whole.
    pub(crate) fn finish(self) -> Result<Aggregate, String> {
        if !self.ended || !self.begun.is_empty() {
            return Err(format!("it closed after {} records, in the middle", self.records));
        }
        let totals = REGIONS.iter().map(|&region| region.to_owned()).zip(self.totals);
        Ok(Aggregate { records: self.records, totals: totals.collect() })
    }

    fn line(&mut self, line: &[u8]) -> Result<(), String> {
        let strange = || format!("it answered {:?}", String::from_utf8_lossy(line));
        let text = str::from_utf8(line).map_err(|_| strange())?;
        let (word, rest) = text.split_once(' ').ok_or_else(strange)?;
        if self.ended {
            return Err(format!("it went on after its end: {text:?}"));
        }
        if word == "end" {
            let whole = format!("{} {}", self.records, self.totals.iter().sum::<u64>());
            if rest != whole {
                return Err(format!("it says {rest:?} of its records, and they are {whole:?}"));
            }
            self.ended = true;
            return Ok(());
        }
        let region = REGIONS.iter().position(|&region| region == word).ok_or_else(strange)?;
        let amount: u32 = rest.parse().map_err(|_| strange())?;
        self.totals[region] += u64::from(amount);
        self.records += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(pieces: &[&[u8]]) -> Result<Aggregate, String> {
        let mut answer = Answer::default();
        for piece in pieces {
            answer.receive(piece)?;
        }
        answer.finish()
    }

    fn total(aggregate: &Aggregate) -> u64 {
        aggregate.totals.values().sum()
    }

    #[test]
    fn a_question_is_understood() {
        assert_eq!(asked(&question(7)), Some(7));
        assert_eq!(asked("sum of source seven\n"), None);
    }

    #[test]
    fn an_answer_is_the_same_however_it_is_split() {
        let text = answer(3, 20);
        let whole = read(&[text.as_bytes()]).unwrap();
        assert_eq!(whole.records, 20);
        assert!(total(&whole) > 0);
        for at in 0..text.len() {
            let (first, second) = text.as_bytes().split_at(at);
            assert_eq!(read(&[first, second]).as_ref(), Ok(&whole), "split at {at}");
        }
    }

    #[test]
    fn half_an_answer_is_none() {
        let text = answer(3, 20);
        for at in 0..text.len() {
            assert!(read(&[&text.as_bytes()[..at]]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, why) in [
            ("north 1\nend 1 2\n", "of its records"),
            ("north 1\nend 2 1\n", "of its records"),
            ("up 1\n", "answered \"up 1\""),
            ("north -1\n", "answered \"north -1\""),
            ("\n", "answered \"\""),
            ("end 0 0\nnorth 1\n", "went on"),
        ] {
            let message = read(&[text.as_bytes()]).unwrap_err();
            assert!(message.contains(why), "{text:?}: {message}");
        }
        assert!(read(&[&[b'x'; 100]]).unwrap_err().contains("without an end"));
    }

    #[test]
    fn merging_adds() {
        let mut all = Aggregate::default();
        let each: Vec<_> =
            (0..3).map(|number| read(&[answer(number, 9).as_bytes()]).unwrap()).collect();
        for one in &each {
            all.merge(one);
        }
        assert_eq!(all.records, 27);
        assert_eq!(total(&all), each.iter().map(total).sum::<u64>());
    }

    proptest! {
        #[test]
        fn nothing_that_comes_makes_it_panic(bytes: Vec<u8>) {
            let _ = read(&[&bytes]);
        }
    }
}
