//! Text embeddings.

use super::CapabilityError;
use async_trait::async_trait;

/// A text embedding model.
#[async_trait]
pub trait Embedder: Send + Sync {
    /// Model name, stored with every vector.
    fn model(&self) -> &str;
    /// Length of each vector.
    fn dimensions(&self) -> u32;
    /// One vector per text, in order, of unit length (all zeros for a text with nothing to embed).
    async fn embed(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, CapabilityError>;
}
