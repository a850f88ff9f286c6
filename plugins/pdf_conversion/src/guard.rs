//! What the parser would exhaust its stack on, or read half of without a word, is refused before it is parsed.

use morag_conversion::failures;
use morag_conversion::formats;
use morag_step::Failure;

/// Arrays and dictionaries within each other. Writers of PDF nest under 20; the parser recurses, and a step's stack is
/// 512 KiB. What is nested within compressed streams is not seen here: the sandbox stops that.
const DEPTH_MAX: usize = 200;

/// Bytes at the end within which a whole file has its trailer: Acrobat takes 1,024, and mail gateways append some lines.
const TAIL_BYTES: usize = 4096;

/// Looks at the end of the file, and at the objects outside of streams.
///
/// # Errors
/// `CORRUPT_DOCUMENT` when the file was cut off (what pages are left could be read, but nobody would know that some are
/// missing), or when its objects are nested too deep.
pub fn check(bytes: &[u8]) -> Result<(), Failure> {
    let tail = &bytes[bytes.len().saturating_sub(TAIL_BYTES)..];
    if find(tail, b"startxref").is_none() && find(tail, b"%%EOF").is_none() {
        return Err(failures::corrupt(
            &formats::PDF,
            "its end is missing, so it was cut off: send the whole file again",
        ));
    }
    if depth(bytes) > DEPTH_MAX {
        return Err(failures::corrupt(
            &formats::PDF,
            format_args!("its objects are nested more than {DEPTH_MAX} levels deep"),
        ));
    }
    Ok(())
}

/// The deepest nesting of `[` and `<<`, up to one past the limit. Strings and comments do not count; each object starts
/// anew, so that rubbish between objects does not add up.
fn depth(bytes: &[u8]) -> usize {
    let (mut depth, mut deepest, mut at) = (0usize, 0usize, 0usize);
    while let Some(byte) = bytes.get(at) {
        let rest = &bytes[at..];
        at += match byte {
            b'[' => {
                depth += 1;
                1
            }
            b']' => {
                depth = depth.saturating_sub(1);
                1
            }
            b'<' if rest.starts_with(b"<<") => {
                depth += 1;
                2
            }
            b'>' if rest.starts_with(b">>") => {
                depth = depth.saturating_sub(1);
                2
            }
            b'(' => string_len(rest),
            b'%' => rest.iter().position(|b| matches!(b, b'\n' | b'\r')).unwrap_or(rest.len()),
            b's' if rest.starts_with(b"stream") => find(rest, b"endstream").map_or(6, |end| end + 9),
            b'e' if rest.starts_with(b"endobj") => {
                depth = 0;
                6
            }
            _ => 1,
        };
        deepest = deepest.max(depth);
        if deepest > DEPTH_MAX {
            break;
        }
    }
    deepest
}

/// Length of a string in parentheses; one that does not end within what any string has counts as one byte.
fn string_len(bytes: &[u8]) -> usize {
    // The longest strings of PDFs are signatures, of some 64 KiB.
    const BYTES_MAX: usize = 1 << 20;
    let (mut depth, mut at) = (0usize, 0usize);
    while let Some(byte) = bytes.get(at).filter(|_| at < BYTES_MAX) {
        match byte {
            b'\\' => at += 1,
            b'(' => depth += 1,
            b')' if depth == 1 => return at + 1,
            b')' => depth -= 1,
            _ => {}
        }
        at += 1;
    }
    1
}

pub(super) fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    let first = *needle.first()?;
    let mut at = 0;
    while let Some(next) = haystack.get(at..)?.iter().position(|byte| *byte == first) {
        at += next;
        if haystack[at..].starts_with(needle) {
            return Some(at);
        }
        at += 1;
    }
    None
}

/// Bytes in which a PDF's header may stand, as readers of PDF have it (ISO 32000, annex on conformance of readers).
const HEADER_BYTES: usize = 1024;

/// Whether the bytes have a PDF's header where it may stand.
pub fn has_header(bytes: &[u8]) -> bool {
    find(&bytes[..bytes.len().min(HEADER_BYTES)], b"%PDF-").is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_comments_and_streams_do_not_count() {
        assert_eq!(depth(b"<</A[1[2]]>>"), 3);
        assert_eq!(depth(b"[([[[ \\( (nested) [[) ] % [[[[\n[]"), 1);
        assert_eq!(depth(b"<</L 3>>stream\n[[[[[endstream [[ endobj [["), 2);
        assert_eq!(depth(b"stream [[["), 3);
        assert_eq!(depth(&b"[".repeat(9_000)), DEPTH_MAX + 1);
    }

    #[test]
    fn many_open_strings_take_linear_time() {
        // Each `(` is looked through for at most a fixed length.
        assert_eq!(depth(&b"(".repeat(1 << 12)), 0);
    }
}
