//! Tasks: what was accepted ([`TaskRecord`]), what happened ([`Event`]), and the resulting state ([`TaskStatus`]).

mod artifact;
mod event;
mod file_name;
mod id;
mod metadata;
mod record;
mod status;
mod summary;
mod tenant;

pub use artifact::{Artifact, ArtifactName, InvalidArtifactName, file_url};
pub use event::{Event, EventKind, Resources, Retry, SkipReason, StepFailure};
pub use file_name::{plain_extension, reduced_file_name};
pub use id::{DocumentId, InvalidDocumentId, TaskId};
pub use metadata::{METADATA_BYTES_MAX, Metadata, has_all};
pub use record::{Source, SourceType, TaskRecord};
pub use status::{StatusWord, StepState, StepStatus, TaskStatus};
pub use summary::{RecordSummary, StepWeight};
pub use tenant::{DocumentKey, InvalidTenantId, TenantId};
