//! The zip around a document, read under limits: what it claims about its sizes does not matter.

mod guard;
mod kind;
mod pictures;
mod properties;
mod relations;

pub use kind::{Kind, is_encrypted, kind};
pub use properties::{core, merge_core};
pub use relations::{Relations, resolve};

use crate::xml;
use morag_conversion::{Format, Images, failures};
use morag_step::Failure;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io::{Cursor, Read};
use zip::ZipArchive;
use zip::result::ZipError;

/// Bytes of one part. A tree of it takes about four times that in a step of 512 MiB.
const PART_BYTES_MAX: u64 = 48 << 20;
/// Bytes of all parts that are read, one after the other: what bounds the time.
const TOTAL_BYTES_MAX: u64 = 192 << 20;
/// How many times its size in the file a part may unpack to. Text packs 3 to 20 times, sheets of one value 100.
const RATIO_MAX: u64 = 200;
/// Up to here a part's ratio is not looked at: it cannot hurt.
const RATIO_FREE_BYTES: u64 = 1 << 20;
/// Entries of the zip. A document of a thousand pages with as many pictures has a few thousand.
const ENTRIES_MAX: usize = 20_000;

/// The zip of a document.
#[derive(Debug)]
pub struct Package<'a> {
    archive: RefCell<ZipArchive<Cursor<&'a [u8]>>>,
    /// Indices of the entries by their names in lower case: names of parts do not differ by case, but for the zip they do.
    names: HashMap<String, usize>,
    format: &'static Format,
    total: Cell<u64>,
    images: Option<&'a Images<'a>>,
    /// Bytes of pictures that were read.
    picture_bytes: Cell<usize>,
    warnings: RefCell<Vec<String>>,
}

impl<'a> Package<'a> {
    /// Opens a zip.
    ///
    /// # Errors
    /// `CORRUPT_DOCUMENT`, `DOCUMENT_TOO_LARGE`.
    pub fn open(bytes: &'a [u8], format: &'static Format) -> Result<Self, Failure> {
        let archive = guard::open(bytes).map_err(|error| failures::corrupt(format, error))?;
        if archive.len() > ENTRIES_MAX {
            let parts = archive.len();
            return Err(failures::too_large(format!("it has {parts} parts, and at most {ENTRIES_MAX} are read")));
        }
        let names =
            archive.file_names().zip(0..).filter_map(|(name, index)| Some((name.ok()?.to_ascii_lowercase(), index)));
        let names = names.collect();
        let (archive, warnings) = (RefCell::new(archive), RefCell::new(Vec::new()));
        Ok(Self { archive, names, format, total: Cell::new(0), images: None, picture_bytes: Cell::new(0), warnings })
    }

    /// Says what went wrong without stopping the conversion.
    pub fn warn(&self, warning: impl Into<String>) {
        // A document of nothing but damage says it a few times.
        const WARNINGS_MAX: usize = 50;
        let mut warnings = self.warnings.borrow_mut();
        if warnings.len() < WARNINGS_MAX {
            warnings.push(warning.into());
        }
    }

    /// What went wrong.
    pub fn warnings(&self) -> Vec<String> {
        self.warnings.take()
    }

    /// Damage that leaves nothing to convert.
    pub fn corrupt(&self, reason: impl std::fmt::Display) -> Failure {
        failures::corrupt(self.format, reason)
    }

    fn index(&self, name: &str) -> Option<usize> {
        self.names.get(&name.to_ascii_lowercase()).copied()
    }

    /// The first part by name with an extension, which is in lower case.
    pub fn first_with_extension(&self, extension: &str) -> Option<String> {
        self.names.keys().filter(|name| name.ends_with(extension)).min().cloned()
    }

