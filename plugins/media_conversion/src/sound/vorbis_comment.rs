//! Vorbis comments: tags of Ogg and FLAC.

use super::Tags;
use crate::input::le32;

/// Comments that are looked at: files have a few dozen.
const COMMENTS_MAX: usize = 1000;

/// Reads tags: a program's name, then `NAME=value` each, every text after its length.
pub fn read(bytes: &[u8], tags: &mut Tags) {
    let Some((vendor, mut rest)) = text(bytes) else { return };
    tags.set("encoder", &String::from_utf8_lossy(vendor));
    let count = le32(rest, 0) as usize;
    rest = rest.get(4..).unwrap_or_default();
    for _ in 0..count.min(COMMENTS_MAX) {
        let Some((comment, after)) = text(rest) else { return };
        rest = after;
        let comment = String::from_utf8_lossy(comment);
        if let Some((name, value)) = comment.split_once('=') {
            tags.set(name, value);
        }
    }
}

/// A text after its length, and what follows it.
fn text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let len = le32(bytes.get(..4)?, 0) as usize;
    bytes[4..].split_at_checked(len)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Comments as a file has them.
    pub(crate) fn written(comments: &[&str]) -> Vec<u8> {
        let text = |text: &str| [&(text.len() as u32).to_le_bytes(), text.as_bytes()].concat();
        let mut bytes = [text("maker"), (comments.len() as u32).to_le_bytes().to_vec()].concat();
        comments.iter().for_each(|comment| bytes.extend(text(comment)));
        bytes
    }

    #[test]
    fn comments_are_tags_and_lengths_that_lie_end_them() {
        let mut bytes = written(&["TITLE=A talk", "artist=Jane", "ARTIST=John", "odd", "DATE=2024"]);
        let mut tags = Tags::default();
        read(&bytes, &mut tags);
        assert_eq!((tags.title.as_deref(), tags.artist.as_deref()), (Some("A talk"), Some("Jane")));
        assert_eq!((tags.date.as_deref(), tags.encoder.as_deref()), (Some("2024"), Some("maker")));
        bytes[9..13].copy_from_slice(&u32::MAX.to_le_bytes());
        bytes[13..17].copy_from_slice(&u32::MAX.to_le_bytes());
        let mut tags = Tags::default();
        read(&bytes, &mut tags);
        assert_eq!(tags.title, None);
    }
}
