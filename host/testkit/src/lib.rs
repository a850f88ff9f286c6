//! Ports in memory, for unit tests of the engine and of the HTTP interface, and records to begin with.

#![expect(clippy::unwrap_used, reason = "a test fails where one of these does")]

mod feed;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use morag_core::pipeline::Pipeline;
use morag_core::ports::*;
use morag_core::task::*;
use morag_core::webhook::{AttemptOutcome, WebhookUrl};
use morag_core::{JsonObject, Timestamp};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Time of every test.
pub const NOW: Timestamp = Timestamp::from_millis(1_769_853_600_000);

/// Content of the submitted file of [`record`].
pub const SOURCE: &str = "abc";
/// What is free on the disk: just what is kept free by default.
const DISK_FREE: u64 = 256 << 20;

/// A record of the standard pipeline.
pub fn record() -> TaskRecord {
    TaskRecord {
        id: TaskId::random(),
        document_id: DocumentId::try_from("doc-1".to_owned()).unwrap(),
        pipeline: Pipeline::standard(),
        source: Source {
            stored_as: "original.md".parse().unwrap(),
            file_name: "a.md".into(),
            media_type: "text/markdown".into(),
            size: 3,
            sha256: hex::encode(Sha256::digest(SOURCE)),
            source_type: SourceType::Document,
        },
        collection: "documents".into(),
        language: None,
        replace_existing: false,
        options: JsonObject::new(),
        metadata: Default::default(),
        endpoints: vec![],
        subscribers: vec![],
        created_at: NOW,
        tenant: Default::default(),
    }
}

/// Gives a new task its events.
pub type OnAccept = Box<dyn Fn(&TaskRecord) -> Vec<Event> + Send>;

/// Every port, in memory. What a test changes of it, it changes in its fields.
#[derive(Default)]
pub struct Memory {
    /// Tasks in the order of acceptance.
    pub logs: Mutex<Vec<TaskLog>>,
    /// Files by path.
    pub files: Arc<Mutex<BTreeMap<String, Bytes>>>,
    /// What the next acceptance answers with instead.
    pub accept_error: Mutex<Option<AcceptError>>,
    /// What is answered to who asks whether a task may enter, or enters one again.
    pub enter_error: Mutex<Option<AcceptError>>,
    /// Whether the stores are away.
    pub down: Mutex<bool>,
    /// What is not as it must be with the store.
    pub shortcomings: Mutex<Vec<Shortcoming>>,
    /// Whether listing tasks panics.
    pub panics: Mutex<bool>,
    /// Whether tasks are queued, claimed and committed, as in a store. Else nothing is ever due, and no commit is taken.
    pub runs_tasks: Mutex<bool>,
    /// When each task is due, by its key, and the fence of its last claim.
    pub due: Mutex<BTreeMap<String, (Timestamp, u64)>>,
    /// How long after [`NOW`] it is.
    pub later: Mutex<Duration>,
    /// Flow of the last new task.
    pub flow: Mutex<Option<Flow>>,
    /// Every event in the order of its commit.
    pub feed: tokio::sync::watch::Sender<Vec<(TaskId, u64)>>,
    /// Whether the process stops.
    pub stop: tokio_util::sync::CancellationToken,
    /// Documents by URL; what is not there is a 404.
    pub web: Mutex<BTreeMap<String, Result<Document, FetchError>>>,
    /// How often the web was asked.
    pub fetches: Mutex<usize>,
    /// Who holds every document.
    pub holder: Mutex<Option<TaskId>>,
    /// Credentials of new tasks that have any.
    pub credentials: Mutex<Vec<(TaskId, String)>>,
    /// Bytes that are missing on the disk of those that are kept free.
    pub disk_misses: Mutex<u64>,
    /// Tasks whose files count no more, with how many of them there were still.
    pub uncounted: Mutex<Vec<(TaskId, usize)>>,
    /// Tasks whose records cannot be read.
    pub unreadable: Mutex<Vec<TaskId>>,
    /// Tasks whose files cannot be deleted.
    pub undeletable: Mutex<Vec<TaskId>>,
    /// A task that runs again just before its files are said to be deleted.
    pub runs_meanwhile: Mutex<Option<TaskId>>,
    /// Why the files are not this app's.
    pub disowned: Mutex<Option<Disowned>>,
    /// Told of each new task.
    pub on_accept: Mutex<Option<OnAccept>>,
    answers: Mutex<BTreeMap<String, Idempotency>>,
    /// How often the files were asked whether they can be written.
    pub pings: Mutex<usize>,
    /// Whether documents, and the addresses and answers of `slow.example`, do not come until this is over.
    pub holds: tokio::sync::watch::Sender<bool>,
    /// Fetches, look-ups and webhooks that wait for it.
    pub held: tokio::sync::watch::Sender<usize>,
}

