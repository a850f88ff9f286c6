//! Limits the bytes of a form outside the content of its parts. The parser behind it (`multer`) buffers the preamble before the
//! first boundary, and the head of a part, until they are complete.
//!
//! It must find boundaries exactly as the parser does, or it would count other bytes than the parser buffers.

use axum::BoxError;
use axum::body::Bytes;
use futures::{Stream, StreamExt as _};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Bytes before the first boundary: clients send none; RFC 2046 allows a note to readers there.
const PREAMBLE_BYTES_MAX: usize = 4 << 10;

/// Bytes of a part's head: the longest file name, encoded, with its type, and some other headers.
const HEAD_BYTES_MAX: usize = 8 << 10;

/// Why a form is not read further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unbounded {
    /// Too many bytes before the first boundary.
    #[error(
        "The form has more than {PREAMBLE_BYTES_MAX} bytes before its first boundary: check the boundary of its Content-Type"
    )]
    Preamble,
    /// The head of a part is too long.
    #[error(
        "A part of the form has a head of more than {HEAD_BYTES_MAX} bytes: give its name and its file's name alone"
    )]
    Head,
    /// Too many parts.
    #[error("The form has more than {0} parts")]
    Parts(usize),
    /// Too many bytes in all.
    #[error("The form is larger than this server takes")]
    Whole,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Section {
    /// Before the first boundary.
    Preamble,
    /// After a boundary, on its line.
    Line,
    /// In the head of a part.
    Head,
    /// In a part's content.
    Content,
    /// After the last boundary: the rest is ignored.
    End,
}

/// The state of the scan: the current section, and the counts so far.
struct Counts {
    /// Line break, two dashes and the boundary.
    delimiter: Vec<u8>,
    section: Section,
    /// The last bytes of this section so far: the pattern that ends the section may begin in them.
    tail: Vec<u8>,
    /// The last byte of a boundary's line, and whether the next is the line's second.
    line: Option<u8>,
    is_second: bool,
    /// Bytes of the preamble, or of the head.
    bytes: usize,
    parts: usize,
    parts_max: usize,
    left: u64,
}

impl Counts {
    fn new(boundary: &str, parts_max: usize, bytes_max: u64) -> Self {
        let delimiter = format!("\r\n--{boundary}").into_bytes();
        Self {
            delimiter,
            section: Section::Preamble,
            tail: Vec::new(),
            line: None,
            is_second: false,
            bytes: 0,
            parts: 0,
            parts_max,
            left: bytes_max,
        }
    }

    /// The pattern that ends the section.
    fn pattern(&self) -> &[u8] {
        match self.section {
            Section::Preamble => &self.delimiter[2..],
            Section::Line | Section::End => b"\r\n",
            Section::Head => b"\r\n\r\n",
            Section::Content => &self.delimiter,
        }
    }

    /// Scans a piece.
    ///
    /// # Errors
    /// For the first limit that is exceeded.
    fn note(&mut self, mut piece: &[u8]) -> Result<(), Unbounded> {
        self.left = self.left.checked_sub(piece.len() as u64).ok_or(Unbounded::Whole)?;
        while !piece.is_empty() && self.section != Section::End {
            let end = match self.section {
                Section::Line => self.end_of_line(piece),
                _ => self.end_of_section(piece),
            };
            self.count(end.unwrap_or(piece.len()))?;
            let Some(end) = end else { return Ok(()) };
            piece = &piece[end..];
            if self.section != Section::End {
                self.enter_next()?;
            }
        }
        Ok(())
    }

    /// Counts bytes that the parser buffers until their section is complete.
    fn count(&mut self, bytes: usize) -> Result<(), Unbounded> {
        let (max, refused) = match self.section {
            Section::Preamble => (PREAMBLE_BYTES_MAX, Unbounded::Preamble),
            Section::Line | Section::Head => (HEAD_BYTES_MAX, Unbounded::Head),
            Section::Content | Section::End => return Ok(()),
        };
        self.bytes += bytes;
        if self.bytes > max { Err(refused) } else { Ok(()) }
    }

    fn enter_next(&mut self) -> Result<(), Unbounded> {
        self.tail.clear();
        self.section = match self.section {
            Section::Preamble | Section::Content => Section::Line,
            Section::Line => {
                self.parts += 1;
                if self.parts > self.parts_max {
                    return Err(Unbounded::Parts(self.parts_max));
                }
                Section::Head
            }
            Section::Head => Section::Content,
            Section::End => Section::End,
        };
        if self.section == Section::Line {
            (self.line, self.is_second, self.bytes) = (None, false, 0);
        }
        Ok(())
    }

    /// The end of the boundary's line in the piece. Two dashes after the boundary end the form.
    fn end_of_line(&mut self, piece: &[u8]) -> Option<usize> {
        for (at, byte) in piece.iter().enumerate() {
            let last = self.line.replace(*byte);
            let is_second = std::mem::replace(&mut self.is_second, last.is_none());
            match (last, byte) {
                (Some(b'-'), b'-') if is_second => {
                    self.section = Section::End;
                    return Some(at + 1);
                }
                (Some(b'\r'), b'\n') => return Some(at + 1),
                _ => {}
            }
        }
        None
    }

