//! Texts of the command line that hold line ends.

use ::load::Exact;

/// Reads `\r`, `\n`, `\t`, `\0` and `\\` as the characters they name.
pub(super) fn read(text: &str) -> Result<String, String> {
    let mut read = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(one) = rest.next() {
        read.push(match one {
            '\\' => match rest.next() {
                Some('r') => '\r',
                Some('n') => '\n',
                Some('t') => '\t',
                Some('0') => '\0',
                Some('\\') => '\\',
                other => {
                    let other = other.map(String::from).unwrap_or_default();
                    return Err(format!(r"\{other} is no escape; use \r, \n, \t, \0 or \\"));
                }
            },
            plain => plain,
        });
    }
    Ok(read)
}

/// Reads `SEND=>EXPECT`, each with escapes.
pub(super) fn pair(text: &str) -> Result<Exact, String> {
    let (send, expect) = text
        .split_once("=>")
        .ok_or(r"expected SEND=>EXPECT, such as 'set k 0 0 1\r\nv\r\n=>STORED\r\n'")?;
    Ok(Exact { send: read(send)?, expect: read(expect)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_read() {
        assert_eq!(read(r"a\r\n\t\0\\b").unwrap(), "a\r\n\t\0\\b");
        assert!(read(r"a\").is_err() && read(r"\x41").unwrap_err().contains(r"\x is no escape"));
    }
}
