//! What is counted while the server runs, in the text format of Prometheus.
//!
//! Counters and histograms are this process's own. Gauges of the store say the same in every process: take the maximum of
//! them, not the sum.
//!
//! Labels are words of bounded sets: no tenant, document, URL or id is one. Each set is fixed in the code, or comes from the operator's
//! configuration and has a limit.

mod commits;
mod component_loads;
mod conversions;
mod http_requests;
mod process;
mod steps;
#[cfg(test)]
mod tests;

pub use commits::StoreCommits;
pub use component_loads::ComponentLoads;
pub use conversions::Conversions;
pub use http_requests::HttpRequests;
pub use steps::StepRuns;

use morag_core::ports::ProcessUsage;
use morag_core::task::StatusWord;
use morag_core::webhook::{AttemptOutcome, ErrorClass, Verdict};
use process::ProcessMetrics;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use tokio::time::Instant;

/// Upper bounds, seconds, of an exchange: a receiver near by takes milliseconds, `WEBHOOK_TIMEOUT` is 30 s by default.
const EXCHANGE_SECONDS: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0, 30.0];

/// Upper bounds, seconds, of an event's age when it is sent: milliseconds where nothing waits, days after an outage.
const AGE_SECONDS: [f64; 13] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0, 300.0, 3600.0, 21_600.0, 86_400.0];

/// One label.
macro_rules! label {
    ($set:ident, $name:ident) => {
        #[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
        struct $set {
            $name: &'static str,
        }
    };
}
label!(ByOutcome, outcome);
label!(ByState, state);
label!(ByStatus, status);
label!(ByVersion, version);

type Number = Gauge<f64, AtomicU64>;

/// What the store says, for the gauges.
#[derive(Debug, Clone, Default)]
pub struct StoreFacts {
    /// Deliveries: due, under a lease, due later.
    pub deliveries: [u64; 3],
    /// Tasks in the queue, likewise.
    pub tasks_queued: [u64; 3],
    /// How long the delivery that has been due for longest has waited.
    pub oldest_delivery: Duration,
    /// Likewise the task.
    pub oldest_task: Duration,
    /// Tasks by status.
    pub tasks: Vec<(StatusWord, u64)>,
    /// Endpoints: enabled, failing, disabled.
    pub endpoints: [usize; 3],
}

/// The metrics of this process.
#[derive(Debug)]
pub struct Metrics {
    /// When the store was asked last; held while it is asked, so that one asks for all.
    pub store_asked: tokio::sync::Mutex<Option<Instant>>,
    /// HTTP requests.
    pub http: HttpRequests,
    /// Runs of steps.
    pub steps: StepRuns,
    /// Documents converted to markdown.
    pub conversions: Conversions,
    /// Commits to the store.
    pub commits: StoreCommits,
    /// What is ours: each name begins with `morag_`.
    registry: Registry,
    /// What has the names of others.
    unprefixed: Registry,
    process: ProcessMetrics,
    attempts: Family<ByOutcome, Counter>,
    settled: Family<ByState, Counter>,
    exchange: Histogram,
    age: Histogram,
    deliveries: Family<ByState, Gauge>,
    oldest_delivery: Number,
    tasks_queued: Family<ByState, Gauge>,
    oldest_task: Number,
    tasks: Family<ByStatus, Gauge>,
    endpoints: Family<ByState, Gauge>,
    breakers: Family<ByState, Gauge>,
    store_up: Gauge,
    disk_free: Gauge,
}

/// States of a queue, in the order of [`StoreFacts`].
const QUEUE_STATES: [&str; 3] = ["waiting", "leased", "later"];

/// States of an endpoint, in the order of [`StoreFacts`].
const ENDPOINT_STATES: [&str; 3] = ["enabled", "failing", "disabled"];

/// Every status of a task.
const STATUSES: [StatusWord; 5] =
    [StatusWord::Pending, StatusWord::InProgress, StatusWord::Completed, StatusWord::Failed, StatusWord::Cancelled];

