//! One byte range of a file (RFC 9110 section 14). Pure.

use std::ops::Range;

/// The bytes that a `Range` header asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// All: there is no range, or several, or an invalid one, which a server may ignore.
    All,
    /// These bytes; never empty.
    Part(Range<u64>),
    /// Bytes beyond the end of the file.
    Unsatisfiable,
}

/// Reads a `Range` header for a file of `size` bytes.
pub fn wanted(header: Option<&str>, size: u64) -> Wanted {
    let Some(spec) = header.and_then(|text| text.trim().strip_prefix("bytes=")) else { return Wanted::All };
    let Some((first, last)) = spec.trim().split_once('-').filter(|_| !spec.contains(',')) else { return Wanted::All };
    match (number(first), number(last)) {
        (Ok(None), Ok(Some(0))) => Wanted::Unsatisfiable,
        (Ok(None), Ok(Some(_))) if size == 0 => Wanted::Unsatisfiable,
        (Ok(None), Ok(Some(count))) => Wanted::Part(size.saturating_sub(count)..size),
        (Ok(Some(first)), Ok(last)) if last.is_none_or(|last| last >= first) => match first < size {
            true => Wanted::Part(first..last.map_or(size, |last| last.saturating_add(1).min(size))),
            false => Wanted::Unsatisfiable,
        },
        _ => Wanted::All,
    }
}

fn number(text: &str) -> Result<Option<u64>, ()> {
    match text.trim() {
        "" => Ok(None),
        // Too many digits for a number: beyond the end of any file.
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => Ok(Some(digits.parse().unwrap_or(u64::MAX))),
        _ => Err(()),
    }
}

/// Whether an `If-None-Match` header names the file as it is (weak comparison).
pub fn matches(header: &str, etag: &str) -> bool {
    let bare = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    header.trim() == "*" || header.split(',').any(|tag| bare(tag) == bare(etag))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_the_rfcs() {
        for (header, size, expected) in [
            ("bytes=0-0", 10, Wanted::Part(0..1)),
            ("bytes=2-5", 10, Wanted::Part(2..6)),
            ("bytes=2-", 10, Wanted::Part(2..10)),
            ("bytes=2-99", 10, Wanted::Part(2..10)),
            ("bytes=2-99999999999999999999999", 10, Wanted::Part(2..10)),
            ("bytes=-3", 10, Wanted::Part(7..10)),
            ("bytes=-30", 10, Wanted::Part(0..10)),
            ("bytes=10-", 10, Wanted::Unsatisfiable),
            ("bytes=-0", 10, Wanted::Unsatisfiable),
            ("bytes=0-", 0, Wanted::Unsatisfiable),
            ("bytes=-1", 0, Wanted::Unsatisfiable),
            ("bytes=5-2", 10, Wanted::All),
            ("bytes=0-1,3-4", 10, Wanted::All),
            ("bytes=a-b", 10, Wanted::All),
            ("bytes=-", 10, Wanted::All),
            ("lines=0-1", 10, Wanted::All),
        ] {
            assert_eq!(wanted(Some(header), size), expected, "{header} of {size}");
        }
        assert_eq!(wanted(None, 10), Wanted::All);
    }

    #[test]
    fn an_etag_is_compared_weakly() {
        assert!(matches("\"a\"", "\"a\"") && matches("W/\"a\"", "\"a\"") && matches("\"x\", \"a\"", "\"a\""));
        assert!(matches("*", "\"a\""));
        assert!(!matches("\"b\"", "\"a\"") && !matches("", "\"a\""));
    }
}
