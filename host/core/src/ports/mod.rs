//! Interfaces to the outside, one trait per file. An adapter implements a port and adds nothing to it; the contract suites in
//! `tests/contract` check every implementation against the documentation here.

mod all;
mod blobs;
mod chains;
mod clock;
mod completer;
mod components;
mod deliveries;
mod disk;
mod due_queue;
mod embedder;
mod endpoints;
mod feed;
mod fetcher;
mod key_values;
mod knowledge;
mod ownership;
mod picture_reader;
mod plugin_http;
mod process;
mod step_runner;
mod store_setup;
mod tasks;
mod transcriber;
mod webhook_sender;

/// Part of this port's vocabulary: [`DeliveryMove`] has one.
pub use crate::webhook::CursorMove;
pub use all::Ports;
pub use blobs::{BlobError, BlobMeta, BlobPath, BlobStream, BlobWriter, Blobs};
pub use chains::{Chain, Chains, LINKS_MAX, Link, Turn};
pub use clock::Clock;
pub use completer::{Completer, Completion, CompletionRequest, Message, Role};
pub use components::{Component, ComponentError, ComponentWish, Components};
pub use deliveries::{
    AttemptRecord, Deliveries, DeliveryFilter, DeliveryMove, DeliveryRecord, DeliveryState, EndpointDelivery,
    KeptCredentials, NewResend, PENDING_BYTES_MAX, PendingDelivery, RESENDS_MAX, Recorded, ResendError,
};
pub use disk::{Disk, DiskError};
pub use due_queue::{Claim, DueQueue, LaneLimit, LaneLimits, Lease, Queue, QueueCounts};
pub use embedder::Embedder;
pub use endpoints::{ENDPOINTS_MAX, EndpointCounts, EndpointLimits, EndpointSet, Endpoints, PutEndpointError};
pub use feed::{FEED_BYTES_MAX, Feed, FeedItem, FeedNext, FeedPage, FeedPosition, FeedWatch, InvalidFeedPosition};
pub use fetcher::{FetchError, FetchRequest, FetchStream, Fetched, Fetcher, InvalidSourceUrl, SourceUrl};
pub use key_values::{KeyValueQuota, KeyValues, SetError};
pub use knowledge::{CapabilityError, Edge, Fact, Hit, Knowledge, KnowledgeCounts, Node, Point, Revision, StagedBatch};
pub use ownership::{Disowned, Ownership, Sole};
pub use picture_reader::{
    Corner, PICTURE_PIXELS_MAX, PICTURE_SIDE_MAX, PICTURE_SIDE_MIN, Picture, PictureReader, PixelFormat, Reading,
    ReadingModel, TextLine,
};
pub use plugin_http::{PluginHttp, PluginHttpBody, PluginHttpError, PluginHttpRequest, PluginHttpResponse};
pub use process::{Process, ProcessUsage};
pub use step_runner::{LogLine, StagedArtifact, StepCall, StepInputs, StepReport, StepRunner, StepSuccess};
pub use store_setup::{Shortcoming, StoreSetup};
pub use tasks::{
    AcceptError, Accepted, Commit, CommitError, Flow, Guard, Idempotency, ListFilter, NewTask, Next, Page, RecentEvent,
    RunAgainError, TaskLimits, TaskLog, TaskMark, TaskOutline, TaskSummary, Tasks,
};
pub use transcriber::{Recording, Segment, Transcriber, Transcript};
pub use webhook_sender::{UrlRefused, WebhookRequest, WebhookSender};

/// Why a store operation failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Unreachable, broken, or full without reporting it; nothing was changed. The text is for the log only.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// Reachable but out of space; nothing was changed. The text is for the log only.
    #[error("the store is full: {0}")]
    Full(String),
    /// It contains data that this version cannot read. The text is for the log only.
    #[error("the store contains data that this version cannot read: {0}")]
    Corrupt(String),
}
