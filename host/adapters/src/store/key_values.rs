//! What both stores know alike of the keys of plugins.

use morag_core::ports::StoreError;

/// Where keys with a prefix that come after `after` begin, itself among them, and where they end, itself not.
pub(super) fn key_range(prefix: &str, after: Option<&str>) -> (Vec<u8>, Vec<u8>) {
    let from = match after {
        // The next text in the order of bytes.
        Some(after) if after >= prefix => [after.as_bytes(), b"\0"].concat(),
        _ => prefix.as_bytes().to_owned(),
    };
    // No byte of UTF-8 is 0xff, so it is behind every text that begins like this.
    (from, [prefix.as_bytes(), b"\xff"].concat())
}

/// A key as it was given.
pub(super) fn stored_key(key: Vec<u8>) -> Result<String, StoreError> {
    String::from_utf8(key).map_err(|_| StoreError::Corrupt("a key of a plugin is not UTF-8".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_the_prefix_and_what_comes_after() {
        let holds = |prefix: &str, after: Option<&str>, key: &str| {
            let (from, to) = key_range(prefix, after);
            from.as_slice() <= key.as_bytes() && key.as_bytes() < to.as_slice()
        };
        let keys = ["", "a", "a\u{1}", "aa", "ab", "a\u{10ffff}", "b", "ä", "\u{10ffff}"];
        for prefix in keys {
            for after in keys.iter().copied().map(Some).chain([None]) {
                for key in keys {
                    let meant = key.starts_with(prefix) && after.is_none_or(|after| key > after);
                    assert_eq!(holds(prefix, after, key), meant, "{prefix:?} {after:?} {key:?}");
                }
            }
        }
    }
}