/// Everything that an attempt can come to: each is there from the start, because a rate needs its zero.
const OUTCOMES: [&str; 13] = [
    "success",
    "http_1xx",
    "redirect",
    "http_4xx",
    "http_5xx",
    "dns",
    "address_refused",
    "connect",
    "tls",
    "timeout",
    "reset",
    "protocol",
    "other",
];

/// What becomes of deliveries.
const SETTLED: [&str; 4] = ["delivered", "dead", "expired", "gone"];

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("morag");
        let metrics = Self {
            store_asked: tokio::sync::Mutex::default(),
            http: HttpRequests::default(),
            steps: StepRuns::default(),
            conversions: Conversions::default(),
            commits: StoreCommits::default(),
            unprefixed: Registry::default(),
            process: ProcessMetrics::default(),
            attempts: Family::default(),
            settled: Family::default(),
            exchange: Histogram::new(EXCHANGE_SECONDS),
            age: Histogram::new(AGE_SECONDS),
            deliveries: Family::default(),
            oldest_delivery: Number::default(),
            tasks_queued: Family::default(),
            oldest_task: Number::default(),
            tasks: Family::default(),
            endpoints: Family::default(),
            breakers: Family::default(),
            store_up: Gauge::default(),
            disk_free: Gauge::default(),
            registry: Registry::default(),
        };
        let build: Family<ByVersion, Gauge> = Family::default();
        build.get_or_create(&ByVersion { version: crate::VERSION }).set(1);
        registry.register("build", "Version of the server", build);
        registry.register(
            "webhook_attempts",
            "Attempts to deliver a webhook, by what came of them",
            metrics.attempts.clone(),
        );
        registry.register(
            "webhook_settled",
            "Deliveries that were settled: delivered, given up after the last retry (dead) or for their age (expired), or refused for good (gone)",
            metrics.settled.clone(),
        );
        let (exchange, age) = (metrics.exchange.clone(), metrics.age.clone());
        registry.register_with_unit(
            "webhook_exchange",
            "Time of an exchange, to the last byte",
            Unit::Seconds,
            exchange,
        );
        registry.register_with_unit(
            "webhook_age",
            "Time from an event to an attempt to deliver it",
            Unit::Seconds,
            age,
        );
        registry.register("webhook_queue", "Webhook cursors in the queue of the store", metrics.deliveries.clone());
        registry.register_with_unit(
            "webhook_oldest_waiting",
            "How long the webhook cursor that is due for longest has waited",
            Unit::Seconds,
            metrics.oldest_delivery.clone(),
        );
        registry.register("webhook_endpoints", "Named endpoints", metrics.endpoints.clone());
        registry.register(
            "webhook_breakers",
            "Circuit breakers of this process, one for each receiver it knows something of",
            metrics.breakers.clone(),
        );
        registry.register("task_queue", "Tasks in the queue of the store", metrics.tasks_queued.clone());
        registry.register_with_unit(
            "task_oldest_waiting",
            "How long the task that is due for longest has waited",
            Unit::Seconds,
            metrics.oldest_task.clone(),
        );
        registry.register("tasks", "Tasks that are kept", metrics.tasks.clone());
        registry.register(
            "store_up",
            "Whether the store answered the last time it was asked",
            metrics.store_up.clone(),
        );
        metrics.http.register(&mut registry);
        metrics.steps.register(&mut registry);
        metrics.conversions.register(&mut registry);
        metrics.commits.register(&mut registry);
        for outcome in OUTCOMES {
            metrics.attempts.get_or_create(&ByOutcome { outcome }).inc_by(0);
        }
        for state in SETTLED {
            metrics.settled.get_or_create(&ByState { state }).inc_by(0);
        }
        Self { registry, ..metrics }
    }
}

impl Metrics {
    /// With the room on the disk, of a process that writes to one.
    #[must_use]
    pub fn with_disk(mut self) -> Self {
        let help = "Free space on the disk of the data folder; the least, where it is on several";
        self.registry.register_with_unit("disk_free", help, Unit::Bytes, self.disk_free.clone());
        self
    }

    /// With what the process uses, where the system tells it.
    #[must_use]
    pub fn with_process(mut self) -> Self {
        self.process.register(&mut self.unprefixed);
        self
    }

