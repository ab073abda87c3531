//! "Did you mean …?"

/// Says which of `known` comes nearest to `word`, or which there are; ready to be appended.
pub(crate) fn advice<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let mut known: Vec<&str> = known.into_iter().collect();
    known.sort_unstable();
    known.dedup();
    let nearest = known
        .iter()
        .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
        .max_by(|(one, _), (other, _)| one.total_cmp(other));
    match nearest {
        Some((score, candidate)) if score > 0.8 => format!("; did you mean `{candidate}`?"),
        Some(_) => format!("; there are {}", known.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::advice;

    #[test]
    fn a_near_miss_is_named_and_otherwise_all_are_listed() {
        let known = ["thread-pool", "event-loop"];
        assert_eq!(advice("thred-pool", known), "; did you mean `thread-pool`?");
        assert_eq!(advice("x", known), "; there are event-loop, thread-pool");
        assert_eq!(advice("x", []), "");
    }
}
