//! The dispatcher on a real embedded store, with receivers that do what a test wants: no receiver holds up another's events.

use super::dispatcher::dispatch;
use crate::App;
use crate::config::{Config, Roles, Sources};
use crate::endpoints::seal::Sealer;
use crate::plugins::Plugins;
use crate::testing::{Memory, new_task, record, step_completed};
use async_trait::async_trait;
use morag_adapters::SystemClock;
use morag_adapters::store::sqlite::SqliteStore;
use morag_core::ports::*;
use morag_core::task::*;
use morag_core::webhook::*;
use morag_core::{SteadyTime, Timestamp};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Longest time for what should happen: far more than it takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a receiver does.
#[derive(Debug, Clone, Copy)]
enum Manner {
    Answers(u16),
    /// Takes the connection and says nothing.
    Hangs,
    /// `429` and `Retry-After`, seconds.
    AsksToWait(u64),
}

/// Receivers by host; what came to each, in order, and how many exchanges were under way at most.
#[derive(Default)]
struct Receivers {
    manners: Mutex<BTreeMap<String, Manner>>,
    came: Mutex<BTreeMap<String, Vec<(String, u64)>>>,
    /// From each event's commit to its first attempt, milliseconds.
    ages: Mutex<BTreeMap<String, Vec<i64>>>,
    under_way: Mutex<BTreeMap<String, (usize, usize)>>,
    /// What came as `Authorization`, in order.
    tokens: Mutex<Vec<String>>,
    changed: Notify,
}

impl Receivers {
    fn set(&self, host: &str, manner: Manner) {
        self.manners.lock().unwrap().insert(host.to_owned(), manner);
    }

    fn came(&self, host: &str) -> Vec<(String, u64)> {
        self.came.lock().unwrap().get(host).cloned().unwrap_or_default()
    }

    fn most_at_once(&self, host: &str) -> usize {
        self.under_way.lock().unwrap().get(host).map_or(0, |(_, most)| *most)
    }

    async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let waited = async {
            loop {
                let changed = self.changed.notified();
                if holds(self) {
                    return;
                }
                changed.await;
            }
        };
        tokio::time::timeout(PATIENCE, waited).await.unwrap_or_else(|_| panic!("in vain: {what}"));
    }
}

#[async_trait]
impl WebhookSender for Receivers {
    async fn check(&self, _: &WebhookUrl) -> Result<(), UrlRefused> {
        Ok(())
    }

    async fn send(&self, request: WebhookRequest) -> AttemptOutcome {
        let host = request.url.as_url().host_str().unwrap().to_owned();
        let header = |name: &str| request.headers.iter().find(|(n, _)| n == name).unwrap().1.clone();
        let token = request.headers.iter().find(|(name, _)| name == "authorization");
        self.tokens.lock().unwrap().extend(token.map(|(_, token)| token.clone()));
        let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
        let task = body["data"]["task_id"].as_str().unwrap().to_owned();
        self.came
            .lock()
            .unwrap()
            .entry(host.clone())
            .or_default()
            .push((task, header("x-morag-sequence").parse().unwrap()));
        let committed: Timestamp = body["timestamp"].as_str().unwrap().parse().unwrap();
        let age = SystemClock.now().as_millis() - committed.as_millis();
        self.ages.lock().unwrap().entry(host.clone()).or_default().push(age);
        {
            let mut under_way = self.under_way.lock().unwrap();
            let (now, most) = under_way.entry(host.clone()).or_default();
            *now += 1;
            *most = (*most).max(*now);
        }
        self.changed.notify_waiters();
        let manner = self.manners.lock().unwrap().get(&host).copied().unwrap_or(Manner::Answers(200));
        let (status, retry_after_ms) = match manner {
            Manner::Hangs => std::future::pending().await,
            Manner::Answers(status) => (status, None),
            Manner::AsksToWait(seconds) => (429, Some(seconds * 1000)),
        };
        tokio::task::yield_now().await;
        self.under_way.lock().unwrap().get_mut(&host).unwrap().0 -= 1;
        let excerpt = String::new();
        AttemptOutcome { status: Some(status), error: None, retry_after_ms, excerpt, duration_ms: 1 }
    }
}

/// The machine's clock, which a test can set, and on which it can let time pass.
#[derive(Default)]
struct TestClock {
    passed_ms: AtomicU64,
    set_ms: AtomicU64,
}

