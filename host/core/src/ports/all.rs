//! The ports that a process works with, together.

use super::{
    Blobs, Chains, Clock, Deliveries, Disk, DueQueue, Endpoints, Feed, Fetcher, Knowledge, Ownership, StoreSetup,
    Tasks, WebhookSender,
};
use std::sync::Arc;

/// What a process works with. A field may be the same object as another: a store serves many ports.
#[derive(Clone)]
pub struct Ports {
    /// Tasks and their logs.
    pub tasks: Arc<dyn Tasks>,
    /// What is due.
    pub queue: Arc<dyn DueQueue>,
    /// Webhook cursors.
    pub deliveries: Arc<dyn Deliveries>,
    /// Tasks whose deliveries go one after the other.
    pub chains: Arc<dyn Chains>,
    /// Named webhook endpoints.
    pub endpoints: Arc<dyn Endpoints>,
    /// Events as they are committed.
    pub feed: Arc<dyn Feed>,
    /// Vectors and graph.
    pub knowledge: Arc<dyn Knowledge>,
    /// How the store is set up.
    pub setup: Arc<dyn StoreSetup>,
    /// Files.
    pub blobs: Arc<dyn Blobs>,
    /// Whose the files are.
    pub ownership: Arc<dyn Ownership>,
    /// Guarded HTTP client of webhooks.
    pub sender: Arc<dyn WebhookSender>,
    /// Guarded HTTP client of documents.
    pub fetcher: Arc<dyn Fetcher>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The disk that files are written to; none where a process writes to none of its own.
    pub disk: Option<Arc<dyn Disk>>,
}
