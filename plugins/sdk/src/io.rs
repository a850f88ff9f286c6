//! `std::io` adapters for files, for libraries that need `Read + Seek` or `Write`.

use crate::{Blob, Failure, Writer};
use std::io::{self, BufRead, Read, Seek, SeekFrom, Write};

/// Default bytes per call to the host: larger calls are no cheaper per byte, and a 10 MiB file is never in memory as a whole.
pub const PIECE_BYTES: u32 = 64 << 10;

/// Most bytes per call to the host.
const PIECE_BYTES_MAX: u32 = 1 << 20;

/// Reads a [`Blob`] in chunks, with random access. Holds one chunk in memory.
///
/// Errors are [`io::Error`]s that wrap the [`Failure`]; `?` in a function that returns a `Failure` unwraps it.
///
/// ```
/// use morag_step::{Failure, Reader, Task, mock::MockTask};
/// use std::io::BufRead as _;
///
/// fn lines(task: &dyn Task) -> Result<usize, Failure> {
///     let mut lines = 0;
///     for line in Reader::new(task.source()).lines() {
///         lines += usize::from(!line?.is_empty());
///     }
///     Ok(lines)
/// }
///
/// assert_eq!(lines(&MockTask::new("a.txt", "one\n\ntwo\n")).unwrap(), 2);
/// ```
pub struct Reader {
    blob: Box<dyn Blob>,
    size: u64,
    piece_bytes: u32,
    /// The last chunk, and its offset in the file.
    piece: Vec<u8>,
    piece_start: u64,
    /// Offset of the next read; may be past the end.
    position: u64,
}

impl Reader {
    /// A reader at the start of the file.
    pub fn new(blob: Box<dyn Blob>) -> Self {
        let size = blob.size();
        Self { blob, size, piece_bytes: PIECE_BYTES, piece: Vec::new(), piece_start: 0, position: 0 }
    }

    /// Reads `bytes` per call instead of [`PIECE_BYTES`]; between 1 byte and 1 MiB.
    #[must_use]
    pub fn with_piece_bytes(mut self, bytes: u32) -> Self {
        self.piece_bytes = bytes.clamp(1, PIECE_BYTES_MAX);
        self
    }

    /// Size of the file in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Offset of the next read within the current chunk; none if it is outside.
    fn within(&self) -> Option<usize> {
        let offset = usize::try_from(self.position.checked_sub(self.piece_start)?).ok()?;
        (offset < self.piece.len()).then_some(offset)
    }
}

impl BufRead for Reader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.within().is_none() {
            self.piece = match self.position < self.size {
                true => self.blob.read(self.position, self.piece_bytes)?,
                false => Vec::new(),
            };
            self.piece_start = self.position;
        }
        Ok(self.within().map_or(&[], |offset| &self.piece[offset..]))
    }

    fn consume(&mut self, bytes: usize) {
        self.position = self.position.saturating_add(bytes as u64);
    }
}

impl Read for Reader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(into)?;
        self.consume(read);
        Ok(read)
    }
}

impl Seek for Reader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => self.size.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a position before the file's beginning"))?;
        Ok(self.position)
    }
}

/// Writes an artifact in chunks. Holds one chunk in memory.
///
/// The file appears only after [`ArtifactFile::finish`]; a file that is dropped before that is discarded, like its [`Writer`].
///
/// ```
/// use morag_step::{ArtifactFile, Failure, Task, mock::MockTask};
/// use std::io::Write as _;
///
/// fn count(task: &dyn Task) -> Result<(), Failure> {
///     let mut file = ArtifactFile::new(task.create_artifact("numbers.txt")?);
///     for number in 0..3 {
///         writeln!(file, "{number}")?;
///     }
///     file.finish()
/// }
///
/// let task = MockTask::new("a.txt", "");
/// count(&task).unwrap();
/// assert_eq!(task.text("numbers.txt"), "0\n1\n2\n");
/// ```
pub struct ArtifactFile {
    writer: Box<dyn Writer>,
    piece: Vec<u8>,
}

impl ArtifactFile {
    /// A file that is written with this writer.
    pub fn new(writer: Box<dyn Writer>) -> Self {
        Self { writer, piece: Vec::with_capacity(PIECE_BYTES as usize) }
    }

    /// Writes the rest and closes the file.
    pub fn finish(mut self) -> Result<(), Failure> {
        self.send()?;
        self.writer.finish()
    }

    fn send(&mut self) -> Result<(), Failure> {
        if !self.piece.is_empty() {
            self.writer.write(&self.piece)?;
            self.piece.clear();
        }
        Ok(())
    }
}

