//! What is wrong in an experiment file, and in which line.

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// What is wrong, and at which key.
#[derive(Debug)]
pub(crate) struct Wrong {
    /// The way to the key: names of tables, and places in arrays.
    key: Vec<String>,
    why: String,
}

/// Refuses what stands at `key`: names with dots between, in arrays the place.
pub(crate) fn wrong<T>(key: impl Into<String>, why: impl Into<String>) -> Result<T, Wrong> {
    let key = key.into().split('.').map(str::to_owned).collect();
    Err(Wrong { key, why: why.into() })
}

impl Wrong {
    /// For whoever wrote `text`: the line, and what is wrong there.
    pub(crate) fn told(&self, text: &str) -> String {
        match DeTable::parse(text).ok().and_then(|table| at(&table, &self.key)) {
            Some(at) => {
                let line = text.get(..at).unwrap_or_default().matches('\n').count() + 1;
                format!("line {line}: {}", self.why)
            }
            None => self.why.clone(),
        }
    }
}

/// Where the key begins; what it is in, if it is not there.
fn at(table: &Spanned<DeTable>, key: &[String]) -> Option<usize> {
    let (mut found, mut table, mut keys) = (None, table.get_ref(), key.iter());
    loop {
        let key = keys.next()?;
        let Some((name, mut value)) = table.iter().find(|(name, _)| name.get_ref() == key) else {
            return found;
        };
        found = Some(name.span().start);
        loop {
            match value.get_ref() {
                DeValue::Table(inner) => {
                    table = inner;
                    break;
                }
                DeValue::Array(all) => {
                    let place = keys.next().and_then(|place| place.parse::<usize>().ok());
                    let Some(one) = place.and_then(|place| all.get(place)) else { return found };
                    (value, found) = (one, Some(one.span().start));
                }
                _ => return found,
            }
        }
        if keys.len() == 0 {
            return found;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "a = 1\n[b]\nc = [\n  1,\n  { d = 2 },\n]\n[[e]]\nf = 1\n[[e]]\nf = 2\n";

    #[test]
    fn a_key_has_a_line_and_one_that_is_missing_that_of_its_table() {
        for (key, line) in [
            ("a", "line 1: "),
            ("b", "line 2: "),
            ("b.c", "line 3: "),
            ("b.c.1", "line 5: "),
            ("b.c.1.d", "line 5: "),
            ("b.c.7", "line 3: "),
            ("b.z", "line 2: "),
            ("e.1", "line 9: "),
            ("e.1.f", "line 10: "),
            ("z", ""),
            ("", ""),
        ] {
            let told = wrong::<()>(key, "x").unwrap_err().told(TEXT);
            assert_eq!(told, format!("{line}x"), "{key}");
        }
        assert_eq!(wrong::<()>("a", "x").unwrap_err().told("= nonsense"), "x");
    }
}
