//! Text embeddings.

use super::CapabilityError;
use async_trait::async_trait;

/// A model that makes vectors of texts.
#[async_trait]
pub trait Embedder: Send + Sync {
    /// Name that is stored with every vector.
    fn model(&self) -> &str;
    /// Length of each vector.
    fn dimensions(&self) -> u32;
    /// One vector a text, in order, of unit length (all zero for a text with nothing to embed).
    async fn embed(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, CapabilityError>;
}
