//! What a camera says of a picture, in EXIF.

use crate::input::{be16, be32, le16, le32};
use morag_conversion::document::property;
use morag_conversion::{Properties, dates};

/// Entries of a directory that are looked at; cameras write a few dozen.
const ENTRIES_MAX: usize = 500;

const SOFTWARE: u16 = 0x0131;
const CHANGED: u16 = 0x0132;
const ARTIST: u16 = 0x013B;
const MORE: u16 = 0x8769;
const TAKEN: u16 = 0x9003;

/// Reads who took a picture and when.
pub(super) fn properties(exif: &[u8]) -> Properties {
    let exif = exif.strip_prefix(b"Exif\0\0").unwrap_or(exif);
    let is_little = exif.starts_with(b"II");
    let reader = Directory { exif, is_little };
    let mut properties = Properties::default();
    let mut more = None;
    reader.entries(reader.four(4), |tag, value| match tag {
        SOFTWARE => properties.creator = reader.text(value),
        CHANGED => properties.modification_date = reader.text(value).as_deref().and_then(date),
        ARTIST => properties.author = reader.text(value),
        MORE => more = Some(reader.four(value + 8)),
        _ => {}
    });
    // A directory of its own; those within it are not followed.
    if let Some(more) = more {
        reader.entries(more, |tag, value| {
            if tag == TAKEN {
                properties.creation_date = reader.text(value).as_deref().and_then(date);
            }
        });
    }
    properties
}

/// A date as EXIF writes it: `2024:01:10 12:30:00`, without a zone, so its time says nothing.
pub(super) fn date(text: &str) -> Option<String> {
    dates::iso(&text.get(..10)?.replace(':', "-"))
}

struct Directory<'a> {
    exif: &'a [u8],
    is_little: bool,
}

impl Directory<'_> {
    fn two(&self, at: usize) -> u16 {
        if self.is_little { le16(self.exif, at) } else { be16(self.exif, at) }
    }

    fn four(&self, at: usize) -> usize {
        (if self.is_little { le32(self.exif, at) } else { be32(self.exif, at) }) as usize
    }

    /// Calls `found` with the tag of each entry and the entry's place.
    fn entries(&self, at: usize, mut found: impl FnMut(u16, usize)) {
        let count = usize::from(self.two(at)).min(ENTRIES_MAX);
        for index in 0..count {
            let entry = at.saturating_add(2 + index * 12);
            if entry.saturating_add(12) <= self.exif.len() {
                found(self.two(entry), entry);
            }
        }
    }

    /// The text of an entry.
    fn text(&self, entry: usize) -> Option<String> {
        let len = self.four(entry + 4);
        let at = if len <= 4 { entry + 8 } else { self.four(entry + 8) };
        let bytes = self.exif.get(at..at.checked_add(len)?)?;
        let bytes = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
        property(&String::from_utf8_lossy(bytes))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// EXIF of a picture taken on 2024-01-10 and turned by 90 degrees.
    pub(crate) fn exif() -> Vec<u8> {
        let entry = |tag: u16, kind: u16, count: u32, value: u32| {
            [&tag.to_be_bytes()[..], &kind.to_be_bytes(), &count.to_be_bytes(), &value.to_be_bytes()].concat()
        };
        let mut bytes = [b"MM\0*", &8u32.to_be_bytes()[..], &3u16.to_be_bytes()].concat();
        bytes.extend(entry(0x0112, 3, 1, 6 << 16));
        bytes.extend(entry(ARTIST, 2, 5, 68));
        bytes.extend(entry(MORE, 4, 1, 50));
        bytes.extend([0; 4]);
        bytes.extend(1u16.to_be_bytes());
        bytes.extend(entry(TAKEN, 2, 20, 73));
        bytes.extend([0; 4]);
        bytes.extend(b"Jane\02024:01:10 12:30:00\0");
        bytes
    }

    #[test]
    fn who_took_a_picture_and_when() {
        let properties = properties(&exif());
        assert_eq!(properties.author.as_deref(), Some("Jane"));
        assert_eq!(properties.creation_date.as_deref(), Some("2024-01-10"));
    }

    proptest! {
        #[test]
        fn any_bytes(at in any::<prop::sample::Index>(), byte in any::<u8>(), rest in proptest::collection::vec(any::<u8>(), 0..99)) {
            let mut bytes = exif();
            let len = bytes.len();
            bytes[at.index(len)] = byte;
            let _ = (properties(&bytes), properties(&bytes[..at.index(len)]), properties(&[&b"II*\0"[..], &rest].concat()));
        }
    }
}