    /// With the components that are loaded, of a process that runs steps.
    #[must_use]
    pub fn with_component_loads(mut self, loads: &ComponentLoads) -> Self {
        loads.register(&mut self.registry);
        self
    }

    /// What the process uses now.
    pub fn process(&self, usage: &ProcessUsage) {
        self.process.set(usage);
    }

    /// Bytes that are free on the disk.
    pub fn disk(&self, free: u64) {
        self.disk_free.set(i64::try_from(free).unwrap_or(i64::MAX));
    }

    /// An attempt of a delivery was made; `age` is the time from the event to the attempt's start.
    pub fn attempt(&self, outcome: &AttemptOutcome, verdict: Verdict, age: Duration) {
        self.attempts.get_or_create(&ByOutcome { outcome: word(outcome) }).inc();
        self.exchange.observe(Duration::from_millis(outcome.duration_ms).as_secs_f64());
        self.age.observe(age.as_secs_f64());
        let state = match verdict {
            Verdict::Delivered => "delivered",
            Verdict::Dead => "dead",
            Verdict::Gone => "gone",
            Verdict::Retry(_) => return,
        };
        self.settled.get_or_create(&ByState { state }).inc();
    }

    /// Deliveries were given up for their age.
    pub fn expired(&self, count: u64) {
        self.settled.get_or_create(&ByState { state: "expired" }).inc_by(count);
    }

    /// What the store says now; none where it does not answer: then what it said before stays.
    pub fn store(&self, facts: Option<&StoreFacts>) {
        self.store_up.set(i64::from(facts.is_some()));
        let Some(facts) = facts else { return };
        for (place, state) in QUEUE_STATES.into_iter().enumerate() {
            set(&self.deliveries, &ByState { state }, facts.deliveries[place]);
            set(&self.tasks_queued, &ByState { state }, facts.tasks_queued[place]);
        }
        for (place, state) in ENDPOINT_STATES.into_iter().enumerate() {
            set(&self.endpoints, &ByState { state }, facts.endpoints[place] as u64);
        }
        self.oldest_delivery.set(facts.oldest_delivery.as_secs_f64());
        self.oldest_task.set(facts.oldest_task.as_secs_f64());
        for status in STATUSES {
            let count = facts.tasks.iter().find(|(known, _)| *known == status).map_or(0, |(_, count)| *count);
            set(&self.tasks, &ByStatus { status: status.as_str() }, count);
        }
    }

    /// Breakers by state: closed, open, half open.
    pub fn breakers(&self, [closed, open, half_open]: [usize; 3]) {
        for (state, count) in [("closed", closed), ("open", open), ("half_open", half_open)] {
            set(&self.breakers, &ByState { state }, count as u64);
        }
    }

    /// Everything, as text.
    pub fn render(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        encode_registry(&mut text, &self.registry)?;
        encode_registry(&mut text, &self.unprefixed)?;
        encode_eof(&mut text)?;
        Ok(text)
    }
}

fn set<L: Clone + std::hash::Hash + Eq>(family: &Family<L, Gauge>, labels: &L, value: u64) {
    family.get_or_create(labels).set(i64::try_from(value).unwrap_or(i64::MAX));
}

/// The word of an outcome.
fn word(outcome: &AttemptOutcome) -> &'static str {
    match (outcome.error, outcome.status) {
        (Some(ErrorClass::Dns), _) => "dns",
        (Some(ErrorClass::AddressRefused), _) => "address_refused",
        (Some(ErrorClass::Connect), _) => "connect",
        (Some(ErrorClass::Tls), _) => "tls",
        (Some(ErrorClass::Timeout), _) => "timeout",
        (Some(ErrorClass::Reset), _) => "reset",
        (Some(ErrorClass::Protocol), _) => "protocol",
        (None, Some(100..=199)) => "http_1xx",
        (None, Some(200..=299)) => "success",
        (None, Some(300..=399)) => "redirect",
        (None, Some(400..=499)) => "http_4xx",
        (None, Some(500..=599)) => "http_5xx",
        (None, _) => "other",
    }
}
