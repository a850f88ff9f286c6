//! The container of the old formats.

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

    /// A stream, as far as it can be read; none where there is no such stream.
    pub fn stream(&self, name: &str) -> Option<Vec<u8>> {
        let mut file = self.file.borrow_mut();
        let stream = file.open_stream(name).ok()?;
        let mut bytes = Vec::new();
        // What was read before an error is kept.
        let _ = stream.take(self.size).read_to_end(&mut bytes);
        Some(bytes)
    }
}
