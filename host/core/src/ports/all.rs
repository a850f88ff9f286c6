//! All ports of a process.

use super::{
    Blobs, Chains, Clock, Deliveries, Disk, DueQueue, Endpoints, Feed, Fetcher, Knowledge, Ownership, Process,
    StoreSetup, Tasks, WebhookSender,
};
use std::sync::Arc;

/// The ports of a process. Several fields may share one object: a store implements many ports.
#[derive(Clone)]
pub struct Ports {
    /// Tasks and their logs.
    pub tasks: Arc<dyn Tasks>,
    /// Queue of due tasks and deliveries.
    pub queue: Arc<dyn DueQueue>,
    /// Webhook cursors.
    pub deliveries: Arc<dyn Deliveries>,
    /// Ordering of deliveries across tasks.
    pub chains: Arc<dyn Chains>,
    /// Named webhook endpoints.
    pub endpoints: Arc<dyn Endpoints>,
    /// Events as they are committed.
    pub feed: Arc<dyn Feed>,
    /// Vectors and graph.
    pub knowledge: Arc<dyn Knowledge>,
    /// Configuration checks of the store.
    pub setup: Arc<dyn StoreSetup>,
    /// Files.
    pub blobs: Arc<dyn Blobs>,
    /// Ownership of the files.
    pub ownership: Arc<dyn Ownership>,
    /// Guarded HTTP client of webhooks.
    pub sender: Arc<dyn WebhookSender>,
    /// Guarded HTTP client of documents.
    pub fetcher: Arc<dyn Fetcher>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Disk that files are written to; `None` if the process writes to none of its own.
    pub disk: Option<Arc<dyn Disk>>,
    /// The process itself; `None` if the system does not tell what it uses.
    pub process: Option<Arc<dyn Process>>,
}