impl TestClock {
    /// Lets seconds pass.
    fn pass(&self, seconds: u64) {
        self.passed_ms.fetch_add(seconds * 1000, Ordering::Relaxed);
    }

    /// Sets it forward by so many days. No time passes.
    fn set_forward(&self, days: u64) {
        self.set_ms.fetch_add(days * 86_400_000, Ordering::Relaxed);
    }

    fn passed(&self) -> Duration {
        Duration::from_millis(self.passed_ms.load(Ordering::Relaxed))
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        SystemClock.now().plus(self.passed()).plus(Duration::from_millis(self.set_ms.load(Ordering::Relaxed)))
    }

    fn steady(&self) -> SteadyTime {
        SystemClock.steady().plus(self.passed())
    }
}

struct Stage {
    app: Arc<App>,
    clock: Arc<TestClock>,
    receivers: Arc<Receivers>,
    shutdown: CancellationToken,
    /// How old the events of its tasks are.
    age: Duration,
    _folder: tempfile::TempDir,
}

impl Stage {
    async fn new(settings: &[(&str, &str)]) -> Self {
        Self::with(settings, "").await
    }

    /// `file`: what is in `morag.toml`.
    async fn with(settings: &[(&str, &str)], file: &str) -> Self {
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
        let ports = Ports {
            tasks: store.clone(),
            queue: store.clone(),
            deliveries: store.clone(),
            chains: store.clone(),
            endpoints: store,
            sender: receivers.clone(),
            clock: clock.clone(),
            ..Arc::new(Memory::default()).ports()
        };
        let sealer = Sealer::new(&Sealer::generate().unwrap()).unwrap();
        let app = App::new(config, ports, Plugins::nowhere(), Some(sealer), shutdown.clone());
        Self { app: Arc::new(app), clock, receivers, shutdown, age: Duration::ZERO, _folder: folder }
    }

    fn deliver(&self) -> tokio::task::JoinHandle<()> {
        tokio::spawn(dispatch(self.app.clone(), self.shutdown.clone()))
    }

    /// A task with so many events for a receiver.
    async fn task(&self, host: &str, events: u64) -> TaskId {
        self.task_of(record(), host, events, (None, None)).await
    }

    /// One whose token is in its record, as earlier versions stored it.
    async fn task_of_before(&self, host: &str, events: u64, token: &str) -> TaskId {
        self.task_of(record(), host, events, (Some(token), None)).await
    }

    /// A tenant's task with an event.
    async fn task_of_tenant(&self, tenant: &str, host: &str) -> TaskId {
        let record = TaskRecord { tenant: tenant.parse().unwrap(), ..record() };
        self.task_of(record, host, 1, (None, None)).await
    }

