//! In what two runs differ before any figure is looked at.

use std::collections::BTreeMap;

use anyhow::Result;
use results::Environment;
use serde_json::Value;

/// What of an environment is of the run, and not of the machine or the build. What
/// the speed of the cores says against a run is in the remarks, in words.
const OF_THE_RUN: [&str; 4] = ["schema", "speed", "started", "finished"];

/// What is not the same in two folders.
pub(super) struct Differences {
    pub(super) environments: Vec<Difference>,
    /// Experiments that only the first run has.
    pub(super) only_before: Vec<String>,
    /// Experiments that only the second run has.
    pub(super) only_after: Vec<String>,
}

/// A field of the environment that differs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Difference {
    /// Its name; a limit's is `limits.NAME`.
    pub(super) field: String,
    pub(super) before: String,
    pub(super) after: String,
}

/// Every field that differs. A run without a record differs in all of them.
pub(super) fn environments(
    before: Option<&Environment>,
    after: Option<&Environment>,
) -> Result<Vec<Difference>> {
    let (before, after) = (fields(before)?, fields(after)?);
    let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let value = |of: &BTreeMap<String, String>, name: &String| {
        of.get(name).cloned().unwrap_or_else(|| "not known".to_owned())
    };
    let differences = names.into_iter().map(|name| Difference {
        field: name.clone(),
        before: value(&before, name),
        after: value(&after, name),
    });
    Ok(differences.filter(|one| one.before != one.after).collect())
}

/// The fields by name, as words.
fn fields(environment: Option<&Environment>) -> Result<BTreeMap<String, String>> {
    let mut fields = BTreeMap::new();
    let Value::Object(record) = serde_json::to_value(environment)? else { return Ok(fields) };
    for (name, value) in record {
        match value {
            _ if OF_THE_RUN.contains(&name.as_str()) => {}
            Value::Object(limits) => {
                let named =
                    |(key, value): (String, Value)| (format!("{name}.{key}"), words(&value));
                fields.extend(limits.into_iter().map(named));
            }
            value => {
                fields.insert(name, words(&value));
            }
        }
    }
    Ok(fields)
}

fn words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(list) if list.is_empty() => "none".to_owned(),
        Value::Array(list) => list.iter().map(words).collect::<Vec<_>>().join("; "),
        other => other.to_string(),
    }
}
