//! The text of an XML part.

use morag_conversion::encoding;

/// Bytes in which an encoding is declared: the declaration is the first thing in the file.
const DECLARATION_BYTES: usize = 200;

/// The part as text: UTF-8 and UTF-16 by their marks, and else what its declaration names.
pub fn decode(bytes: Vec<u8>) -> String {
    let declared = declared(&bytes);
    if declared.as_deref().is_none_or(|label| label.eq_ignore_ascii_case("utf-8"))
        && !bytes.starts_with(b"\xff\xfe")
        && !bytes.starts_with(b"\xfe\xff")
        && !bytes.contains(&0)
    {
        return match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        };
    }
    encoding::decode(&bytes, declared.as_deref()).0
}

fn declared(bytes: &[u8]) -> Option<String> {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(DECLARATION_BYTES)]).into_owned();
    let declaration = head.strip_prefix("<?xml").and_then(|rest| rest.split_once("?>"))?.0;
    let (_, value) = declaration.split_once("encoding")?;
    let value = value.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    value[1..].split_once(quote).map(|(label, _)| label.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_are_those_of_the_marks_and_of_the_declaration() {
        assert_eq!(decode("<a>é</a>".into()), "<a>é</a>");
        let utf16: Vec<u8> = "\u{feff}<a>é</a>".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(decode(utf16).trim_start_matches('\u{feff}'), "<a>é</a>");
        assert!(decode(b"<?xml version='1.0' encoding='ISO-8859-1'?><a>\xe9</a>".to_vec()).ends_with("<a>é</a>"));
        assert_eq!(decode(b"a\xffb".to_vec()), "a\u{fffd}b");
    }
}