    /// `credentials`: a token in the record, and the text of those that are kept beside it.
    async fn task_of(
        &self,
        mut record: TaskRecord,
        host: &str,
        events: u64,
        credentials: (Option<&str>, Option<String>),
    ) -> TaskId {
        record.id = TaskId::random();
        record.endpoints = vec![Endpoint {
            id: EndpointId::of_task(),
            url: format!("http://{host}/hook").parse().unwrap(),
            auth_token: credentials.0.map(morag_core::Secret::new),
            format: BodyFormat::Dual,
            events: EventFilter::default(),
            headers: BTreeMap::new(),
        }];
        let task = record.id;
        let new = NewTask { credentials: credentials.1, ..new_task(record) };
        self.app.tasks.accept(new).await.unwrap();
        let event = |sequence| Event {
            sequence,
            timestamp: self.app.clock.now().minus(self.age),
            progress_percent: 0.0,
            message: String::new(),
            kind: match sequence {
                1 => EventKind::TaskStarted { retry: None },
                _ => step_completed("chunking", vec![]),
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

    async fn tasks(&self, host: &str, count: usize, events: u64) {
        for _ in 0..count {
            self.task(host, events).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_an_earlier_version_stored_is_delivered_with_its_token() {
    let stage = Stage::new(&[]).await;
    stage.task_of_before("receiver.example", 3, "t0ken").await;
    let _dispatcher = stage.deliver();
    stage.receivers.until("it has all", |all| all.came("receiver.example").len() == 3).await;
    assert_eq!(*stage.receivers.tokens.lock().unwrap(), ["Bearer t0ken"; 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_lost_with_its_key_holds_up_no_webhooks() {
    let stage = Stage::new(&[]).await;
    // The store's proof is of the server's own key; the task's token was sealed with another.
    stage.app.endpoints.sealing().await.unwrap().unwrap();
    let lost = Sealer::new(&Sealer::generate().unwrap()).unwrap();
    let sealed = lost.seal("task/of-before", &Credentials::default()).unwrap();
    stage.task_of(record(), "receiver.example", 3, (None, Some(sealed))).await;
    let _dispatcher = stage.deliver();
    stage.receivers.until("it has all", |all| all.came("receiver.example").len() == 3).await;
    assert!(stage.receivers.tokens.lock().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_wait_for_a_hanging_receiver_hold_up_no_other() {
    let stage = Stage::new(&[("MORAG_WEBHOOK_ENDPOINT_CONCURRENCY", "4"), ("MORAG_WEBHOOK_CONCURRENCY", "32")]).await;
    stage.receivers.set("hanging.example", Manner::Hangs);
    // 1,500 events, all due before the first of the healthy receiver's.
    stage.tasks("hanging.example", 1500, 1).await;
    let _dispatcher = stage.deliver();
    stage.receivers.until("the hanging one is full", |all| all.came("hanging.example").len() == 4).await;
    stage.tasks("healthy.example", 50, 4).await;
    stage.receivers.until("the healthy one has all", |all| all.came("healthy.example").len() == 200).await;
    assert_eq!(stage.receivers.came("hanging.example").len(), 4, "its share and no more, all of it under way");
    // A figure, and no check: machines differ.
    let mut ages = stage.receivers.ages.lock().unwrap()["healthy.example"].clone();
    ages.sort_unstable();
    println!(
        "beside 1,500 events for a hanging receiver: p50 {} ms, p99 {} ms",
        ages[ages.len() / 2],
        ages[ages.len() * 99 / 100]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn many_hanging_receivers_leave_places_to_one_that_answers() {
    let stage = Stage::new(&[("MORAG_WEBHOOK_CONCURRENCY", "8")]).await;
    let _dispatcher = stage.deliver();
    stage.task("healthy.example", 1).await;
    stage.receivers.until("it has shown that it answers", |all| all.came("healthy.example").len() == 1).await;
    for number in 0..20 {
        let host = format!("hanging{number}.example");
        stage.receivers.set(&host, Manner::Hangs);
        stage.tasks(&host, 5, 1).await;
    }
    stage.tasks("healthy.example", 30, 3).await;
    stage.receivers.until("the healthy one has all", |all| all.came("healthy.example").len() == 91).await;
}

/// Two tenants share the server.
const TENANTS: &str = r#"
    [[callers]]
    name = "one"
    key_sha256 = "1111111111111111111111111111111111111111111111111111111111111111"
    tenant = "one"
    scopes = ["admin"]
    [[callers]]
    name = "other"
    key_sha256 = "2222222222222222222222222222222222222222222222222222222222222222"
    tenant = "other"
    scopes = ["admin"]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn hanging_receivers_of_a_tenant_leave_places_to_a_new_one_of_another() {
    // Whether they have answered before, and how many of 8 places they get then.
    for (answered, expected) in [(false, 2), (true, 4)] {
        let stage = Stage::with(&[("MORAG_WEBHOOK_CONCURRENCY", "8")], TENANTS).await;
        let hosts: Vec<_> = (0..20).map(|number| format!("receiver.hanging{number}.example")).collect();
        let came = |all: &Receivers| hosts.iter().map(|host| all.came(host).len()).sum::<usize>();
        let _dispatcher = stage.deliver();
        let mut before = 0;
        if answered {
            for host in &hosts {
                stage.task_of_tenant("one", host).await;
            }
            before = hosts.len();
            stage.receivers.until("all have answered", |all| came(all) == before).await;
        }
        for host in &hosts {
            stage.receivers.set(host, Manner::Hangs);
            stage.task_of_tenant("one", host).await;
        }
        stage.receivers.until("they hang", |all| came(all) == before + expected).await;
        stage.task_of_tenant("other", "new.example").await;
        stage.receivers.until("the other tenant's has its event", |all| all.came("new.example").len() == 1).await;
        assert_eq!(came(&stage.receivers), before + expected, "no more than the others are left");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_place_of_its_owner_is_delivered() {
    let stage = Stage::with(&[("MORAG_WEBHOOK_CONCURRENCY", "4")], TENANTS).await;
    for number in 0..20 {
        for tenant in ["one", "other"] {
            for _ in 0..5 {
                stage.task_of_tenant(tenant, &format!("receiver.{tenant}{number}.example")).await;
            }
        }
    }
    let _dispatcher = stage.deliver();
    let came = |all: &Receivers| all.came.lock().unwrap().values().map(Vec::len).sum::<usize>();
    stage.receivers.until("all have come", |all| came(all) == 200).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_backlog_takes_turns_with_another_receiver() {
    let stage = Stage::new(&[("MORAG_WEBHOOK_CONCURRENCY", "2"), ("MORAG_WEBHOOK_ENDPOINT_CONCURRENCY", "2")]).await;
    stage.tasks("busy.example", 400, 2).await;
    stage.tasks("other.example", 4, 2).await;
    let _dispatcher = stage.deliver();
    stage.receivers.until("the other has all", |all| all.came("other.example").len() == 8).await;
    let before = stage.receivers.came("busy.example").len();
    assert!(before < 400, "{before} of 800 events went before the last of the other's 8");
    stage.receivers.until("the backlog is gone", |all| all.came("busy.example").len() == 800).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn retry_after_pauses_the_whole_receiver_and_one_probe_follows() {
    let stage = Stage::new(&[("MORAG_WEBHOOK_ENDPOINT_CONCURRENCY", "1"), ("WEBHOOK_RETRY_AFTER_MAX", "1")]).await;
    // An hour is asked for, a second is believed.
    stage.receivers.set("limited.example", Manner::AsksToWait(3600));
    stage.tasks("limited.example", 10, 2).await;
    let _dispatcher = stage.deliver();
    stage.receivers.until("the first attempt", |all| all.came("limited.example").len() == 1).await;
    stage.tasks("other.example", 20, 1).await;
    stage.receivers.until("another is not paused", |all| all.came("other.example").len() == 20).await;
    assert_eq!(stage.receivers.came("limited.example").len(), 1, "nothing of any task while it is paused");
    stage.receivers.set("limited.example", Manner::Answers(200));
    stage.receivers.until("it is drained", |all| all.came("limited.example").len() == 21).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_fails_is_tried_one_at_a_time_until_it_is_back() {
    let stage = Stage::new(&[("WEBHOOK_RETRY_DELAY", "200ms"), ("WEBHOOK_MAX_RETRIES", "20")]).await;
    stage.receivers.set("down.example", Manner::Answers(500));
    stage.tasks("down.example", 40, 1).await;
    let _dispatcher = stage.deliver();
    let failures = usize::try_from(lane_failures()).unwrap();
    stage.receivers.until("the breaker opens", |all| all.came("down.example").len() >= failures).await;
    let attempts = stage.receivers.came("down.example").len();
    assert!(attempts < 40, "{attempts} attempts although the first ones failed: each of 40 tasks was tried");
    stage.receivers.set("down.example", Manner::Answers(200));
    let delivered = || async {
        let counts = stage.app.queue.queue_counts(Queue::Deliveries).await.unwrap();
        counts.due + counts.leased + counts.later == 0
    };
    let all = async {
        while !delivered().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, all).await.expect("all are delivered once it is back");
    let tasks: std::collections::BTreeSet<_> =
        stage.receivers.came("down.example").into_iter().map(|(task, _)| task).collect();
    assert_eq!(tasks.len(), 40);
}

fn lane_failures() -> u32 {
    let mut lane = Lane::default();
    let now = SteadyTime::from_millis(0);
    (1..)
        .find(|_| {
            lane.note(Signal::Failure(Some(Duration::from_secs(1))), now);
            lane.breaker(now) == Breaker::Open
        })
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tasks_events_come_in_order_without_gaps_and_once() {
    let stage = Stage::new(&[]).await;
    let _dispatcher = stage.deliver();
    let tasks = futures::future::join_all((0..20).map(|_| stage.task("good.example", 40))).await;
    stage.receivers.until("all have come", |all| all.came("good.example").len() == 800).await;
    let came = stage.receivers.came("good.example");
    for task in tasks {
        let task = task.to_string();
        let sequences: Vec<_> = came.iter().filter(|(of, _)| *of == task).map(|(_, sequence)| *sequence).collect();
        assert_eq!(sequences, (1..=40).collect::<Vec<_>>());
    }
    let share = stage.app.config.webhook_endpoint_concurrency;
    assert!((2..=share).contains(&stage.receivers.most_at_once("good.example")));
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_gives_back_what_is_under_way() {
    let stage = Stage::new(&[("MORAG_DRAIN_TIMEOUT", "0")]).await;
    stage.receivers.set("hanging.example", Manner::Hangs);
    stage.tasks("hanging.example", 3, 2).await;
    let dispatcher = stage.deliver();
    stage.receivers.until("they are under way", |all| all.came("hanging.example").len() == 3).await;
    stage.shutdown.cancel();
    tokio::time::timeout(PATIENCE, dispatcher).await.unwrap().unwrap();
    let counts = stage.app.queue.queue_counts(Queue::Deliveries).await.unwrap();
    assert_eq!((counts.leased, counts.due), (0, 3));
}

const HOUR: Duration = Duration::from_secs(3600);

/// A server that gives events up which are older than a minute, for a receiver that has failed for a quarter of that; `down.example`
/// fails, and one attempt goes at a time.
async fn giving_up() -> Stage {
    let settings = [
        ("MORAG_WEBHOOK_GIVE_UP_AFTER_HOURS", "60s"),
        ("MORAG_WEBHOOK_ENDPOINT_CONCURRENCY", "1"),
        ("WEBHOOK_MAX_RETRIES", "0"),
        ("WEBHOOK_RETRY_DELAY", "100ms"),
    ];
    let stage = Stage::new(&settings).await;
    stage.receivers.set("down.example", Manner::Answers(500));
    stage
}

/// Lets the receiver of a task have failed for longer than a delivery needs to be given up.
async fn fail_for_long(stage: &Stage, host: &str) {
    stage.task(host, 1).await;
    until_nothing_is_due(stage).await;
    assert_eq!(stage.receivers.came(host).len(), 1);
    stage.clock.pass(20);
}

/// State of each delivery, and what its attempts say.
async fn log_of(stage: &Stage, task: TaskId) -> Vec<(DeliveryState, Vec<String>)> {
    let said = |record: DeliveryRecord| {
        let attempts = record.attempts.into_iter().map(|attempt| attempt.outcome.excerpt).collect();
        (record.state, attempts)
    };
    stage.app.deliveries.deliveries(task).await.unwrap().into_iter().map(said).collect()
}

/// State of each delivery.
async fn states_of(stage: &Stage, task: TaskId) -> Vec<DeliveryState> {
    log_of(stage, task).await.into_iter().map(|(state, _)| state).collect()
}

/// Asks until something is so.
async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    let all = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, all).await.unwrap_or_else(|_| panic!("in vain: {what}"));
}

async fn until_nothing_is_due(stage: &Stage) {
    until("nothing is due", async || {
        let counts = stage.app.queue.queue_counts(Queue::Deliveries).await.unwrap();
        counts.due + counts.leased + counts.later == 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_old_for_a_failing_receiver_is_given_up_without_an_attempt_and_then_forgotten() {
    let mut stage = giving_up().await;
    let _dispatcher = stage.deliver();
    // Its breaker is open then, and half open after the pause.
    let failures = usize::try_from(lane_failures()).unwrap();
    stage.tasks("down.example", failures, 1).await;
    until_nothing_is_due(&stage).await;
    assert_eq!(stage.receivers.came("down.example").len(), failures);
    stage.clock.pass(20);
    stage.age = HOUR;
    let old = futures::future::join_all((0..50).map(|_| stage.task("down.example", 40))).await;
    until_nothing_is_due(&stage).await;
    assert_eq!(stage.receivers.came("down.example").len(), failures, "no further exchange");
    let why = "not sent: the event is older than 60 s (MORAG_WEBHOOK_GIVE_UP_AFTER_HOURS)".to_owned();
    assert_eq!(log_of(&stage, old[7]).await, vec![(DeliveryState::Dead, vec![why]); 40]);
    let gone = stage.app.tasks.expire(stage.app.clock.now().plus(HOUR), 100).await.unwrap();
    assert_eq!(gone.len(), 50 + failures, "nothing holds their history");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_old_is_sent_to_a_receiver_that_answers() {
    let stage = Stage { age: HOUR, ..giving_up().await };
    let task = stage.task("up.example", 3).await;
    let _dispatcher = stage.deliver();
    until_nothing_is_due(&stage).await;
    assert_eq!(states_of(&stage, task).await, [DeliveryState::Delivered; 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_old_waits_for_a_receiver_that_has_just_begun_to_fail() {
    let settings = [
        ("MORAG_WEBHOOK_GIVE_UP_AFTER_HOURS", "60s"),
        ("MORAG_WEBHOOK_ENDPOINT_CONCURRENCY", "1"),
        ("WEBHOOK_MAX_RETRIES", "20"),
        ("WEBHOOK_RETRY_DELAY", "100ms"),
    ];
    let stage = Stage { age: HOUR, ..Stage::new(&settings).await };
    stage.receivers.set("down.example", Manner::Answers(503));
    let tasks = futures::future::join_all((0..20).map(|_| stage.task("down.example", 2))).await;
    let _dispatcher = stage.deliver();
    stage.receivers.until("it fails, and others wait", |all| all.came("down.example").len() >= 3).await;
    stage.receivers.set("down.example", Manner::Answers(200));
    until_nothing_is_due(&stage).await;
    for task in tasks {
        assert_eq!(states_of(&stage, task).await, [DeliveryState::Delivered; 2]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_long_ago_says_nothing_of_a_receiver() {
    let mut stage = giving_up().await;
    let _dispatcher = stage.deliver();
    fail_for_long(&stage, "down.example").await;
    stage.receivers.set("down.example", Manner::Answers(200));
    stage.clock.pass(1000);
    stage.age = HOUR;
    let task = stage.task("down.example", 2).await;
    until_nothing_is_due(&stage).await;
    assert_eq!(states_of(&stage, task).await, [DeliveryState::Delivered; 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_tried_and_is_too_old_by_then_is_given_up() {
    let settings = [
        ("MORAG_WEBHOOK_GIVE_UP_AFTER_HOURS", "60s"),
        ("WEBHOOK_RETRY_DELAY", "100"),
        ("MORAG_WEBHOOK_ENDPOINT_CONCURRENCY", "1"),
    ];
    let stage = Stage::new(&settings).await;
    stage.receivers.set("down.example", Manner::Answers(500));
    let task = stage.task("down.example", 2).await;
    let _dispatcher = stage.deliver();
    stage.receivers.until("it fails", |all| all.came("down.example").len() == 1).await;
    let waits = async || stage.app.queue.queue_counts(Queue::Deliveries).await.unwrap().later == 1;
    until("the retry waits", waits).await;
    stage.clock.pass(120);
    until_nothing_is_due(&stage).await;
    assert_eq!(stage.receivers.came("down.example").len(), 1);
    let log = log_of(&stage, task).await;
    let attempts: Vec<_> = log.iter().map(|(_, attempts)| attempts.len()).collect();
    assert_eq!(attempts, [2, 1], "{log:?}");
    assert!(log.iter().all(|(state, _)| *state == DeliveryState::Dead), "{log:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_only_asks_to_wait_is_given_up_too() {
    let settings = [
        ("MORAG_WEBHOOK_GIVE_UP_AFTER_HOURS", "60s"),
        ("MORAG_WEBHOOK_ENDPOINT_CONCURRENCY", "1"),
        ("WEBHOOK_RETRY_AFTER_MAX", "1000"),
    ];
    let stage = Stage { age: HOUR, ..Stage::new(&settings).await };
    stage.receivers.set("limited.example", Manner::AsksToWait(3600));
    stage.tasks("limited.example", 10, 2).await;
    let _dispatcher = stage.deliver();
    stage.receivers.until("it asks to wait", |all| all.came("limited.example").len() == 1).await;
    let waits = async || stage.app.queue.queue_counts(Queue::Deliveries).await.unwrap().leased == 0;
    until("the pause is known", waits).await;
    // Its pause is over, and it is not silent: it could not be asked.
    stage.clock.pass(1001);
    until_nothing_is_due(&stage).await;
    assert_eq!(stage.receivers.came("limited.example").len(), 1);
}

fn again(stage: &Stage, task: TaskId) -> NewResend {
    NewResend { task, endpoint: EndpointId::of_task(), delivery: 1, url: None, due: stage.app.clock.now() }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_for_again_is_sent_however_old_it_is() {
    let mut stage = giving_up().await;
    let _dispatcher = stage.deliver();
    fail_for_long(&stage, "down.example").await;
    stage.age = HOUR;
    let task = stage.task("down.example", 1).await;
    until_nothing_is_due(&stage).await;
    assert_eq!(states_of(&stage, task).await, [DeliveryState::Dead]);
    stage.receivers.set("down.example", Manner::Answers(200));
    stage.app.deliveries.resend(&again(&stage, task)).await.unwrap();
    until_nothing_is_due(&stage).await;
    assert_eq!(states_of(&stage, task).await, [DeliveryState::Resent, DeliveryState::Delivered]);
    assert_eq!(stage.receivers.came("down.example").len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_asked_for_again_long_ago_is_given_up() {
    let stage = giving_up().await;
    let task = stage.task("down.example", 1).await;
    let dispatcher = stage.deliver();
    until_nothing_is_due(&stage).await;
    stage.shutdown.cancel();
    dispatcher.await.unwrap();
    stage.app.deliveries.resend(&again(&stage, task)).await.unwrap();
    stage.clock.pass(61);
    let stage = Stage { shutdown: CancellationToken::new(), ..stage };
    let _dispatcher = stage.deliver();
    until_nothing_is_due(&stage).await;
    assert_eq!(states_of(&stage, task).await, [DeliveryState::Resent, DeliveryState::Dead]);
    assert_eq!(stage.receivers.came("down.example").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_was_set_ahead_gives_nothing_up() {
    let settings = [("MORAG_WEBHOOK_GIVE_UP_AFTER_HOURS", "60s"), ("WEBHOOK_RETRY_DELAY", "10")];
    let stage = Stage::new(&settings).await;
    stage.receivers.set("down.example", Manner::Answers(500));
    let task = stage.task("down.example", 3).await;
    stage.clock.set_forward(365);
    let _dispatcher = stage.deliver();
    let waits = async || stage.app.queue.queue_counts(Queue::Deliveries).await.unwrap().later == 1;
    until("the retry waits", &waits).await;
    // It has failed for long enough, and the event seems to be a year old.
    stage.clock.pass(20);
    stage.receivers.until("it is tried again", |all| all.came("down.example").len() == 2).await;
    until("the next retry waits", &waits).await;
    stage.receivers.set("down.example", Manner::Answers(200));
    stage.clock.pass(40);
    until_nothing_is_due(&stage).await;
    assert_eq!(states_of(&stage, task).await, [DeliveryState::Delivered; 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_key_is_given_up_when_it_is_too_old() {
    let mut stage = giving_up().await;
    let unreadable = || Some("neither sealed nor readable".to_owned());
    stage.age = HOUR;
    let old = stage.task_of(record(), "up.example", 2, (None, unreadable())).await;
    let _dispatcher = stage.deliver();
    let waits = async || stage.app.queue.queue_counts(Queue::Deliveries).await.unwrap().later == 1;
    until("it waits", &waits).await;
    assert_eq!(log_of(&stage, old).await, [], "not at once");
    // That others of its receiver can be sent changes nothing for it.
    stage.task("up.example", 1).await;
    stage.receivers.until("another is sent", |all| all.came("up.example").len() == 1).await;
    until("and settled", async || stage.app.queue.queue_counts(Queue::Deliveries).await.unwrap().leased == 0).await;
    stage.clock.pass(61);
    until_nothing_is_due(&stage).await;
    assert_eq!(states_of(&stage, old).await, [DeliveryState::Dead; 2]);
    let stage = Stage { age: Duration::ZERO, ..stage };
    let new = stage.task_of(record(), "up.example", 2, (None, unreadable())).await;
    let waits = async || stage.app.queue.queue_counts(Queue::Deliveries).await.unwrap().later == 1;
    until("the other waits", &waits).await;
    assert_eq!(log_of(&stage, new).await, []);
    assert_eq!(stage.receivers.came("up.example").len(), 1, "the other alone");
}
