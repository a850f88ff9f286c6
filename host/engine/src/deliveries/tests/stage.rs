//! A dispatcher on a real embedded store, with tasks that have events to deliver.

use super::calls::Counting;
use super::clock::TestClock;
use super::receivers::{PATIENCE, Receivers};
use crate::App;
use crate::config::{Config, Roles, Sources};
use crate::deliveries::dispatcher::dispatch;
use crate::endpoints::seal::Sealer;
use crate::plugins::Plugins;
use crate::testing::{Memory, record};
use morag_adapters::store::sqlite::SqliteStore;
use morag_core::ports::*;
use morag_core::task::*;
use morag_core::webhook::*;
use morag_core::{JsonObject, SteadyTime};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

pub(super) struct Stage {
    pub(super) app: Arc<App>,
    pub(super) clock: Arc<TestClock>,
    pub(super) receivers: Arc<Receivers>,
    pub(super) calls: Arc<Counting>,
    pub(super) shutdown: CancellationToken,
    /// How old the events of its tasks are.
    pub(super) age: Duration,
    pub(super) _folder: tempfile::TempDir,
}

impl Stage {
    pub(super) async fn new(settings: &[(&str, &str)]) -> Self {
        Self::with(settings, "").await
    }

    /// `file`: what is in `morag.toml`.
    pub(super) async fn with(settings: &[(&str, &str)], file: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut environment: BTreeMap<_, _> =
            settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        environment.insert("MORAG_DATA_DIR".to_owned(), folder.path().display().to_string());
        let mut config = Config::of(&Sources { environment, ..Sources::default() }, Some(file)).unwrap();
        config.roles = "dispatcher".parse::<Roles>().unwrap();
        let shutdown = CancellationToken::new();
        let clock = Arc::new(TestClock::default());
        let store = SqliteStore::open(&folder.path().join("morag.db"), clock.clone()).unwrap();
        let receivers = Arc::new(Receivers::default());
        let calls = Arc::new(Counting::new(store.clone()));
        let ports = Ports {
            tasks: store.clone(),
            queue: store.clone(),
            deliveries: calls.clone(),
            chains: store.clone(),
            endpoints: store,
            sender: receivers.clone(),
            clock: clock.clone(),
            ..Arc::new(Memory::default()).ports()
        };
        let sealer = Sealer::new(&Sealer::generate().unwrap()).unwrap();
        let app = App::new(config, ports, Plugins::nowhere(), Some(sealer), shutdown.clone());
        Self { app: Arc::new(app), clock, receivers, calls, shutdown, age: Duration::ZERO, _folder: folder }
    }

    pub(super) fn deliver(&self) -> tokio::task::JoinHandle<()> {
        tokio::spawn(dispatch(self.app.clone(), self.shutdown.clone()))
    }

    /// A task with so many events for a receiver.
    pub(super) async fn task(&self, host: &str, events: u64) -> TaskId {
        self.task_of(record(), host, events, (None, None)).await
    }

    /// One whose token is in its record, as earlier versions stored it.
    pub(super) async fn task_of_before(&self, host: &str, events: u64, token: &str) -> TaskId {
        self.task_of(record(), host, events, (Some(token), None)).await
    }

    /// A tenant's task with an event.
    pub(super) async fn task_of_tenant(&self, tenant: &str, host: &str) -> TaskId {
        let record = TaskRecord { tenant: tenant.parse().unwrap(), ..record() };
        self.task_of(record, host, 1, (None, None)).await
    }

    /// `credentials`: a token in the record, and the text of those that are kept beside it.
    pub(super) async fn task_of(
        &self,
        mut record: TaskRecord,
        host: &str,
        events: u64,
        credentials: (Option<&str>, Option<String>),
    ) -> TaskId {
        record.endpoints = vec![Endpoint {
            id: EndpointId::of_task(),
            url: format!("http://{host}/hook").parse().unwrap(),
            auth_token: credentials.0.map(morag_core::Secret::new),
            format: BodyFormat::Dual,
            events: EventFilter::default(),
            headers: BTreeMap::new(),
        }];
        self.accepted(record, events, credentials.1).await
    }

    /// A document's task with so many events for a named endpoint.
    pub(super) async fn task_for(&self, endpoint: &str, document: &str, events: u64) -> TaskId {
        let subscribers = vec![EndpointId::from(endpoint.to_owned())];
        let document_id = document.to_owned().try_into().unwrap();
        self.accepted(TaskRecord { document_id, subscribers, ..record() }, events, None).await
    }

    async fn accepted(&self, mut record: TaskRecord, events: u64, credentials: Option<String>) -> TaskId {
        record.id = TaskId::random();
        let task = record.id;
        let new = NewTask {
            record,
            idempotency: None,
            claims_document: false,
            flow: Flow::of("test"),
            credentials,
            limits: Default::default(),
        };
        self.app.tasks.accept(new).await.unwrap();
        let event = |sequence| Event {
            sequence,
            timestamp: self.app.clock.now().minus(self.age),
            progress_percent: 0.0,
            message: String::new(),
            span: None,
            kind: match sequence {
                1 => EventKind::TaskStarted { retry: None },
                _ => EventKind::StepCompleted {
                    step: "chunking".into(),
                    stage: "chunking".into(),
                    data: JsonObject::new(),
                    artifacts: vec![],
                    resources: Resources::default(),
                },
            },
        };
        let commit = Commit {
            task,
            guard: Guard::Sequence(0),
            events: (1..=events).map(event).collect(),
            live_percent: 0.0,
            status: StatusWord::Completed,
            next: Next::Done,
        };
        self.app.tasks.commit(commit).await.unwrap();
        task
    }

    pub(super) async fn tasks(&self, host: &str, count: usize, events: u64) {
        for _ in 0..count {
            self.task(host, events).await;
        }
    }
}

/// State of each delivery, and what its attempts say.
pub(super) async fn log_of(stage: &Stage, task: TaskId) -> Vec<(DeliveryState, Vec<String>)> {
    let said = |record: DeliveryRecord| {
        let attempts = record.attempts.into_iter().map(|attempt| attempt.outcome.excerpt).collect();
        (record.state, attempts)
    };
    stage.app.deliveries.deliveries(task).await.unwrap().into_iter().map(said).collect()
}

/// State of each delivery.
pub(super) async fn states_of(stage: &Stage, task: TaskId) -> Vec<DeliveryState> {
    log_of(stage, task).await.into_iter().map(|(state, _)| state).collect()
}

/// Asks until something is so.
pub(super) async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    let all = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, all).await.unwrap_or_else(|_| panic!("in vain: {what}"));
}

pub(super) async fn until_nothing_is_due(stage: &Stage) {
    until("nothing is due", async || {
        let counts = stage.app.queue.queue_counts(Queue::Deliveries).await.unwrap();
        counts.due + counts.leased + counts.later == 0
    })
    .await;
}

pub(super) fn lane_failures() -> u32 {
    let mut lane = Lane::default();
    let now = SteadyTime::from_millis(0);
    (1..)
        .find(|_| {
            lane.note(Signal::Failure(Some(Duration::from_secs(1))), now);
            lane.breaker(now) == Breaker::Open
        })
        .unwrap()
}
