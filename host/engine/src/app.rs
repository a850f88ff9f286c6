//! What the parts of a running server share: ports, configuration, pipelines.

use crate::config::Config;
use crate::disk::DiskReserve;
use crate::endpoints::Registry;
use crate::endpoints::seal::Sealer;
use crate::feed::LiveFeed;
use crate::lanes::Lanes;
use crate::metrics::{ComponentLoads, Metrics};
use crate::pipelines::Pipelines;
use crate::plugins::Plugins;
use crate::running::Running;
use crate::services::ServiceCheck;
use crate::time_of_day::TimeOfDay;
use crate::verified::Verified;
use crate::waits::Waits;
use morag_core::ports::{
    Blobs, Chains, Clock, Deliveries, DueQueue, Fetcher, Knowledge, Ownership, Ports, Process, StoreSetup, Tasks,
    WebhookSender,
};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

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
    /// Slots for webhook exchanges.
    pub lanes: Lanes,
    /// What is counted.
    pub metrics: Metrics,
    /// Tasks that run in this process, to be stopped at once when they are cancelled.
    pub running: Running,
    /// What tasks wait for that run again here.
    pub waits: Waits,
    /// Whether pictures can be read and speech transcribed; none in a process that runs no steps.
    pub services: Option<ServiceCheck>,
    /// Files that were found to be as they were written.
    pub verified: Verified,
    /// What the age of tasks and events is reckoned by.
    pub(crate) time_of_day: TimeOfDay,
    /// Room on the disk that is kept for them.
    pub disk: DiskReserve,
    /// The process itself; none where the system does not tell what it uses.
    pub process: Option<Arc<dyn Process>>,
    /// How the store is set up.
    pub setup: Arc<dyn StoreSetup>,
}

impl App {
    /// With these ports and components. `sealer` seals credentials; without one no endpoint can be created. `stop` ends the live streams.
    pub fn new(
        config: Config,
        ports: Ports,
        plugins: Plugins,
        sealer: Option<Sealer>,
        stop: CancellationToken,
    ) -> Self {
        let metrics = Metrics::default();
        let metrics = if ports.disk.is_some() { metrics.with_disk() } else { metrics };
        let metrics = if ports.process.is_some() { metrics.with_process() } else { metrics };
        Self {
            lanes: Lanes::of(&config),
            pipelines: Pipelines::with(&config.pipelines),
            endpoints: Registry::new(ports.endpoints, sealer, config.webhook_endpoints.clone()),
            live: LiveFeed::new(ports.feed, stop),
            metrics,
            disk: DiskReserve::new(ports.disk, config.disk_free_min),
            process: ports.process,
            plugins,
            running: Running::default(),
            waits: Waits::default(),
            services: None,
            verified: Verified::default(),
            time_of_day: TimeOfDay::default(),
            tasks: ports.tasks,
            queue: ports.queue,
            deliveries: ports.deliveries,
            chains: ports.chains,
            blobs: ports.blobs,
            ownership: ports.ownership,
            knowledge: ports.knowledge,
            sender: ports.sender,
            fetcher: ports.fetcher,
            clock: ports.clock,
            setup: ports.setup,
            config,
        }
    }

    /// With what its steps use.
    #[must_use]
    pub fn with_services(self, check: ServiceCheck) -> Self {
        Self { services: Some(check), ..self }
    }

    /// With the components that a worker loads: the first of them before it has an app.
    #[must_use]
    pub fn counting_loads(mut self, loads: &ComponentLoads) -> Self {
        self.metrics = self.metrics.with_component_loads(loads);
        self
    }
}
