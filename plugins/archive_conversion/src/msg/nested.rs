//! A storage within the file as a file of its own: a message that was attached, or a document of Office.

use super::storage::{File, PROPERTIES};
use crate::failures::refused;
use cfb::CompoundFile;
use morag_step::Refused;
use std::io::{Cursor, Write};

/// Storages within each other. A message within a message takes two, and the host converts documents two deep.
const DEPTH_MAX: usize = 8;
/// What a storage holds in all: a message has some hundred streams, and twenty for each attachment and receiver.
const ENTRIES_MAX: usize = 50_000;
/// Bytes of a copy. It is held up to three times while it is made, beside the source, in a step of 512 MiB.
const BYTES_MAX: usize = 64 << 20;
/// Where the properties of a message that is a file have eight bytes more than those of one within another (MS-OXMSG 2.4.1).
const HEADER_GAP: usize = 24;

/// Copies a storage. What is beyond a limit is left out, and said in `warnings`.
///
/// # Errors
/// Why it cannot be copied.
pub fn copy(file: &File<'_>, storage: &str, warnings: &mut Vec<String>) -> Result<Vec<u8>, Refused> {
    copy_of(file, storage, ENTRIES_MAX, warnings)
}

fn copy_of(file: &File<'_>, storage: &str, entries_max: usize, warnings: &mut Vec<String>) -> Result<Vec<u8>, Refused> {
    // It is written to memory, which does not fail.
    let unwritten = |error: std::io::Error| refused("CORRUPT_DOCUMENT", error.to_string());
    let mut copy = CompoundFile::create(Cursor::new(Vec::new())).map_err(unwritten)?;
    let (mut left, mut size) = (entries_max, 0);
    let (mut is_too_deep, mut has_more) = (false, false);
    let mut storages = vec![(storage.to_owned(), String::new(), 0)];
    while let Some((from, to, depth)) = storages.pop() {
        let mut entries = file.entries(&from, left + 1);
        has_more |= entries.len() > left;
        entries.truncate(left);
        left -= entries.len();
        for entry in entries {
            let [from, to] = [&from, &to].map(|path| format!("{path}/{}", entry.name));
            // What the copy cannot have, because its name is none, is left out.
            if entry.is_storage {
                is_too_deep |= depth == DEPTH_MAX;
                if depth < DEPTH_MAX && copy.create_storage(&to).is_ok() {
                    storages.push((from, to, depth + 1));
                }
            } else if let Some(bytes) = file.stream(&from, u64::MAX)
                && let Ok(mut stream) = copy.create_stream(&to)
            {
                size += bytes.len();
                if size > BYTES_MAX {
                    let why = format!("a message within a message has more than {BYTES_MAX} bytes");
                    return Err(refused("DOCUMENT_TOO_LARGE", why));
                }
                let gap = if depth == 0 && entry.name == PROPERTIES { HEADER_GAP.min(bytes.len()) } else { 0 };
                let (before, after) = bytes.split_at(gap);
                let added: &[u8] = if gap > 0 { &[0; 8] } else { &[] };
                for bytes in [before, added, after] {
                    stream.write_all(bytes).map_err(unwritten)?;
                }
            }
        }
    }
    copy.flush().map_err(unwritten)?;
    if left == entries_max {
        return Err(refused("CORRUPT_DOCUMENT", "there is nothing in it"));
    }
    if is_too_deep {
        warnings.push(format!(
            "a message within the message is cut: what is more than {DEPTH_MAX} storages deep in it is left out"
        ));
    }
    if has_more {
        warnings.push(format!(
            "a message within the message is cut: it has more than {entries_max} streams and storages, and the rest is left out"
        ));
    }
    let mut copy = copy.into_inner().into_inner();
    copy.shrink_to_fit();
    Ok(copy)
}

#[cfg(test)]
mod tests {
    use super::super::testdata::Message;
    use super::*;
    use morag_conversion::ole::Ole;

    #[test]
    fn what_is_beyond_the_number_of_entries_is_said() {
        let bytes = Message::of("outer", "t").with_message(Message::of("inner", "t")).file();
        let file = File::open(&bytes).unwrap();
        let copied = |entries_max| {
            let mut warnings = Vec::new();
            let copy =
                copy_of(&file, "/__attach_version1.0_#00000000/__substg1.0_3701000D", entries_max, &mut warnings);
            (Ole::open(&copy.unwrap()).unwrap().entries("/", 99).len(), warnings)
        };
        // Its properties, and streams of three of them.
        assert_eq!(copied(4), (4, Vec::new()));
        let (entries, warnings) = copied(3);
        assert_eq!(entries, 3);
        assert!(warnings.len() == 1 && warnings[0].contains("more than 3 streams"), "{warnings:?}");
    }
}
