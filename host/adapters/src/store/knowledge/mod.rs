//! What every store of vectors and graph does alike: what it takes, what it refuses and in which words, and which points are
//! nearest. Nothing here does I/O.

pub(in crate::store) mod batch;
pub(in crate::store) mod nearest;
pub(in crate::store) mod refusal;