impl Memory {
    /// All ports, served by it.
    pub fn ports(self: &Arc<Self>) -> Ports {
        Ports {
            tasks: self.clone(),
            queue: self.clone(),
            deliveries: self.clone(),
            chains: self.clone(),
            endpoints: self.clone(),
            feed: self.clone(),
            knowledge: self.clone(),
            setup: self.clone(),
            blobs: self.clone(),
            ownership: self.clone(),
            sender: self.clone(),
            fetcher: self.clone(),
            clock: self.clone(),
            disk: Some(self.clone()),
        }
    }

    fn check(&self) -> Result<(), StoreError> {
        match *self.down.lock().unwrap() {
            true => Err(StoreError::Unavailable("secret path /var/x".into())),
            false => Ok(()),
        }
    }

    async fn hold(&self) {
        if *self.holds.borrow() {
            self.held.send_modify(|held| *held += 1);
            let mut holds = self.holds.subscribe();
            holds.wait_for(|holds| !holds).await.unwrap();
        }
    }

    /// Paths of all files.
    pub fn paths(&self) -> Vec<String> {
        self.files.lock().unwrap().keys().cloned().collect()
    }

    /// Adds a task.
    pub fn add(&self, record: TaskRecord, events: Vec<Event>) -> TaskId {
        let id = record.id;
        let sequences: Vec<_> = events.iter().map(|event| event.sequence).collect();
        self.due.lock().unwrap().insert(id.to_string(), (NOW, 0));
        self.logs.lock().unwrap().push(TaskLog { record: Arc::new(record), events, live_percent: 0.0, claims: 0 });
        self.feed.send_modify(|feed| feed.extend(sequences.into_iter().map(|sequence| (id, sequence))));
        id
    }
}

impl StoreSetup for Memory {
    fn shortcomings(&self) -> Vec<Shortcoming> {
        self.shortcomings.lock().unwrap().clone()
    }
}

#[async_trait]
impl Ownership for Memory {
    async fn claim(&self) -> Result<(), Disowned> {
        self.confirm().await
    }

    async fn confirm(&self) -> Result<(), Disowned> {
        self.disowned.lock().unwrap().clone().map_or(Ok(()), Err)
    }
}

#[async_trait]
impl Tasks for Memory {
    async fn accept(&self, new: NewTask) -> Result<Accepted, AcceptError> {
        self.check()?;
        if let Some(error) = self.accept_error.lock().unwrap().take() {
            return Err(error);
        }
        if let Some(asked) = &new.idempotency {
            if let Some(response) = self.replay(&asked.key, &asked.request_digest).await? {
                return Ok(Accepted::Replayed(response));
            }
            self.answers.lock().unwrap().insert(asked.key.clone(), asked.clone());
        }
        let events = self.on_accept.lock().unwrap().as_ref().map(|happens| happens(&new.record)).unwrap_or_default();
        *self.flow.lock().unwrap() = Some(new.flow);
        self.credentials.lock().unwrap().extend(new.credentials.map(|kept| (new.record.id, kept)));
        self.add(new.record, events);
        Ok(Accepted::New)
    }

