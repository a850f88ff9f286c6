//! What several steps need to read a document: the blocks and passages of its markdown, its language, sentences, words and stop
//! words.
//!
//! This crate is a library that steps link, not a step: it builds no component of its own.

pub mod blocks;
pub mod language;
pub mod passages;
mod sentences;
mod stop_words;
mod words;

pub use sentences::sentences;
pub use stop_words::{StopWords, has_stop_words};
pub use words::{is_ideographic, stem, words};
