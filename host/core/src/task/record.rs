//! The record of an accepted task. It never changes.

use super::{ArtifactName, DocumentId, DocumentKey, Metadata, TaskId, TenantId};
use crate::pipeline::Pipeline;
use crate::trace::TraceContext;
use crate::webhook::{CursorName, Endpoint, EndpointId};
use crate::{JsonObject, Timestamp};
use serde::{Deserialize, Serialize};

/// Kind of source, as given by the caller or inferred from the file name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the contract's words")]
pub enum SourceType {
    Document,
    Audio,
    Video,
    Image,
}

impl SourceType {
    /// Kind of source by its media type. Other than audio, video and images are documents.
    pub fn of_media_type(media_type: &str) -> Self {
        match media_type.split('/').next() {
            Some("audio") => Self::Audio,
            Some("video") => Self::Video,
            Some("image") => Self::Image,
            _ => Self::Document,
        }
    }

    /// The contract's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Document => "document",
            Self::Audio => "audio",
            Self::Video => "video",
            Self::Image => "image",
        }
    }
}

/// The file that was submitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Name under which it is stored with the task: `original.EXT`.
    pub stored_as: ArtifactName,
    /// Name as submitted, reduced to its last component.
    pub file_name: String,
    /// Media type as submitted, or guessed from the name.
    pub media_type: String,
    /// Size in bytes.
    pub size: u64,
    /// SHA-256, lower-case hexadecimal.
    pub sha256: String,
    /// Kind of source.
    pub source_type: SourceType,
}

/// The record of an accepted task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskRecord {
    /// Identifies the task.
    pub id: TaskId,
    /// The caller's id of the document, or a generated one.
    pub document_id: DocumentId,
    /// The pipeline at the time of acceptance: later changes of the configuration do not affect the task.
    pub pipeline: Pipeline,
    /// The document.
    pub source: Source,
    /// Collection to store into.
    pub collection: String,
    /// Language the caller gave (ISO 639-1).
    pub language: Option<String>,
    /// Whether to replace an already stored document of the same id.
    pub replace_existing: bool,
    /// The caller's processing options.
    pub options: JsonObject,
    /// The caller's own metadata.
    pub metadata: Metadata,
    /// The task's own endpoint (`webhook_url`), if any; named endpoints are in `subscribers`.
    pub endpoints: Vec<Endpoint>,
    /// Named endpoints that receive the task's events, as selected at acceptance.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subscribers: Vec<EndpointId>,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// Tenant of the task; the default tenant for tasks accepted before tenants existed.
    #[serde(default, skip_serializing_if = "TenantId::is_default")]
    pub tenant: TenantId,
    /// Span that accepted it, or the submission's own `traceparent`: parent of the spans of its runs and deliveries. None if neither is
    /// known, and for tasks accepted before traces existed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceContext>,
}

impl TaskRecord {
    /// The cursors of the task's log, one per endpoint.
    pub fn cursors(&self) -> impl Iterator<Item = CursorName> {
        let own = self.endpoints.iter().map(|endpoint| CursorName::of(endpoint, &self.tenant));
        own.chain(self.subscribers.iter().cloned().map(CursorName::of_named))
    }

    /// The cursor of an endpoint.
    pub fn cursor_of(&self, endpoint: &EndpointId) -> Option<CursorName> {
        self.cursors().find(|name| name.endpoint() == endpoint)
    }
}

impl DocumentKey {
    /// The key of a task's document.
    pub fn of(record: &TaskRecord) -> Self {
        Self::new(&record.tenant, &record.document_id)
    }
}
