//! Ports in memory that count their calls.

use crate::testing::{Memory, TestStore};
use async_trait::async_trait;
use morag_core::ports::*;
use morag_core::task::*;
use morag_core::webhook::{AttemptOutcome, WebhookUrl};
use morag_core::{JsonObject, Timestamp};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;

/// Longest time for a call that must come: it takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// Done once, while the feed's end is looked up.
pub type OnTail = Box<dyn FnOnce(&Memory) + Send>;

/// Done once, before the check whether a task may enter the queue.
pub type OnMayEnter = Box<dyn FnOnce() -> futures::future::BoxFuture<'static, ()> + Send>;

/// How the feed's end is looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tail {
    /// As the store does.
    Answers,
    /// The store cannot be read.
    Fails,
    /// It does not answer.
    Hangs,
}

/// Tasks, sender and feed of a memory, counted.
pub struct Counting {
    memory: Arc<Memory>,
    calls: Mutex<BTreeMap<&'static str, usize>>,
    /// Look-ups of idempotency keys that are under way, and the most that ever were.
    replays: [AtomicUsize; 2],
    /// Hosts that the sender was asked to check, in order.
    pub hosts: Mutex<Vec<String>>,
    /// How the feed's end is looked up.
    pub tail: Mutex<Tail>,
    /// Done at the next check whether a task may enter the queue.
    pub on_may_enter: Mutex<Option<OnMayEnter>>,
    /// Whether the feed loses its events, as one of another process can.
    pub loses_events: AtomicBool,
    /// Done at the next look for the feed's end.
    pub on_tail: Mutex<Option<OnTail>>,
}

impl Counting {
    /// Counts the calls of a memory's ports.
    pub fn new(memory: &Arc<Memory>) -> Arc<Self> {
        Arc::new(Self {
            memory: memory.clone(),
            calls: Mutex::default(),
            replays: Default::default(),
            hosts: Mutex::default(),
            tail: Mutex::new(Tail::Answers),
            on_may_enter: Mutex::default(),
            loses_events: AtomicBool::new(false),
            on_tail: Mutex::default(),
        })
    }

    /// All ports of the memory, with the counted ones in their place.
    pub fn ports(self: &Arc<Self>) -> Ports {
        Ports { tasks: self.clone(), sender: self.clone(), feed: self.clone(), ..self.memory.ports() }
    }

    /// How often a method was called since this was last asked.
    pub fn take(&self, method: &'static str) -> usize {
        self.calls.lock().unwrap().remove(method).unwrap_or(0)
    }

    /// Gives others a turn until a method was called so often, since this or [`Self::take`] was last asked.
    pub async fn until_called(&self, method: &'static str, calls: usize) {
        let (mut made, start) = (0, Instant::now());
        loop {
            made += self.take(method);
            if made >= calls {
                return;
            }
            assert!(start.elapsed() < PATIENCE, "{made} calls of {method} in {PATIENCE:?}, not {calls}");
            tokio::task::yield_now().await;
        }
    }

    /// Most look-ups of idempotency keys that were under way at once.
    pub fn replays_at_once(&self) -> usize {
        self.replays[1].load(Ordering::SeqCst)
    }

    fn count(&self, method: &'static str) -> &TestStore {
        *self.calls.lock().unwrap().entry(method).or_default() += 1;
        &self.memory.store
    }
}

#[async_trait]
impl WebhookSender for Counting {
    async fn check(&self, url: &WebhookUrl) -> Result<(), UrlRefused> {
        self.hosts.lock().unwrap().push(url.as_url().host_str().unwrap().to_owned());
        // As long as it takes a name server: others of the request ask meanwhile.
        tokio::task::yield_now().await;
        self.count("check");
        self.memory.network.check(url).await
    }
    async fn send(&self, request: WebhookRequest) -> AttemptOutcome {
        self.count("send");
        self.memory.network.send(request).await
    }
}

