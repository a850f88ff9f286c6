//! Text embeddings: the port `Embedder` without a model file. Words and pieces of words are hashed into a vector, so texts
//! are near each other when they share words, their forms and their misspellings; meaning beyond that it does not know.

mod features;
mod hashed;

pub use hashed::HashedEmbedder;
