//! What the parser would exhaust its stack on, or read half of without a word, is refused before it is parsed.

use morag_conversion::failures;
use morag_conversion::formats;
use morag_step::Failure;
use std::collections::HashMap;

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
    Scan::of(bytes).deepest
}

/// One pass over a file.
#[derive(Default)]
struct Scan<'a> {
    bytes: &'a [u8],
    deepest: usize,
    /// Bytes that were looked at: for tests, which see by it that time grows as the file does.
    looked_at: usize,
    /// No stream ends from here on.
    no_stream_end: bool,
    /// Strings that begin before this place were looked through when an outer one had no end.
    strings_known_before: usize,
    /// Of those, the ones that do end: where they begin, and after their end.
    strings: HashMap<usize, usize>,
}

impl<'a> Scan<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        let mut scan = Self { bytes, ..Self::default() };
        scan.run();
        scan
    }

    fn run(&mut self) {
        let (mut depth, mut at) = (0usize, 0usize);
        while let Some(byte) = self.bytes.get(at) {
            let rest = &self.bytes[at..];
            self.looked_at += 1;
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
                b'(' => self.string_len(at),
                b'%' => rest.iter().position(|b| matches!(b, b'\n' | b'\r')).unwrap_or(rest.len()),
                b's' if rest.starts_with(b"stream") => self.stream_len(at),
                b'e' if rest.starts_with(b"endobj") => {
                    depth = 0;
                    6
                }
                _ => 1,
            };
            self.deepest = self.deepest.max(depth);
            if self.deepest > DEPTH_MAX {
                break;
            }
        }
    }

    /// Length of a stream that begins here; one that does not end counts as its first word.
    fn stream_len(&mut self, at: usize) -> usize {
        if self.no_stream_end {
            return 6;
        }
        let rest = &self.bytes[at..];
        let end = find(rest, b"endstream");
        self.looked_at += end.unwrap_or(rest.len());
        self.no_stream_end = end.is_none();
        end.map_or(6, |end| end + 9)
    }

    /// Length of a string in parentheses; one that does not end within what any string has counts as one byte.
    fn string_len(&mut self, start: usize) -> usize {
        // The longest strings of PDFs are signatures, of some 64 KiB.
        const BYTES_MAX: usize = 1 << 20;
        if start < self.strings_known_before {
            return self.strings.get(&start).map_or(1, |end| end - start);
        }
        let (mut open, mut at) = (Vec::new(), start);
        let last = self.bytes.len().min(start + BYTES_MAX);
        self.strings.clear();
        while at < last {
            self.looked_at += 1;
            match self.bytes[at] {
                b'\\' => at += 1,
                b'(' => open.push(at),
                b')' => {
                    let Some(begin) = open.pop() else { break };
                    if open.is_empty() {
                        return at + 1 - start;
                    }
                    self.strings.insert(begin, at + 1);
                }
                _ => {}
            }
            at += 1;
        }
        // One that begins near the end of what was looked through may end after it: it is looked at anew, and no other is.
        let may_end = if last == self.bytes.len() { 0 } else { BYTES_MAX / 16 };
        self.strings_known_before = last - may_end;
        1
    }
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
    fn what_has_no_end_is_looked_for_once() {
        let times = |word: &[u8], count: usize| {
            let bytes = word.repeat(count);
            let scan = Scan::of(&bytes);
            assert_eq!(scan.deepest, 0);
            (scan.looked_at, bytes.len())
        };
        for word in [&b"stream "[..], b"(", b"((a)", b"(\\)", b"( stream\n", b"stream endstream (", b"% ("] {
            for count in [1 << 10, 1 << 18] {
                let (looked_at, len) = times(word, count);
                assert!(looked_at <= 3 * len, "{looked_at} of {len} bytes: {:?}", word.escape_ascii().to_string());
            }
        }
    }

    #[test]
    fn strings_after_one_without_end_are_strings() {
        assert_eq!(depth(b"( [ ([[[[) (([[[[) [[[) ( ["), 2);
        // What begins near the end of what is looked through is looked at anew.
        let far = [&b"("[..], &b" ".repeat((1 << 20) - 10), b"([[[[[[[[[[[[[[[[[[)", b"["].concat();
        assert_eq!(depth(&far), 1);
    }
}
