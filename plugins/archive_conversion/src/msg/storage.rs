//! Properties (MS-OXMSG 2): of a message, a receiver or an attachment, each of which is a storage of the file.

use morag_conversion::ole::bytes::{u16_at, u32_at, u64_at, utf16};
use morag_conversion::ole::{Entry, Ole};
use morag_conversion::{codepage, dates, encoding};
use std::cell::Cell;

/// Bytes of a name, a subject or another text of one line; programs cut them at some hundred.
pub const LINE_BYTES_MAX: usize = 64 << 10;

/// The stream of the properties that have a fixed length; each message, receiver and attachment has one.
pub const PROPERTIES: &str = "__properties_version1.0";
/// Bytes of that stream: 65,536 properties of 16 bytes, as there are numbers for.
const FIXED_BYTES_MAX: u64 = 1 << 20;
/// Kinds of values.
const NUMBER: u16 = 0x0003;
const BOOLEAN: u16 = 0x000b;
const TIME: u16 = 0x0040;

/// A message's file while it is read.
#[derive(Debug)]
pub struct File<'a> {
    ole: Ole<'a>,
    /// Bytes that may still be read.
    left: Cell<u64>,
    /// Code page of texts that are not in Unicode.
    page: Cell<Option<i32>>,
}

impl<'a> File<'a> {
    /// Opens a file.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn open(bytes: &'a [u8]) -> Result<Self, String> {
        let ole = Ole::open(bytes)?;
        // Streams of a sound file share nothing, and none is read more than twice. Those of another may each be the whole file.
        Ok(Self { ole, left: Cell::new(bytes.len() as u64 * 2), page: Cell::new(None) })
    }

    /// Texts that are not in Unicode are in this code page from now on.
    pub fn set_page(&self, page: Option<i32>) {
        self.page.set(page);
    }

    /// What is within a storage, as [`Ole::entries`].
    pub fn entries(&self, storage: &str, entries_max: usize) -> Vec<Entry> {
        self.ole.entries(storage, entries_max)
    }

    /// Whether it has a stream.
    pub fn has(&self, path: &str) -> bool {
        self.ole.has(path)
    }

    /// Whether it has a storage.
    pub fn has_storage(&self, path: &str) -> bool {
        self.ole.has_storage(path)
    }

    /// The start of a stream; nothing once as much was read as the file can hold.
    pub fn stream(&self, path: &str, bytes_max: u64) -> Option<Vec<u8>> {
        let bytes = self.ole.stream_start(path, bytes_max.min(self.left.get()))?;
        self.left.set(self.left.get().saturating_sub(bytes.len() as u64));
        Some(bytes)
    }
}

/// A storage with its properties.
#[derive(Debug)]
pub struct Storage<'f, 'a> {
    file: &'f File<'a>,
    /// Path of the storage; empty for the root.
    pub path: String,
    fixed: Vec<u8>,
}

impl<'f, 'a> Storage<'f, 'a> {
    /// The storage of a path. `header_bytes`: what stands before its properties of fixed length.
    pub fn open(file: &'f File<'a>, path: String, header_bytes: usize) -> Self {
        let mut fixed = file.stream(&format!("{path}/{PROPERTIES}"), FIXED_BYTES_MAX).unwrap_or_default();
        fixed.drain(..header_bytes.min(fixed.len()));
        Self { file, path, fixed }
    }

    /// The path of a property that has a stream or a storage.
    pub fn path_of(&self, id: u16, kind: u16) -> String {
        format!("{}/__substg1.0_{id:04X}{kind:04X}", self.path)
    }

    fn fixed(&self, id: u16, kind: u16) -> Option<&[u8]> {
        let entry =
            self.fixed.chunks_exact(16).find(|entry| u16_at(entry, 0) == Some(kind) && u16_at(entry, 2) == Some(id))?;
        entry.get(8..)
    }

    /// A number.
    pub fn number(&self, id: u16) -> Option<i32> {
        u32_at(self.fixed(id, NUMBER)?, 0).map(u32::cast_signed)
    }

    /// Whether it is said to be so.
    pub fn is(&self, id: u16) -> bool {
        self.fixed(id, BOOLEAN).and_then(|value| u16_at(value, 0)).is_some_and(|value| value != 0)
    }

    /// A time, as ISO 8601.
    pub fn time(&self, id: u16) -> Option<String> {
        dates::of_ticks(u64_at(self.fixed(id, TIME)?, 0)?)
    }

    /// Bytes.
    pub fn bytes(&self, id: u16, bytes_max: usize) -> Option<Vec<u8>> {
        self.file.stream(&self.path_of(id, 0x0102), bytes_max as u64)
    }

    /// A text, in Unicode or a code page; empty is none.
    pub fn text(&self, id: u16, bytes_max: usize) -> Option<String> {
        let text = match self.file.stream(&self.path_of(id, 0x001f), bytes_max as u64) {
            Some(bytes) => utf16(&bytes),
            None => decode(&self.file.stream(&self.path_of(id, 0x001e), bytes_max as u64)?, self.file.page.get()),
        };
        let text = text.trim_end_matches('\0');
        (!text.is_empty()).then(|| text.to_owned())
    }
}

/// Text that is said to be in a code page.
pub fn decode(bytes: &[u8], page: Option<i32>) -> String {
    encoding::decode(bytes, page.and_then(codepage::of_page).map(|encoding| encoding.name())).0
}
