//! A chunk as a range of the text.

/// A chunk as a range of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// Byte offset where it starts, with what it repeats of the chunk before.
    pub start: usize,
    /// Byte offset where its own text starts.
    pub fresh: usize,
    /// Byte offset of its end.
    pub end: usize,
    /// `structural`, `lexical`, or the name of the strategy.
    pub method: &'static str,
}
