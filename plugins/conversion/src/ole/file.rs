//! The streams of a file.

use super::guard;
use cfb::CompoundFile;
use std::cell::RefCell;
use std::io::{Cursor, Read};

/// An OLE file.
pub struct Ole<'a> {
    file: RefCell<CompoundFile<Cursor<&'a [u8]>>>,
    /// Bytes of the whole file: no stream has more, whatever its directory says.
    size: u64,
}

/// What is within a storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name, without the storages around it.
    pub name: String,
    /// Whether it holds others.
    pub is_storage: bool,
}

impl std::fmt::Debug for Ole<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ole").field("size", &self.size).finish_non_exhaustive()
    }
}

impl<'a> Ole<'a> {
    /// Opens it.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn open(bytes: &'a [u8]) -> Result<Self, String> {
        guard::check(bytes)?;
        let file = CompoundFile::open(Cursor::new(bytes)).map_err(|error| error.to_string())?;
        Ok(Self { file: RefCell::new(file), size: bytes.len() as u64 })
    }

    /// Whether it has a stream.
    pub fn has(&self, name: &str) -> bool {
        self.file.borrow().is_stream(name)
    }

    /// Whether it has a storage.
    pub fn has_storage(&self, name: &str) -> bool {
        self.file.borrow().is_storage(name)
    }

    /// What is within a storage, in the order of its directory, but no more than `entries_max`; nothing where there is no such storage.
    pub fn entries(&self, storage: &str, entries_max: usize) -> Vec<Entry> {
        let file = self.file.borrow();
        let Ok(entries) = file.read_storage(storage) else { return Vec::new() };
        let entry = |entry: cfb::Entry| Entry { name: entry.name().to_owned(), is_storage: entry.is_storage() };
        entries.take(entries_max).map(entry).collect()
    }

    /// A stream, as far as it can be read; none where there is no such stream.
    pub fn stream(&self, name: &str) -> Option<Vec<u8>> {
        self.stream_start(name, self.size)
    }

    /// The first `bytes_max` bytes of a stream at most, otherwise as [`Self::stream`].
    pub fn stream_start(&self, name: &str, bytes_max: u64) -> Option<Vec<u8>> {
        let mut file = self.file.borrow_mut();
        let stream = file.open_stream(name).ok()?;
        let mut bytes = Vec::new();
        // What was read before an error is kept.
        let _ = stream.take(bytes_max.min(self.size)).read_to_end(&mut bytes);
        Some(bytes)
    }
}
