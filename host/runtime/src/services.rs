//! The ports that stand behind the capabilities.

use morag_core::ports::{Blobs, Completer, Embedder, KeyValues, Knowledge, PictureReader, PluginHttp, Transcriber};
use std::sync::Arc;

/// The ports that steps reach through capabilities and through their task.
#[derive(Clone)]
pub struct Services {
    /// Files of tasks.
    pub blobs: Arc<dyn Blobs>,
    /// Embeddings.
    pub embedder: Arc<dyn Embedder>,
    /// Vectors and graph.
    pub knowledge: Arc<dyn Knowledge>,
    /// Completions.
    pub completer: Arc<dyn Completer>,
    /// Transcripts.
    pub transcriber: Arc<dyn Transcriber>,
    /// Values that plugins store between tasks.
    pub key_values: Arc<dyn KeyValues>,
    /// Text in pictures.
    pub picture_reader: Arc<dyn PictureReader>,
    /// Requests of plugins to other hosts.
    pub http: Arc<dyn PluginHttp>,
}
