//! Bytes to text. There is no failure: every byte sequence is some text, and the label says how it was read.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// Bytes that the statistics look at; more does not change their answer.
const SAMPLE_BYTES: usize = 64 << 10;

/// Text and the label of the encoding it was in. `declared` is what the document itself claims, if anything.
pub fn decode(bytes: &[u8], declared: Option<&str>) -> (String, String) {
    if let Some((text, label)) = utf_32(bytes) {
        return (text, label);
    }
    let encoding = detect(bytes, declared);
    // `decode` follows a byte-order mark, which `detect` has looked at already, and leaves it out of the text.
    let (text, used, _) = encoding.decode(bytes);
    (text.into_owned(), used.name().to_ascii_lowercase())
}

fn detect(bytes: &[u8], declared: Option<&str>) -> &'static Encoding {
    if let Some((encoding, _)) = Encoding::for_bom(bytes) {
        return encoding;
    }
    if let Some(encoding) = utf_16_without_mark(bytes) {
        return encoding;
    }
    if mostly_utf_8(bytes) {
        return UTF_8;
    }
    // A document in UTF-16 that declares an encoding in ASCII letters is not in UTF-16.
    let declared = declared.and_then(|label| Encoding::for_label(label.as_bytes()));
    if let Some(encoding) = declared.filter(|encoding| encoding.is_ascii_compatible() && *encoding != UTF_8) {
        return encoding;
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(&bytes[..bytes.len().min(SAMPLE_BYTES)], true);
    detector.guess(None, Utf8Detection::Deny)
}

/// Valid UTF-8, or UTF-8 with a few bad bytes: cut at the end, or damaged. Other encodings hold hardly any valid
/// sequence of several bytes by chance, so these must outnumber the bad ones well.
fn mostly_utf_8(bytes: &[u8]) -> bool {
    let (mut sequences, mut bad) = (0usize, 0usize);
    let mut rest = bytes;
    loop {
        match std::str::from_utf8(rest) {
            Ok(valid) => {
                sequences += valid.chars().filter(|c| !c.is_ascii()).count();
                return bad == 0 || sequences >= bad * 10;
            }
            Err(error) => {
                let (valid, after) = rest.split_at(error.valid_up_to());
                sequences += String::from_utf8_lossy(valid).chars().filter(|c| !c.is_ascii()).count();
                match error.error_len() {
                    // An incomplete sequence at the very end.
                    None => return sequences > 0 && sequences >= bad * 10,
                    Some(len) => rest = &after[len..],
                }
                bad += 1;
            }
        }
    }
}

/// UTF-16 of mostly Latin text has a zero in nearly every second byte, and hardly any elsewhere.
fn utf_16_without_mark(bytes: &[u8]) -> Option<&'static Encoding> {
    let sample = &bytes[..bytes.len().min(SAMPLE_BYTES)];
    let units = sample.len() / 2;
    // Two characters at least: less tells nothing.
    if units < 2 {
        return None;
    }
    let zeros = |from: usize| sample.iter().skip(from).step_by(2).take(units).filter(|byte| **byte == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    let (many, few) = (units * 2 / 5, units / 20);
    if odd > many && even <= few {
        Some(UTF_16LE)
    } else if even > many && odd <= few {
        Some(UTF_16BE)
    } else {
        None
    }
}

fn utf_32(bytes: &[u8]) -> Option<(String, String)> {
    let (read, label): (fn([u8; 4]) -> u32, _) = match bytes {
        // Also UTF-16LE that begins with U+0000, which no text does.
        [0xff, 0xfe, 0, 0, ..] => (u32::from_le_bytes, "utf-32le"),
        [0, 0, 0xfe, 0xff, ..] => (u32::from_be_bytes, "utf-32be"),
        _ => return None,
    };
    let units = bytes[4..].chunks_exact(4).map(|unit| read([unit[0], unit[1], unit[2], unit[3]]));
    Some((units.map(|unit| char::from_u32(unit).unwrap_or('\u{fffd}')).collect(), label.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn utf_16(text: &str, little: bool) -> Vec<u8> {
        text.encode_utf16().flat_map(|unit| if little { unit.to_le_bytes() } else { unit.to_be_bytes() }).collect()
    }

    #[test]
    fn utf_16_with_and_without_a_mark() {
        for (little, label) in [(true, "utf-16le"), (false, "utf-16be")] {
            assert_eq!(decode(&utf_16("\u{feff}Grüße", little), None), ("Grüße".into(), label.into()));
            assert_eq!(decode(&utf_16("Viele Grüße", little), None), ("Viele Grüße".into(), label.into()));
        }
    }

    #[test]
    fn western_text_of_one_byte_a_letter() {
        let (bytes, _, _) = encoding_rs::WINDOWS_1252.encode("Schöne Grüße aus Köln, “quoted” und 5 €.");
        let text = "Schöne Grüße aus Köln, “quoted” und 5 €.";
        assert_eq!(decode(&bytes, None), (text.into(), "windows-1252".into()));
        assert_eq!(decode(b"caf\xe9", None), ("café".into(), "windows-1252".into()));
    }

    #[test]
    fn japanese_and_cyrillic() {
        let text = "名前,年齢,住所\n佐藤太郎,30,東京\n三木英子,25,大阪\n";
        let (bytes, _, _) = encoding_rs::SHIFT_JIS.encode(text);
        assert_eq!(decode(&bytes, None), (text.into(), "shift_jis".into()));
        let text = "Привет, это обычный русский текст в старой кодировке.";
        let (bytes, _, _) = encoding_rs::WINDOWS_1251.encode(text);
        assert_eq!(decode(&bytes, None), (text.into(), "windows-1251".into()));
    }

    #[test]
    fn what_the_document_declares_counts_where_bytes_leave_it_open() {
        let (bytes, _, _) = encoding_rs::ISO_8859_2.encode("Žluťoučký kůň");
        assert_eq!(decode(&bytes, Some("iso-8859-2")).0, "Žluťoučký kůň");
        // UTF-8 that claims to be something else is still UTF-8.
        assert_eq!(decode("Žluťoučký".as_bytes(), Some("iso-8859-1")).0, "Žluťoučký");
    }

    #[test]
    fn damaged_utf_8_stays_utf_8() {
        let mut bytes = "Žluťoučký kůň úpěl ďábelské ódy".as_bytes().to_vec();
        bytes.truncate(bytes.len() - 2);
        assert_eq!(decode(&bytes, None).1, "utf-8");
        let mut cut = "é aaaaé".as_bytes().to_vec();
        cut.pop();
        assert_eq!(decode(&cut, None).1, "utf-8");
    }

    #[test]
    fn utf_32_by_its_mark() {
        let bytes: Vec<u8> = "\u{feff}añ".chars().flat_map(|c| (c as u32).to_le_bytes()).collect();
        assert_eq!(decode(&bytes, None), ("añ".into(), "utf-32le".into()));
    }

    proptest! {
        #[test]
        fn every_byte_sequence_is_some_text(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let (_, label) = decode(&bytes, None);
            prop_assert!(!label.is_empty());
        }

        #[test]
        fn utf_8_comes_back_as_it_is(text in "[^\u{0}\u{feff}]{0,60}") {
            prop_assert_eq!(decode(text.as_bytes(), None), (text, "utf-8".into()));
        }
    }
}
