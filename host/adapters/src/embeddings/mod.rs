//! Text embeddings.
