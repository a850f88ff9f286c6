//! Compressed Rich Text (MS-OXRTFCP): references into a dictionary of the last 4 KiB, which begins with what most documents begin with.

use morag_conversion::ole::bytes::u32_at;

/// What the dictionary holds at first.
const START: &[u8; 207] = b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor \
MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx";
/// Bytes of the dictionary; references have 12 bits.
const DICTIONARY_BYTES: usize = 4096;
/// Bytes of the header: two sizes, the kind, a checksum. The sizes and the checksum are not believed: the text has its own end, and what a
/// damaged one still holds is wanted.
const HEADER_BYTES: usize = 16;
const COMPRESSED: u32 = u32::from_le_bytes(*b"LZFu");
const PLAIN: u32 = u32::from_le_bytes(*b"MELA");

/// Rich Text, and whether its end was found.
#[derive(Debug, PartialEq, Eq)]
pub struct Unpacked {
    /// The text.
    pub bytes: Vec<u8>,
    /// Whether it is whole.
    pub is_whole: bool,
}

/// Unpacks at most `bytes_max` bytes; a byte becomes nine at most. None for what is not of this kind.
pub fn unpack(packed: &[u8], bytes_max: usize) -> Option<Unpacked> {
    let content = packed.get(HEADER_BYTES..)?;
    match u32_at(packed, 8)? {
        PLAIN => {
            let len = usize::try_from(u32_at(packed, 4)?).unwrap_or(usize::MAX);
            let bytes = content[..content.len().min(len).min(bytes_max)].to_vec();
            Some(Unpacked { is_whole: bytes.len() == len, bytes })
        }
        COMPRESSED => Some(expand(content, bytes_max)),
        _ => None,
    }
}

fn expand(packed: &[u8], bytes_max: usize) -> Unpacked {
    let mut dictionary = [0; DICTIONARY_BYTES];
    dictionary[..START.len()].copy_from_slice(START);
    let mut at = START.len();
    let mut bytes = Vec::new();
    let mut rest = packed.iter().copied();
    while let Some(control) = rest.next() {
        for bit in 0..8 {
            if bytes.len() >= bytes_max {
                return Unpacked { bytes, is_whole: false };
            }
            let Some(first) = rest.next() else { return Unpacked { bytes, is_whole: false } };
            let (from, len) = if control & 1 << bit == 0 {
                dictionary[at] = first;
                (at, 1)
            } else {
                let Some(second) = rest.next() else { return Unpacked { bytes, is_whole: false } };
                let reference = usize::from(u16::from_be_bytes([first, second]));
                (reference >> 4, (reference & 0xf) + 2)
            };
            // A reference to the place that is written next is the end.
            if control & 1 << bit != 0 && from == at {
                return Unpacked { bytes, is_whole: true };
            }
            for offset in 0..len {
                let byte = dictionary[(from + offset) % DICTIONARY_BYTES];
                dictionary[at] = byte;
                at = (at + 1) % DICTIONARY_BYTES;
                bytes.push(byte);
            }
        }
    }
    Unpacked { bytes, is_whole: false }
}

/// Packs as letters alone, for tests.
#[cfg(test)]
pub fn pack(text: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    let mut at = START.len();
    for letters in text.chunks(8) {
        // The end is a reference, after the last letter.
        content.push(if letters.len() < 8 { 1 << letters.len() } else { 0 });
        content.extend(letters);
        at = (at + letters.len()) % DICTIONARY_BYTES;
    }
    if text.len().is_multiple_of(8) {
        content.push(1);
    }
    content.extend(((at as u16) << 4).to_be_bytes());
    let size = content.len() as u32 + 12;
    [&size.to_le_bytes()[..], &(text.len() as u32).to_le_bytes(), b"LZFu", &[0; 4], &content].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The examples of the specification (MS-OXRTFCP 4.1 and 4.2).
    const EXAMPLES: [(&[u8], &str); 2] = [
        (
            b"\x2d\0\0\0\x2b\0\0\0LZFu\xf1\xc5\xc7\xa7\x03\0\x0a\0rcpg125B2\x0a\xf3 hel\x09\0 bw\x05\xb0ld}\x0a\x80\x0f\xa0",
            "{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n",
        ),
        (b"\x1a\0\0\0\x1c\0\0\0LZFu\xe2\xd4\x4b\x51\x41\0\x04 WXYZ\x0dn}\x01\x0e\xb0", "{\\rtf1 WXYZWXYZWXYZWXYZWXYZ}"),
    ];

    #[test]
    fn the_examples_of_the_specification() {
        for (packed, text) in EXAMPLES {
            let unpacked = unpack(packed, 1 << 20).unwrap();
            assert_eq!((String::from_utf8(unpacked.bytes).unwrap().as_str(), unpacked.is_whole), (text, true));
        }
    }

    #[test]
    fn sizes_that_lie_change_nothing() {
        let (packed, text) = EXAMPLES[0];
        for size in [0u32, 1, u32::MAX] {
            let mut packed = packed.to_vec();
            packed[..4].copy_from_slice(&size.to_le_bytes());
            packed[4..8].copy_from_slice(&size.to_le_bytes());
            assert_eq!(unpack(&packed, 1 << 20).unwrap().bytes, text.as_bytes());
        }
        let plain = [&[0; 4][..], &u32::MAX.to_le_bytes(), b"MELA", &[0; 4], b"{\\rtf1 a}"].concat();
        assert_eq!(unpack(&plain, 1 << 20), Some(Unpacked { bytes: b"{\\rtf1 a}".to_vec(), is_whole: false }));
    }

    #[test]
    fn what_is_cut_or_of_another_kind() {
        let (packed, text) = EXAMPLES[0];
        let cut = unpack(&packed[..packed.len() - 12], 1 << 20).unwrap();
        assert!(!cut.is_whole && text.as_bytes().starts_with(&cut.bytes) && cut.bytes.len() > 20);
        assert_eq!(unpack(&packed[..15], 1 << 20), None);
        assert_eq!(unpack(&[0; 40], 1 << 20), None);
    }

    #[test]
    fn a_text_that_repeats_itself_ends_at_the_limit() {
        // References of seventeen bytes each to what was just written.
        let content = [0xff, 0, 0xf, 0, 0xf, 0, 0xf, 0, 0xf, 0, 0xf, 0, 0xf, 0, 0xf, 0, 0xf].repeat(1000);
        let packed = [&[0; 8][..], b"LZFu", &[0; 4], &content].concat();
        let all = unpack(&packed, usize::MAX).unwrap().bytes.len();
        assert!(all <= packed.len() * 9, "{all}");
        let unpacked = unpack(&packed, 1000).unwrap();
        assert!(!unpacked.is_whole && unpacked.bytes.len() < 1000 + 18);
    }

    proptest! {
        #[test]
        fn what_was_packed_is_unpacked(text in proptest::collection::vec(any::<u8>(), 0..9000)) {
            prop_assert_eq!(unpack(&pack(&text), usize::MAX), Some(Unpacked { bytes: text, is_whole: true }));
        }

        #[test]
        fn any_bytes_become_few(content in proptest::collection::vec(any::<u8>(), 0..600)) {
            let packed = [&[0; 8][..], b"LZFu", &[0; 4], &content].concat();
            prop_assert!(unpack(&packed, usize::MAX).unwrap().bytes.len() <= content.len() * 9);
        }
    }
}
