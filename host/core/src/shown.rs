//! Untrusted text in messages.

use std::borrow::Cow;

/// Maximum bytes of untrusted text repeated in a message: enough to recognise it.
pub const SHOWN_BYTES_MAX: usize = 200;

/// Shortens an untrusted text for a message, with `…` at the cut and `�` for what changes lines, colours or the direction of a terminal's
/// text.
pub fn shown(text: &str) -> Cow<'_, str> {
    let short = cut(text, SHOWN_BYTES_MAX);
    match short.chars().any(is_steering) {
        false => short,
        true => short.chars().map(|c| if is_steering(c) { char::REPLACEMENT_CHARACTER } else { c }).collect(),
    }
}

/// Whether a character steers how text is shown: control characters, and those that set its direction (Unicode, UAX 9).
fn is_steering(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
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
    fn what_steers_a_terminal_is_not_repeated() {
        assert_eq!(shown("a\nb\u{1b}[31m\u{202e}c"), "a�b�[31m�c");
        assert_eq!(shown("ä €"), "ä €");
    }

    #[test]
    fn a_long_text_is_cut_between_signs() {
        assert_eq!(shown("name"), "name");
        let whole = "x".repeat(SHOWN_BYTES_MAX);
        assert_eq!(shown(&whole), whole);
        let long = format!("{}ü and more", "x".repeat(SHOWN_BYTES_MAX - 1));
        assert_eq!(shown(&long), format!("{}…", "x".repeat(SHOWN_BYTES_MAX - 1)));
    }
}
