//! What is looked at before a zip's directory is read: reading it takes memory by the number of its entries.

use std::io::Cursor;
use zip::ZipArchive;

/// Entries that are counted: some more than a document may have, since documents in the document have entries too.
const ENTRIES_MAX: usize = 100_000;
/// How an entry of the directory begins.
const SIGNATURE: &[u8] = b"PK\x01\x02";

/// Opens a zip, unless it has more entries than any document.
///
/// # Errors
/// Says what is wrong with it.
pub fn open(bytes: &[u8]) -> Result<ZipArchive<Cursor<&[u8]>>, String> {
    let entries = bytes.windows(SIGNATURE.len()).filter(|window| *window == SIGNATURE).count();
    if entries > ENTRIES_MAX {
        return Err(format!("it has {entries} parts, which is more than any document has"));
    }
    ZipArchive::new(Cursor::new(bytes)).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_without_end_is_not_read() {
        let mut bytes = b"PK\x03\x04".to_vec();
        (0..200_000).for_each(|_| bytes.extend(SIGNATURE));
        assert!(open(&bytes).unwrap_err().contains("parts"));
    }
}
