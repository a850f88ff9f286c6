//! Patterns with `*`.

/// Whether `pattern` matches the whole of `text`; `*` stands for any number of characters, including none. Only the last `*`
/// is backtracked to, so the time is at most the product of both lengths.
pub(crate) fn is_match(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut reached, mut star) = (0, 0, None);
    while reached < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, reached));
                at += 1;
            }
            Some(byte) if *byte == text[reached] => {
                at += 1;
                reached += 1;
            }
            _ => {
                let Some((place, taken)) = star else { return false };
                star = Some((place, taken + 1));
                at = place + 1;
                reached = taken + 1;
            }
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Reference implementation, straight from the definition.
    fn oracle(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, _) => text.is_empty(),
            (Some((b'*', rest)), None) => oracle(rest, text),
            (Some((b'*', rest)), Some((_, shorter))) => oracle(rest, text) || oracle(pattern, shorter),
            (Some((byte, rest)), Some((first, shorter))) => byte == first && oracle(rest, shorter),
            (Some(_), None) => false,
        }
    }

    proptest! {
        #[test]
        fn it_matches_what_the_definition_matches(pattern in "[ab*]{0,8}", text in "[ab]{0,8}") {
            prop_assert_eq!(is_match(pattern.as_bytes(), text.as_bytes()), oracle(pattern.as_bytes(), text.as_bytes()));
        }
    }
}
