//! Text embeddings: the port `Embedder` without a model file. Words and pieces of words are hashed into a vector, so texts that share
//! words, inflections or misspellings are near each other; there is no semantic similarity beyond that.

mod features;
mod hashed;

pub use hashed::HashedEmbedder;
