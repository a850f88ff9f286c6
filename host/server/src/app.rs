//! What the parts of a running server share: ports, configuration, pipelines.

use crate::api::audit::Audit;
use crate::api::{Fair, LastReady};
use crate::config::Config;
use crate::disk::DiskReserve;
use crate::endpoints::Registry;
use crate::engine::{Lanes, LiveFeed, Running, Verified};
use crate::metrics::Metrics;
use crate::ownership::Ownership;
use crate::pipelines::Pipelines;
use crate::plugins::Plugins;
use morag_core::ports::{
    Blobs, Chains, Clock, Deliveries, DueQueue, Fetcher, Knowledge, StoreSetup, Tasks, WebhookSender,
};
use std::sync::Arc;

/// A running server's parts, behind the core's ports. Cheap to share: one `Arc<App>`.
pub struct App {
    /// Settings.
    pub config: Config,
    /// Tasks and their logs.
    pub tasks: Arc<dyn Tasks>,
    /// What is due.
    pub queue: Arc<dyn DueQueue>,
    /// Webhook cursors.
    pub deliveries: Arc<dyn Deliveries>,
    /// Tasks whose deliveries go one after the other.
    pub chains: Arc<dyn Chains>,
    /// Named webhook endpoints.
    pub endpoints: Registry,
    /// Events as they happen.
    pub live: Arc<LiveFeed>,
    /// Files.
    pub blobs: Arc<dyn Blobs>,
    /// Whose they are.
    pub ownership: Arc<dyn Ownership>,
    /// Vectors and graph.
    pub knowledge: Arc<dyn Knowledge>,
    /// Guarded HTTP client.
    pub sender: Arc<dyn WebhookSender>,
    /// Guarded HTTP client for documents.
    pub fetcher: Arc<dyn Fetcher>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What tasks run through.
    pub pipelines: Pipelines,
    /// What they run on; replaced while tasks run.
    pub plugins: Plugins,
    /// Places for webhook exchanges.
    pub lanes: Lanes,
    /// What is counted.
    pub metrics: Metrics,
    /// Tasks that run in this process, to be stopped at once when they are cancelled.
    pub running: Running,
    /// Files that were found to be as they were written.
    pub verified: Verified,
    /// Room on the disk that is kept for them.
    pub disk: DiskReserve,
    /// What the dependencies last answered to who asked for readiness.
    pub last_ready: LastReady,
    /// What callers share of this process.
    pub fair: Fair,
    /// What is written of refused keys.
    pub audit: Audit,
    /// How the store is set up.
    pub setup: Arc<dyn StoreSetup>,
}