impl Write for ArtifactFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.piece.len() + bytes.len() > PIECE_BYTES as usize {
            self.send()?;
        }
        if bytes.len() >= PIECE_BYTES as usize {
            self.writer.write(bytes)?;
        } else {
            self.piece.extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(self.send()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Task as _;
    use crate::mock::MockTask;
    use std::cell::RefCell;
    use std::rc::Rc;

    /// Offset and length of each call.
    type Calls = Rc<RefCell<Vec<(u64, u32)>>>;

    /// A file that records each call, and fails from an offset on.
    struct Noted {
        bytes: Vec<u8>,
        calls: Calls,
        fails_from: u64,
    }

    impl Blob for Noted {
        fn size(&self) -> u64 {
            self.bytes.len() as u64
        }
        fn media_type(&self) -> String {
            "text/plain".into()
        }
        fn read(&self, offset: u64, len: u32) -> Result<Vec<u8>, Failure> {
            self.calls.borrow_mut().push((offset, len));
            if offset >= self.fails_from {
                return Err(Failure::unavailable("the disk is away"));
            }
            let start = (offset as usize).min(self.bytes.len());
            Ok(self.bytes[start..(start + len as usize).min(self.bytes.len())].to_vec())
        }
    }

    fn noted(fails_from: u64) -> (Reader, Calls) {
        let calls = Rc::default();
        let blob = Noted { bytes: (0..100).collect(), calls: Rc::clone(&calls), fails_from };
        (Reader::new(Box::new(blob)).with_piece_bytes(10), calls)
    }

    #[test]
    fn a_file_is_read_whole_in_pieces() {
        let (mut reader, calls) = noted(u64::MAX);
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, (0..100).collect::<Vec<u8>>());
        assert_eq!(*calls.borrow(), (0..10).map(|piece| (piece * 10, 10)).collect::<Vec<_>>());
    }

    #[test]
    fn seeking_within_a_piece_asks_for_none() {
        let (mut reader, calls) = noted(u64::MAX);
        let mut two = [0; 2];
        reader.read_exact(&mut two).unwrap();
        assert_eq!(reader.seek(SeekFrom::Current(6)).unwrap(), 8);
        reader.read_exact(&mut two).unwrap();
        assert_eq!((two, calls.borrow().len()), ([8, 9], 1));
        assert_eq!(reader.seek(SeekFrom::End(-1)).unwrap(), 99);
        assert_eq!(reader.read(&mut two).unwrap(), 1);
        assert_eq!((two[0], calls.borrow().len()), (99, 2));
        reader.seek(SeekFrom::Start(3)).unwrap();
        reader.read_exact(&mut two).unwrap();
        assert_eq!((two, calls.borrow().len()), ([3, 4], 3));
    }

    #[test]
    fn reading_past_the_end_is_empty_and_seeking_before_the_start_fails() {
        let (mut reader, calls) = noted(u64::MAX);
        assert_eq!(reader.seek(SeekFrom::Start(1000)).unwrap(), 1000);
        assert_eq!(reader.read(&mut [0; 4]).unwrap(), 0);
        assert!(calls.borrow().is_empty());
        assert_eq!(reader.seek(SeekFrom::End(-101)).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert_eq!(reader.stream_position().unwrap(), 1000, "an invalid seek does not move the position");
    }

    #[test]
    fn a_failure_comes_out_of_the_reader_unchanged() {
        let (mut reader, _) = noted(50);
        let error = reader.read_to_end(&mut Vec::new()).unwrap_err();
        assert_eq!(Failure::from(error), Failure::unavailable("the disk is away"));
    }

    #[test]
    fn what_is_written_in_small_and_large_pieces_is_the_file() {
        let task = MockTask::new("a.txt", "");
        let mut file = ArtifactFile::new(task.create_artifact("out.bin").unwrap());
        let large = vec![7u8; 3 * PIECE_BYTES as usize];
        file.write_all(b"small").unwrap();
        file.write_all(&large).unwrap();
        file.write_all(b"end").unwrap();
        assert!(task.file("out.bin").is_none(), "not finished");
        file.finish().unwrap();
        assert_eq!(task.file("out.bin").unwrap(), [b"small", large.as_slice(), b"end"].concat());
    }

    #[test]
    fn an_unfinished_file_does_not_exist() {
        let task = MockTask::new("a.txt", "");
        let mut file = ArtifactFile::new(task.create_artifact("out.bin").unwrap());
        file.write_all(b"half").unwrap();
        file.flush().unwrap();
        drop(file);
        assert!(task.file("out.bin").is_none());
    }
}
