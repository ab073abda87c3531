//! From a call to what it asks for.

use std::{fmt, time::Duration};

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, SeqAccess, Visitor},
};
use serde_json::Number;

use super::answer::Fault;
use crate::Work;

/// What a method does. Results are JSON texts.
#[derive(Debug)]
pub(super) enum Action {
    /// Answers at once.
    Reply(String),
    /// Answers after some work.
    Work(Work, String),
}

/// What `method` does with `params`, which are a JSON array or object.
pub(super) fn perform(method: &str, params: Option<&str>) -> Result<Action, Fault> {
    Ok(match method {
        "echo" => Action::Reply(params.unwrap_or("null").to_owned()),
        "sum" => {
            let Sum(sum) = read(params, "sum wants an array of numbers")?;
            Action::Reply(sum.to_string())
        }
        "subtract" => {
            let wants = "subtract wants two numbers, minuend and subtrahend";
            let Subtract { minuend, subtrahend } = read(params, wants)?;
            let difference = combine(&minuend, &subtrahend, i128::checked_sub, |a, b| a - b);
            let difference = difference.ok_or_else(|| Fault::PARAMS.because(wants))?;
            Action::Reply(difference.to_string())
        }
        "get_data" => Action::Reply(r#"["hello",5]"#.to_owned()),
        "update" | "notify_hello" | "notify_sum" => Action::Reply("null".to_owned()),
        "sleep" => {
            let wants = "sleep wants ms, a whole number from 0 to 60000";
            let Sleep { ms } = read(params, wants)?;
            let work = Work::Block(Duration::from_millis(at_most(60_000, ms, wants)?.into()));
            Action::Work(work, ms.to_string())
        }
        "cpu" => {
            let wants = "cpu wants us, a whole number from 0 to 10000000";
            let Cpu { us } = read(params, wants)?;
            let work = Work::Compute { units: at_most(10_000_000, us, wants)? };
            Action::Work(work, us.to_string())
        }
        "panic" => Action::Work(Work::Panic, "null".to_owned()),
        _ => return Err(Fault::METHOD),
    })
}

/// Parses the params; if they are not what the method wants, it says what that is.
fn read<'a, T: Deserialize<'a>>(params: Option<&'a str>, wants: &str) -> Result<T, Fault> {
    serde_json::from_str(params.unwrap_or("[]")).map_err(|_| Fault::PARAMS.because(wants))
}

fn at_most(max: u32, value: u32, wants: &str) -> Result<u32, Fault> {
    if value <= max { Ok(value) } else { Err(Fault::PARAMS.because(wants)) }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Subtract {
    minuend: Number,
    subtrahend: Number,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sleep {
    ms: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cpu {
    us: u32,
}

/// The sum of a list, taken as the list is read: it is not kept.
struct Sum(Number);

impl<'de> Deserialize<'de> for Sum {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Adding).map(Self)
    }
}

struct Adding;

impl<'de> Visitor<'de> for Adding {
    type Value = Number;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("an array of numbers")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Number, A::Error> {
        let mut sum = Number::from(0);
        while let Some(number) = sequence.next_element()? {
            sum = combine(&sum, &number, i128::checked_add, |sum, number| sum + number)
                .ok_or_else(|| A::Error::custom("the sum is infinite"))?;
        }
        Ok(sum)
    }
}

/// Whole numbers stay whole as long as they fit; nothing, if the result is
/// beyond what JSON can say.
fn combine(
    left: &Number,
    right: &Number,
    whole: fn(i128, i128) -> Option<i128>,
    real: fn(f64, f64) -> f64,
) -> Option<Number> {
    let exact = match (left.as_i128(), right.as_i128()) {
        (Some(left), Some(right)) => whole(left, right).and_then(Number::from_i128),
        _ => None,
    };
    exact.or_else(|| Number::from_f64(real(left.as_f64()?, right.as_f64()?)))
}