    async fn replay(&self, key: &str, digest: &str) -> Result<Option<JsonObject>, AcceptError> {
        match self.answers.lock().unwrap().get(key) {
            None => Ok(None),
            Some(known) if known.request_digest == digest => Ok(Some(known.response.clone())),
            Some(_) => Err(AcceptError::IdempotencyConflict),
        }
    }

    async fn document_holder(&self, _: &TenantId, _: &DocumentId) -> Result<Option<TaskId>, StoreError> {
        Ok(*self.holder.lock().unwrap())
    }

    async fn load(&self, task: TaskId) -> Result<Option<TaskLog>, StoreError> {
        self.check()?;
        if self.unreadable.lock().unwrap().contains(&task) {
            return Err(StoreError::Corrupt("secret".into()));
        }
        Ok(self.logs.lock().unwrap().iter().find(|log| log.record.id == task).cloned())
    }

    async fn mark(&self, task: TaskId) -> Result<Option<TaskMark>, StoreError> {
        let mark = |log: TaskLog| TaskMark {
            status: TaskStatus::fold(&log.record.pipeline, &log.events, log.live_percent).word,
            last_sequence: log.last_sequence(),
            live_percent: log.live_percent,
        };
        Ok(self.load(task).await?.map(mark))
    }

    async fn outline(&self, task: TaskId) -> Result<Option<TaskOutline>, StoreError> {
        let outline = |log: TaskLog| TaskOutline {
            accepted: RecordSummary::of(&log.record),
            event_types: log.events.iter().map(|event| event.kind.event_type().to_owned()).collect(),
        };
        Ok(self.load(task).await?.map(outline))
    }

