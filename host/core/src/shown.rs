//! Texts of strangers in messages of ours.

use std::borrow::Cow;

/// Longest part of a foreign text that a message repeats, bytes: enough to know it again.
pub const SHOWN_BYTES_MAX: usize = 200;

/// A foreign text as a message may repeat it: its beginning, with `…` where something is missing.
pub fn shown(text: &str) -> Cow<'_, str> {
    cut(text, SHOWN_BYTES_MAX)
}

/// The beginning of a text, with `…` where something is missing: so many bytes at most, and the sign.
pub fn cut(text: &str, bytes_max: usize) -> Cow<'_, str> {
    match text.len() <= bytes_max {
        true => Cow::Borrowed(text),
        false => Cow::Owned(format!("{}…", &text[..text.floor_char_boundary(bytes_max)])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_signs() {
        assert_eq!(shown("name"), "name");
        let whole = "x".repeat(SHOWN_BYTES_MAX);
        assert_eq!(shown(&whole), whole);
        let long = format!("{}ü and more", "x".repeat(SHOWN_BYTES_MAX - 1));
        assert_eq!(shown(&long), format!("{}…", "x".repeat(SHOWN_BYTES_MAX - 1)));
    }
}