    /// The bytes of a part; none where there is no such part.
    ///
    /// # Errors
    /// `DOCUMENT_TOO_LARGE`, `ENCRYPTED_DOCUMENT`, `CORRUPT_DOCUMENT`.
    pub fn bytes(&self, name: &str) -> Result<Option<Vec<u8>>, Failure> {
        let Some(index) = self.index(name) else { return Ok(None) };
        let mut archive = self.archive.borrow_mut();
        let mut entry = archive.by_index(index).map_err(|error| match error {
            ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) => failures::encrypted("document"),
            error => failures::corrupt(self.format, format_args!("{name}: {error}")),
        })?;
        // Read in pieces, so that only what was really unpacked is held.
        const PIECE_BYTES: usize = 64 << 10;
        let packed = entry.compressed_size().max(1);
        let mut part = Vec::new();
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            let read = match entry.read(&mut piece) {
                Ok(read) => read,
                // What was read before the damage is kept where it is something.
                Err(error) if !part.is_empty() => {
                    self.warn(format!("{name} is damaged ({error}): what comes after the damage is lost"));
                    return Ok(Some(part));
                }
                Err(error) => return Err(failures::corrupt(self.format, format_args!("{name}: {error}"))),
            };
            if read == 0 {
                return Ok(Some(part));
            }
            part.extend_from_slice(&piece[..read]);
            self.total.set(self.total.get() + read as u64);
            let size = part.len() as u64;
            if size > RATIO_FREE_BYTES && size / packed > RATIO_MAX {
                let why = format!("its part {name} unpacks to more than {RATIO_MAX} times its size");
                return Err(failures::too_large(why));
            }
            if size > PART_BYTES_MAX {
                return Err(failures::too_large(format!("its part {name} has more than {PART_BYTES_MAX} bytes")));
            }
            if self.total.get() > TOTAL_BYTES_MAX {
                return Err(failures::too_large(format!("its parts have more than {TOTAL_BYTES_MAX} bytes")));
            }
        }
    }

    /// The text of an XML part; none where there is no such part.
    ///
    /// # Errors
    /// Those of [`Package::bytes`].
    pub fn text(&self, name: &str) -> Result<Option<String>, Failure> {
        Ok(self.bytes(name)?.map(xml::decode))
    }

    /// The text of a part that the document can do without: where it is damaged, that is a warning.
    ///
    /// # Errors
    /// `DOCUMENT_TOO_LARGE`, `ENCRYPTED_DOCUMENT`.
    pub fn optional_text(&self, name: &str) -> Result<Option<String>, Failure> {
        match self.text(name) {
            Err(failure) if failure.code == "CORRUPT_DOCUMENT" => {
                self.warn(format!("{name} cannot be read and is left out: {}", failure.message));
                Ok(None)
            }
            other => other,
        }
    }

    /// The tree of an XML part's text. Damage in it is a warning.
    ///
    /// # Errors
    /// `CORRUPT_DOCUMENT` where its elements are nested too deep or too many.
    pub fn tree<'t>(&self, name: &str, text: &'t str) -> Result<xml::Tree<'t>, Failure> {
        let tree = xml::Tree::parse(text, xml::Flavour::Xml)
            .map_err(|reason| failures::corrupt(self.format, format_args!("{name}: {reason}")))?;
        if let Some(damage) = &tree.damage {
            self.warn(format!("{name} is damaged ({damage}): what comes after the damage is lost"));
        }
        Ok(tree)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use morag_conversion::formats;
    use morag_conversion::testdata::zip_of;

    #[test]
    fn a_part_that_unpacks_a_thousand_times_is_a_bomb() {
        let bomb = zip_of(&[("word/document.xml", " ".repeat(8 << 20).as_bytes())]);
        assert!(bomb.len() < 64 << 10);
        let failure = Package::open(&bomb, &formats::DOCX).unwrap().bytes("word/document.xml").unwrap_err();
        assert_eq!(failure.code, "DOCUMENT_TOO_LARGE");
        assert!(failure.message.contains("word/document.xml"), "{}", failure.message);
    }

    #[test]
    fn parts_are_counted_together_however_often_one_is_read() {
        let text: String = (0..120_000u64).map(|n| format!("{:016x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
        let zip = zip_of(&[("a.xml", text.as_bytes())]);
        let package = Package::open(&zip, &formats::DOCX).unwrap();
        let refused = (0..200).find_map(|_| package.bytes("a.xml").err()).unwrap();
        assert_eq!(refused.code, "DOCUMENT_TOO_LARGE");
    }

    #[test]
    fn names_of_parts_do_not_differ_by_case() {
        let zip = zip_of(&[("Word/Document.XML", b"<a/>")]);
        let package = Package::open(&zip, &formats::DOCX).unwrap();
        assert_eq!(package.text("word/document.xml").unwrap().as_deref(), Some("<a/>"));
        assert_eq!(package.text("word/other.xml").unwrap(), None);
    }
}