    async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        let mut logs = self.logs.lock().unwrap();
        let log = logs.iter_mut().find(|log| log.record.id == commit.task && *self.runs_tasks.lock().unwrap());
        let log = log.ok_or(CommitError::Unknown)?;
        let (mut due, key) = (self.due.lock().unwrap(), commit.task.to_string());
        let fence = due.get(&key).map_or(0, |(_, fence)| *fence);
        let held = match commit.guard {
            Guard::Lease(lease) => due.contains_key(&key) && lease == fence,
            Guard::Sequence(sequence) => sequence == log.last_sequence(),
        };
        if !held || commit.events.first().is_some_and(|event| event.sequence != log.last_sequence() + 1) {
            return Err(CommitError::Stale);
        }
        log.events.extend(commit.events);
        log.live_percent = commit.live_percent;
        match commit.next {
            Next::Keep => {}
            Next::At(at) => drop(due.insert(key, (at, fence))),
            Next::Done => drop(due.remove(&key)),
        }
        Ok(())
    }

    async fn run_again(&self, commit: Commit, flow: &Flow, limits: TaskLimits) -> Result<(), RunAgainError> {
        self.may_enter(flow, limits).await?;
        *self.flow.lock().unwrap() = Some(flow.clone());
        // As long as it takes a store: who asked may go away in between.
        tokio::task::yield_now().await;
        if self.uncounted.lock().unwrap().iter().any(|(task, _)| *task == commit.task) {
            return Err(CommitError::FilesGone.into());
        }
        Ok(self.commit(commit).await?)
    }

    async fn may_enter(&self, _: &Flow, _: TaskLimits) -> Result<(), AcceptError> {
        self.enter_error.lock().unwrap().clone().map_or(Ok(()), Err)
    }

    async fn list(&self, filter: &ListFilter) -> Result<Page<TaskSummary>, StoreError> {
        let summary = |log: &TaskLog| {
            let status = TaskStatus::fold(&log.record.pipeline, &log.events, log.live_percent);
            let progress_percent = status.progress_percent;
            let accepted = RecordSummary::of(&log.record);
            TaskSummary { task: log.record.id, accepted, status: status.word, progress_percent }
        };
        let logs = self.logs.lock().unwrap();
        let wanted = |task: &TaskSummary| filter.statuses.is_empty() || filter.statuses.contains(&task.status);
        let items = logs
            .iter()
            .rev()
            .filter(|log| log.record.tenant == filter.tenant)
            .map(summary)
            .filter(wanted)
            .take(filter.limit)
            .collect();
        Ok(Page { items, next_cursor: None })
    }

    async fn counts(&self) -> Result<Vec<(StatusWord, u64)>, StoreError> {
        assert!(!*self.panics.lock().unwrap(), "secret");
        let count = self.logs.lock().unwrap().len() as u64;
        Ok(vec![(StatusWord::Pending, count), (StatusWord::Failed, 0)])
    }

    async fn counts_of(&self, tenant: &TenantId) -> Result<Vec<(StatusWord, u64)>, StoreError> {
        assert!(!*self.panics.lock().unwrap(), "secret");
        let logs = self.logs.lock().unwrap();
        let count = logs.iter().filter(|log| log.record.tenant == *tenant).count() as u64;
        Ok(vec![(StatusWord::Pending, count), (StatusWord::Failed, 0)])
    }

    async fn tenant_of(&self, task: TaskId) -> Result<Option<TenantId>, StoreError> {
        self.check()?;
        let logs = self.logs.lock().unwrap();
        Ok(logs.iter().find(|log| log.record.id == task).map(|log| log.record.tenant.clone()))
    }

    async fn stored_bytes(&self, tenant: &TenantId) -> Result<u64, StoreError> {
        let logs = self.logs.lock().unwrap();
        Ok(logs.iter().filter(|log| log.record.tenant == *tenant).map(|log| log.record.source.size).sum())
    }

    async fn files_deleted(&self, task: TaskId) -> Result<bool, StoreError> {
        if self.runs_meanwhile.lock().unwrap().take_if(|runs| *runs == task).is_some() {
            let mut logs = self.logs.lock().unwrap();
            let log = logs.iter_mut().find(|log| log.record.id == task).unwrap();
            let retry = Retry { from_step: "chunking".into(), claims_before: 0, damaged: None };
            let (sequence, kind) = (log.last_sequence() + 1, EventKind::TaskStarted { retry: Some(retry) });
            let message = String::new();
            log.events.push(Event { sequence, timestamp: NOW, progress_percent: 0.0, message, kind });
        }
        if self.mark(task).await?.is_some_and(|mark| !mark.status.is_ended()) {
            return Ok(false);
        }
        let folder = format!("{}/", BlobPath::task(task).as_str());
        let left = self.paths().iter().filter(|path| path.starts_with(&folder)).count();
        self.uncounted.lock().unwrap().push((task, left));
        Ok(true)
    }

    async fn recent(
        &self,
        tenant: &TenantId,
        since: Timestamp,
        limit: usize,
        _: Option<&str>,
    ) -> Result<Page<RecentEvent>, StoreError> {
        let logs = self.logs.lock().unwrap();
        let logs = logs.iter().filter(|log| log.record.tenant == *tenant);
        let event = |log: &TaskLog| {
            let task = log.record.id;
            log.events.clone().into_iter().map(move |event| RecentEvent { task, event })
        };
        let mut items: Vec<_> = logs.flat_map(event).filter(|item| item.event.timestamp >= since).collect();
        items.reverse();
        items.truncate(limit);
        Ok(Page { items, next_cursor: None })
    }

    async fn expire(&self, _: Timestamp, _: usize) -> Result<Vec<TaskId>, StoreError> {
        Ok(vec![])
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.check()
    }
}