#[async_trait]
impl Feed for Counting {
    async fn tail(&self) -> Result<FeedPosition, StoreError> {
        if let Some(on_tail) = self.on_tail.lock().unwrap().take() {
            on_tail(&self.memory);
        }
        let store = self.count("tail");
        let how = *self.tail.lock().unwrap();
        match how {
            Tail::Answers => store.tail().await,
            Tail::Fails => Err(StoreError::Unavailable("a shard is down".into())),
            Tail::Hangs => std::future::pending().await,
        }
    }
    async fn since(&self, position: FeedPosition, limit: usize) -> Result<FeedPage, StoreError> {
        let mut page = self.count("since").since(position, limit).await?;
        if self.loses_events.load(Ordering::SeqCst) {
            page.items.clear();
        }
        Ok(page)
    }
    fn watch(&self) -> Box<dyn FeedWatch> {
        self.count("watch").watch()
    }
}

#[async_trait]
impl Tasks for Counting {
    async fn accept(&self, new: NewTask) -> Result<Accepted, AcceptError> {
        self.count("accept").accept(new).await
    }
    async fn replay(&self, key: &str, digest: &str) -> Result<Option<JsonObject>, AcceptError> {
        let [now, most] = &self.replays;
        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        tokio::task::yield_now().await;
        now.fetch_sub(1, Ordering::SeqCst);
        self.count("replay").replay(key, digest).await
    }
    async fn document_holder(&self, tenant: &TenantId, document: &DocumentId) -> Result<Option<TaskId>, StoreError> {
        self.count("document_holder").document_holder(tenant, document).await
    }
    async fn load(&self, task: TaskId) -> Result<Option<TaskLog>, StoreError> {
        self.count("load").load(task).await
    }
    async fn tenant_of(&self, task: TaskId) -> Result<Option<TenantId>, StoreError> {
        self.count("tenant_of").tenant_of(task).await
    }
    async fn mark(&self, task: TaskId) -> Result<Option<TaskMark>, StoreError> {
        self.count("mark").mark(task).await
    }
    async fn outline(&self, task: TaskId) -> Result<Option<TaskOutline>, StoreError> {
        self.count("outline").outline(task).await
    }
    async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        self.count("commit").commit(commit).await
    }
    async fn run_again(&self, commit: Commit, flow: &Flow, limits: TaskLimits) -> Result<(), RunAgainError> {
        self.count("run_again").run_again(commit, flow, limits).await
    }
    async fn may_enter(&self, flow: &Flow, limits: TaskLimits) -> Result<(), AcceptError> {
        let before = self.on_may_enter.lock().unwrap().take();
        if let Some(before) = before {
            before().await;
        }
        self.count("may_enter").may_enter(flow, limits).await
    }
    async fn list(&self, filter: &ListFilter) -> Result<Page<TaskSummary>, StoreError> {
        Tasks::list(self.count("list"), filter).await
    }
    async fn counts(&self) -> Result<Vec<(StatusWord, u64)>, StoreError> {
        Tasks::counts(self.count("counts")).await
    }
    async fn counts_of(&self, tenant: &TenantId) -> Result<Vec<(StatusWord, u64)>, StoreError> {
        self.count("counts_of").counts_of(tenant).await
    }
    async fn recent(
        &self,
        tenant: &TenantId,
        since: Timestamp,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<RecentEvent>, StoreError> {
        self.count("recent").recent(tenant, since, limit, cursor).await
    }
    async fn expire(&self, ended_before: Timestamp, limit: usize) -> Result<Vec<TaskId>, StoreError> {
        self.count("expire").expire(ended_before, limit).await
    }
    async fn stored_bytes(&self, tenant: &TenantId) -> Result<u64, StoreError> {
        self.count("stored_bytes").stored_bytes(tenant).await
    }
    async fn files_deleted(&self, task: TaskId) -> Result<bool, StoreError> {
        self.count("files_deleted").files_deleted(task).await
    }
    async fn ping(&self) -> Result<(), StoreError> {
        Tasks::ping(self.count("ping")).await
    }
}