    /// The end of the section's pattern in the piece. The pattern may have begun in earlier pieces.
    fn end_of_section(&mut self, piece: &[u8]) -> Option<usize> {
        let keep = self.pattern().len() - 1;
        let seen = self.tail.len();
        self.tail.extend_from_slice(&piece[..keep.min(piece.len())]);
        let across = memchr::memmem::find(&self.tail, self.pattern()).map(|at| at + self.pattern().len() - seen);
        let found = across.or_else(|| memchr::memmem::find(piece, self.pattern()).map(|at| at + self.pattern().len()));
        if found.is_none() {
            if piece.len() >= keep {
                self.tail.clear();
                self.tail.extend_from_slice(&piece[piece.len() - keep..]);
            } else {
                let surplus = self.tail.len().saturating_sub(keep);
                self.tail.drain(..surplus);
            }
        }
        found
    }
}

/// A form's body that ends with an error ([`Unbounded`]) when anything but content exceeds its limit.
pub struct Guarded<S> {
    body: S,
    counts: Counts,
    /// Whether to pause before the next piece: the parser must parse what it has before it gets more, because it buffers everything
    /// that is ready.
    pauses: bool,
}

impl<S> Guarded<S> {
    /// Guards a body. `parts_max` and `bytes_max` limit the whole form.
    pub fn new(body: S, boundary: &str, parts_max: usize, bytes_max: u64) -> Self {
        Self { body, counts: Counts::new(boundary, parts_max, bytes_max), pauses: false }
    }
}

impl<S: Stream<Item = Result<Bytes, axum::Error>> + Unpin> Stream for Guarded<S> {
    type Item = Result<Bytes, BoxError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if std::mem::take(&mut self.pauses) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        match ready!(self.body.poll_next_unpin(context)) {
            None => Poll::Ready(None),
            Some(Err(error)) => Poll::Ready(Some(Err(error.into()))),
            Some(Ok(bytes)) => {
                self.pauses = true;
                Poll::Ready(Some(self.counts.note(&bytes).map(|()| bytes).map_err(Into::into)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PARTS_MAX: usize = 3;

    fn note(form: &[u8], pieces: usize) -> Result<Section, Unbounded> {
        let mut counts = Counts::new("B", PARTS_MAX, 1 << 20);
        for piece in form.chunks(pieces.max(1)) {
            counts.note(piece)?;
        }
        Ok(counts.section)
    }

    fn part(name: &str, content: &str) -> String {
        format!("--B\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{content}\r\n")
    }

    #[test]
    fn a_usual_form_passes_in_pieces_of_any_size() {
        let long = "x\r\n--".repeat(50_000);
        let form = format!("{}{}{}--B--\r\nepilogue", part("a", ""), part("b", &long), part("c", "--B \r\n\r\n"));
        for pieces in [1, 2, 3, 5, 7, 64, 1000, form.len()] {
            assert_eq!(note(form.as_bytes(), pieces), Ok(Section::End), "{pieces}");
        }
        assert_eq!(note(b"--B \t \r\nA: b\r\n\r\nx\r\n--B--", 1), Ok(Section::End));
        assert_eq!(note(b"--B\r\nA: b\r\n\r\nx\r\n--", 1), Ok(Section::Content));
    }

    #[test]
    fn what_is_endless_is_refused() {
        let long = "x".repeat(HEAD_BYTES_MAX);
        let many = part("a", "").repeat(PARTS_MAX + 1);
        for (form, refused) in [
            (long.clone(), Unbounded::Preamble),
            (format!("--B\r\nA: {long}"), Unbounded::Head),
            (format!("--B\r\n\r\n{long}"), Unbounded::Head),
            (format!("--B{}", " ".repeat(HEAD_BYTES_MAX + 1)), Unbounded::Head),
            (format!("--B{}", "\r".repeat(HEAD_BYTES_MAX + 1)), Unbounded::Head),
            (part(&long, ""), Unbounded::Head),
            (format!("{}{}", part("a", "b"), part(&long, "")), Unbounded::Head),
            (many, Unbounded::Parts(PARTS_MAX)),
            ("--B\r\nA: b\r\n\r\n".to_owned() + &"x".repeat(2 << 20), Unbounded::Whole),
        ] {
            for pieces in [1, 3, 1000, form.len()] {
                assert_eq!(note(form.as_bytes(), pieces), Err(refused), "{pieces}: {form:.40}");
            }
        }
    }

    /// What the parser makes of a form: its parts' contents, as far as it can be read.
    fn parsed(form: &[u8], pieces: usize) -> (usize, bool) {
        let pieces: Vec<_> =
            form.chunks(pieces.max(1)).map(|piece| Ok::<_, BoxError>(Bytes::copy_from_slice(piece))).collect();
        let mut parser = multer::Multipart::new(futures::stream::iter(pieces), "B");
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut parts = 0;
            loop {
                match parser.next_field().await {
                    Ok(Some(mut field)) => {
                        parts += 1;
                        while let Ok(Some(_)) = field.chunk().await {}
                    }
                    Ok(None) => return (parts, true),
                    Err(_) => return (parts, false),
                }
            }
        })
    }

    proptest! {
        /// Whatever the parser reads to its end, the guard has seen the same parts of.
        #[test]
        fn it_counts_the_parts_that_the_parser_finds(
            tokens in prop::collection::vec(
                prop::sample::select(vec!["--B", "\r\n", "\r", "\n", "--", " ", "x", "A: b", "\r\n\r\n", "\r\n--B", "\r\n--B--"]),
                0..24,
            ),
            pieces in 1_usize..9,
        ) {
            let form = tokens.concat();
            let mut counts = Counts::new("B", usize::MAX, 1 << 20);
            for piece in form.as_bytes().chunks(pieces) {
                counts.note(piece).unwrap();
            }
            let (parts, whole) = parsed(form.as_bytes(), pieces);
            if whole {
                prop_assert_eq!((counts.parts, counts.section), (parts, Section::End));
            } else {
                prop_assert!(counts.parts >= parts);
            }
        }
    }
}