#[async_trait]
impl DueQueue for Memory {
    async fn claim(&self, queue: Queue, _: usize, lease: Duration) -> Result<Claim, StoreError> {
        let (mut due, now) = (self.due.lock().unwrap(), self.now());
        let runs = queue == Queue::Tasks && *self.runs_tasks.lock().unwrap();
        let Some((key, (at, fence))) = due.iter_mut().find(|(_, (at, _))| runs && *at <= now) else {
            return Ok(Claim { leases: vec![], next_due: None });
        };
        // Drawn, as Redis does: nobody may take it for the number of claims.
        (*at, *fence) = (now.plus(lease), uuid::Uuid::new_v4().as_u64_pair().0 >> 11);
        if let Some(log) = self.logs.lock().unwrap().iter_mut().find(|log| log.record.id.to_string() == *key) {
            log.claims += 1;
        }
        Ok(Claim { leases: vec![Lease { queue, key: key.clone(), fence: *fence }], next_due: None })
    }
    async fn renew(&self, lease: &Lease, _: Duration) -> Result<bool, StoreError> {
        let is_held = self.due.lock().unwrap().get(&lease.key).is_some_and(|(_, fence)| *fence == lease.fence);
        Ok(is_held && *self.runs_tasks.lock().unwrap())
    }
    async fn release(&self, _: &Lease, _: Timestamp) -> Result<bool, StoreError> {
        Ok(false)
    }
    async fn queue_counts(&self, queue: Queue) -> Result<QueueCounts, StoreError> {
        Ok(match queue {
            Queue::Tasks => QueueCounts { due: 3, leased: 2, later: 1, ..QueueCounts::default() },
            Queue::Deliveries => QueueCounts::default(),
        })
    }
    async fn wait(&self, _: Queue, _: Duration) {}
    async fn claim_deliveries(&self, _: usize, _: Duration, _: &LaneLimits) -> Result<Claim, StoreError> {
        Ok(Claim { leases: vec![], next_due: None })
    }
    async fn hasten(&self, _: Queue, _: &str) -> Result<bool, StoreError> {
        Ok(false)
    }
    fn changes(&self, _: Queue) -> u64 {
        0
    }
    async fn wait_for_change(&self, _: Queue, _: u64, _: Duration) {}
}

#[async_trait]
impl Endpoints for Memory {
    async fn endpoints(&self, known: Option<u64>) -> Result<Option<EndpointSet>, StoreError> {
        Ok(known.is_none().then(|| EndpointSet { revision: 1, endpoints: vec![] }))
    }
    async fn put_endpoint(&self, _: &morag_core::webhook::NamedEndpoint) -> Result<(), PutEndpointError> {
        Err(PutEndpointError::Full)
    }
    async fn create_endpoint(
        &self,
        _: &morag_core::webhook::NamedEndpoint,
        _: EndpointLimits,
    ) -> Result<(), PutEndpointError> {
        Err(PutEndpointError::Full)
    }
    async fn remove_endpoint(&self, _: &morag_core::webhook::EndpointId) -> Result<bool, StoreError> {
        Ok(false)
    }
    async fn seal_proof(&self) -> Result<Option<String>, StoreError> {
        Ok(None)
    }
    async fn put_seal_proof(&self, _: Option<&str>, proof: &str) -> Result<String, StoreError> {
        Ok(proof.into())
    }
}

#[async_trait]
impl Disk for Memory {
    async fn free_bytes(&self) -> Result<u64, DiskError> {
        Ok(DISK_FREE - *self.disk_misses.lock().unwrap())
    }
}

#[async_trait]
impl Chains for Memory {
    async fn turn(&self, _: &Chain, _: TaskId, _: u64) -> Result<Turn, StoreError> {
        Ok(Turn::Yes { base: 0 })
    }
    async fn finish(&self, _: &Chain, _: TaskId, _: Option<u64>) -> Result<Option<TaskId>, StoreError> {
        Ok(None)
    }
    async fn links(&self, _: &Chain) -> Result<Vec<Link>, StoreError> {
        Ok(vec![])
    }
}

