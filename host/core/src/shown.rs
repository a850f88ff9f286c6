//! Untrusted text in messages.

use std::borrow::Cow;

/// Maximum bytes of untrusted text repeated in a message: enough to recognise it.
pub const SHOWN_BYTES_MAX: usize = 200;

/// Shortens an untrusted text for a message, with `…` at the cut.
pub fn shown(text: &str) -> Cow<'_, str> {
    cut(text, SHOWN_BYTES_MAX)
}

/// Cuts a text to at most `bytes_max` bytes, followed by `…` if anything is missing.
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
