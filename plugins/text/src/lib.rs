//! What several steps need to read prose: sentences, words and stop words. No dependency, no allocation per word.
//!
//! This crate is a library that steps link, not a step: it builds no component of its own.

mod sentences;
mod stop_words;
mod words;

pub use sentences::sentences;
pub use stop_words::{StopWords, has_stop_words};
pub use words::{is_ideographic, stem, words};