#[async_trait]
impl Deliveries for Memory {
    async fn pending(&self, _: &Lease, _: usize) -> Result<Option<PendingDelivery>, StoreError> {
        Ok(None)
    }
    async fn advance_all(&self, _: &Lease, _: Vec<DeliveryMove>) -> Result<Recorded, CommitError> {
        Ok(Recorded::Idle)
    }
    async fn endpoint_deliveries(&self, _: &DeliveryFilter) -> Result<Page<EndpointDelivery>, StoreError> {
        Ok(Page { items: vec![], next_cursor: None })
    }
    async fn resend(&self, _: &NewResend) -> Result<u32, ResendError> {
        Ok(1)
    }
    async fn unpark(&self, _: &morag_core::webhook::EndpointId) -> Result<u64, StoreError> {
        Ok(0)
    }
    async fn credentials(&self, task: TaskId) -> Result<KeptCredentials, StoreError> {
        let all = self.credentials.lock().unwrap();
        Ok(KeptCredentials::of(all.iter().find(|(of, _)| *of == task).map(|(_, kept)| kept.clone())))
    }
    async fn deliveries(&self, _: TaskId) -> Result<Vec<DeliveryRecord>, StoreError> {
        let outcome = AttemptOutcome {
            status: Some(200),
            error: None,
            retry_after_ms: None,
            excerpt: "ok".into(),
            duration_ms: 5,
        };
        Ok(vec![DeliveryRecord {
            endpoint: morag_core::webhook::EndpointId::of_task(),
            delivery: 1,
            resend: 0,
            event: 1,
            state: DeliveryState::Delivered,
            at: NOW,
            url: None,
            attempts: vec![AttemptRecord { attempt: 1, at: NOW, outcome }],
        }])
    }
}

struct MemoryWriter {
    files: Arc<Mutex<BTreeMap<String, Bytes>>>,
    path: String,
    content: Vec<u8>,
}

#[async_trait]
impl BlobWriter for MemoryWriter {
    async fn write(&mut self, bytes: Bytes) -> Result<(), BlobError> {
        self.content.extend_from_slice(&bytes);
        Ok(())
    }
    async fn finish(self: Box<Self>) -> Result<(), BlobError> {
        self.files.lock().unwrap().insert(self.path, self.content.into());
        Ok(())
    }
    async fn abort(self: Box<Self>) {}
}

impl Memory {
    fn file(&self, path: &BlobPath) -> Result<Bytes, BlobError> {
        self.files.lock().unwrap().get(path.as_str()).cloned().ok_or(BlobError::NotFound)
    }
}

fn meta(path: &str, content: &Bytes) -> BlobMeta {
    let name = path.rsplit('/').next().unwrap_or_default().to_owned();
    let etag = format!("e{}", hex::encode(&Sha256::digest(content)[..4]));
    BlobMeta { name, size: content.len() as u64, modified: NOW, etag }
}

#[async_trait]
impl Blobs for Memory {
    async fn create(&self, path: &BlobPath) -> Result<Box<dyn BlobWriter>, BlobError> {
        Ok(Box::new(MemoryWriter { files: self.files.clone(), path: path.as_str().into(), content: vec![] }))
    }
    async fn stat(&self, path: &BlobPath) -> Result<BlobMeta, BlobError> {
        Ok(meta(path.as_str(), &self.file(path)?))
    }
    async fn read(&self, path: &BlobPath, range: Range<u64>) -> Result<Bytes, BlobError> {
        Ok(self.file(path)?.slice(range.start as usize..range.end as usize))
    }
    async fn stream(&self, path: &BlobPath, range: Range<u64>) -> Result<BlobStream, BlobError> {
        let bytes = self.read(path, range).await?;
        Ok(futures::stream::iter([Ok(bytes)]).boxed())
    }
    async fn list(&self, below: &BlobPath) -> Result<Vec<BlobMeta>, BlobError> {
        let folder = format!("{}/", below.as_str());
        let files = self.files.lock().unwrap();
        Ok(files.iter().filter(|(path, _)| path.starts_with(&folder)).map(|(path, bytes)| meta(path, bytes)).collect())
    }
    async fn publish(&self, moves: &[(BlobPath, BlobPath)]) -> Result<(), BlobError> {
        let mut files = self.files.lock().unwrap();
        for (from, to) in moves {
            // Steps of tests may only say that they have written a file.
            if let Some(content) = files.remove(from.as_str()) {
                files.insert(to.as_str().to_owned(), content);
            }
        }
        Ok(())
    }
    async fn delete_all(&self, below: &BlobPath) -> Result<u64, BlobError> {
        let folder = format!("{}/", below.as_str());
        if self.undeletable.lock().unwrap().iter().any(|task| folder.starts_with(BlobPath::task(*task).as_str())) {
            return Err(BlobError::Unavailable("secret".into()));
        }
        let mut files = self.files.lock().unwrap();
        let before = files.len();
        files.retain(|path, _| !path.starts_with(&folder));
        Ok((before - files.len()) as u64)
    }
    fn tasks(&self) -> BoxStream<'static, Result<TaskId, BlobError>> {
        let ids = self.paths().into_iter().filter_map(|path| path.split('/').nth(1)?.parse().ok());
        let mut ids: Vec<TaskId> = ids.collect();
        ids.dedup();
        futures::stream::iter(ids.into_iter().map(Ok)).boxed()
    }
    async fn ping(&self) -> Result<(), BlobError> {
        *self.pings.lock().unwrap() += 1;
        Ok(())
    }
}

#[async_trait]
impl Knowledge for Memory {
    async fn stage(&self, _: &Revision, _: StagedBatch) -> Result<u32, CapabilityError> {
        Ok(0)
    }
    async fn publish(&self, _: &Revision) -> Result<(), StoreError> {
        Ok(())
    }
    async fn discard(&self, _: &Revision) -> Result<(), StoreError> {
        Ok(())
    }
    async fn discard_unpublished(&self) -> Result<u64, StoreError> {
        Ok(0)
    }
    async fn counts(&self, _: &str, _: Option<&DocumentId>) -> Result<KnowledgeCounts, StoreError> {
        Ok(KnowledgeCounts::default())
    }
    async fn search(&self, _: &str, _: &[f32], _: usize) -> Result<Vec<Hit>, StoreError> {
        Ok(vec![])
    }
}

#[async_trait]
impl WebhookSender for Memory {
    async fn check(&self, url: &WebhookUrl) -> Result<(), UrlRefused> {
        match url.as_url().host_str() {
            Some("slow.example") => {
                self.hold().await;
                Ok(())
            }
            Some("private.example") => Err(UrlRefused("private.example has a private address".into())),
            _ => Ok(()),
        }
    }
    async fn send(&self, request: WebhookRequest) -> AttemptOutcome {
        if request.url.as_url().host_str() == Some("slow.example") {
            self.hold().await;
        }
        AttemptOutcome { status: None, error: None, retry_after_ms: None, excerpt: String::new(), duration_ms: 0 }
    }
}

/// A document of the web of these tests.
#[derive(Debug, Clone, Default)]
pub struct Document {
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// File name of `Content-Disposition`.
    pub file_name: Option<String>,
    /// Its bytes, in the pieces in which they come.
    pub pieces: Vec<Result<Bytes, FetchError>>,
}

#[async_trait]
impl Fetcher for Memory {
    async fn fetch(&self, request: FetchRequest) -> Result<Fetched, FetchError> {
        *self.fetches.lock().unwrap() += 1;
        self.hold().await;
        let web = self.web.lock().unwrap();
        let Document { content_type, file_name, pieces } =
            web.get(request.url.as_url().as_str()).cloned().ok_or(FetchError::NotGiven(404))??;
        Ok(Fetched { url: request.url, content_type, file_name, body: futures::stream::iter(pieces).boxed() })
    }
}

impl Clock for Memory {
    fn now(&self) -> Timestamp {
        NOW.plus(*self.later.lock().unwrap())
    }
}
