//! The embedded store in a temporary folder, with calls that fail on demand.

use crate::{FakeClock, MemoryBlobs, new_task};
use async_trait::async_trait;
use morag_adapters::store::sqlite::{Options, SqliteStore};
use morag_core::ports::*;
use morag_core::task::*;
use morag_core::{JsonObject, Timestamp};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake};
use std::thread::Thread;
use tempfile::TempDir;

/// A file system in memory, if it exists: flushing to it is free.
const MEMORY: &str = "/dev/shm";

/// Returns the first events of a new task.
pub type OnAccept = Box<dyn Fn(&TaskRecord) -> Vec<Event> + Send>;

/// The embedded store, empty at first. Its folder is deleted when it is dropped.
///
/// A call that does not wait for a change blocks its thread until the database has answered, so it never yields to another task of the
/// runtime: what a test sees after a number of polls does not depend on the machine's speed.
pub struct TestStore {
    /// Error of the next [`Tasks::accept`].
    pub accept_error: Mutex<Option<AcceptError>>,
    /// Error of each call that checks whether a task may enter, or runs one again.
    pub enter_error: Mutex<Option<AcceptError>>,
    /// Whether the store of tasks is unavailable.
    pub down: Mutex<bool>,
    /// Whether counting tasks panics.
    pub panics: Mutex<bool>,
    /// Tasks whose records cannot be read.
    pub unreadable: Mutex<Vec<TaskId>>,
    /// A task that starts again just before its files count as deleted.
    pub runs_meanwhile: Mutex<Option<TaskId>>,
    /// Called for each new task.
    pub on_accept: Mutex<Option<OnAccept>>,
    /// Flow of the last task that was accepted or run again.
    pub flow: Mutex<Option<Flow>>,
    /// Credentials of new tasks, as the store got them.
    pub credentials: Mutex<Vec<(TaskId, String)>>,
    /// Tasks whose files count as deleted, with the number of their files at that moment.
    pub uncounted: Mutex<Vec<(TaskId, usize)>>,
    /// Tasks in the order of acceptance.
    tasks: Mutex<Vec<TaskId>>,
    blobs: Arc<MemoryBlobs>,
    clock: Arc<FakeClock>,
    options: Options,
    pub(crate) store: Arc<SqliteStore>,
    // After the store, so that it is dropped last.
    folder: TempDir,
}

/// Wakes a thread that is parked in [`block_on`].
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a call to its end on this thread. Without tokio's cooperative budget, which a blocked task would never get back.
pub(crate) fn block_on<T>(call: impl Future<Output = T>) -> T {
    let waker = Arc::new(Unpark(std::thread::current())).into();
    let (mut call, mut context) = (pin!(tokio::task::unconstrained(call)), Context::from_waker(&waker));
    loop {
        match call.as_mut().poll(&mut context) {
            Poll::Ready(answer) => return answer,
            Poll::Pending => std::thread::park(),
        }
    }
}

impl TestStore {
    /// An empty store. `blobs`: the files of its tasks.
    pub fn new(clock: Arc<FakeClock>, blobs: Arc<MemoryBlobs>, options: Options) -> Self {
        let folder = tempfile::tempdir_in(MEMORY).or_else(|_| tempfile::tempdir()).unwrap();
        Self::open(folder, clock, blobs, options)
    }

    fn open(folder: TempDir, clock: Arc<FakeClock>, blobs: Arc<MemoryBlobs>, options: Options) -> Self {
        let path = folder.path().join("tasks.db");
        let store = SqliteStore::open_with(&path, clock.clone(), options.clone()).unwrap();
        Self {
            accept_error: Mutex::default(),
            enter_error: Mutex::default(),
            down: Mutex::default(),
            panics: Mutex::default(),
            unreadable: Mutex::default(),
            runs_meanwhile: Mutex::default(),
            on_accept: Mutex::default(),
            flow: Mutex::default(),
            credentials: Mutex::default(),
            uncounted: Mutex::default(),
            tasks: Mutex::default(),
            blobs,
            clock,
            options,
            store,
            folder,
        }
    }

    /// Closes the store and opens it again, as a new process would. What tests have set is lost.
    pub fn reopen(self) -> Self {
        let Self { folder, clock, blobs, options, store, .. } = self;
        drop(store);
        Self::open(folder, clock, blobs, options)
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The database's file.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("tasks.db")
    }

    /// Accepts a task with its first events, which may end it.
    pub fn add(&self, record: TaskRecord, events: Vec<Event>) -> TaskId {
        self.add_new(new_task(record), events)
    }

    /// [`Self::add`] for a whole submission.
    pub fn add_new(&self, new: NewTask, events: Vec<Event>) -> TaskId {
        let task = new.record.id;
        assert_eq!(block_on(self.store.accept(new)), Ok(Accepted::New));
        self.tasks.lock().unwrap().push(task);
        self.append(task, events);
        task
    }

    /// Appends events to a task, regardless of its lease. A final event removes it from the queue.
    pub fn append(&self, task: TaskId, events: Vec<Event>) {
        let Some(last) = events.last() else { return };
        let mark = block_on(self.store.mark(task)).unwrap().unwrap();
        let status = match last.kind {
            EventKind::TaskCompleted { .. } => StatusWord::Completed,
            EventKind::TaskFailed { .. } => StatusWord::Failed,
            EventKind::TaskCancelled { .. } => StatusWord::Cancelled,
            _ => StatusWord::InProgress,
        };
        let next = match (status.is_ended(), mark.status.is_ended()) {
            (true, _) => Next::Done,
            (false, true) => Next::At(self.clock.now()),
            (false, false) => Next::Keep,
        };
        let (guard, live_percent) = (Guard::Sequence(mark.last_sequence), mark.live_percent);
        let commit = Commit { task, guard, events, live_percent, status, next };
        assert_eq!(block_on(self.store.commit(commit)), Ok(()));
    }

    /// The log of a task.
    pub fn log(&self, task: TaskId) -> TaskLog {
        block_on(self.store.load(task)).unwrap().unwrap()
    }

    /// The logs of all tasks, in the order of acceptance.
    pub fn logs(&self) -> Vec<TaskLog> {
        let tasks = self.tasks.lock().unwrap().clone();
        tasks.into_iter().map(|task| self.log(task)).collect()
    }

    /// Number of accepted tasks.
    pub fn task_count(&self) -> usize {
        self.tasks.lock().unwrap().len()
    }

    fn check(&self) -> Result<(), StoreError> {
        match *self.down.lock().unwrap() {
            true => Err(StoreError::Unavailable("secret path /var/x".into())),
            false => Ok(()),
        }
    }

    fn check_readable(&self, task: TaskId) -> Result<(), StoreError> {
        self.check()?;
        match self.unreadable.lock().unwrap().contains(&task) {
            true => Err(StoreError::Corrupt("secret".into())),
            false => Ok(()),
        }
    }

    fn check_entry(&self) -> Result<(), AcceptError> {
        self.check()?;
        self.enter_error.lock().unwrap().clone().map_or(Ok(()), Err)
    }

    fn check_counts(&self) -> Result<(), StoreError> {
        assert!(!*self.panics.lock().unwrap(), "secret");
        self.check()
    }
}

#[async_trait]
impl Tasks for TestStore {
    async fn accept(&self, new: NewTask) -> Result<Accepted, AcceptError> {
        self.check()?;
        if let Some(error) = self.accept_error.lock().unwrap().take() {
            return Err(error);
        }
        let key = new.idempotency.as_ref().map(|asked| (asked.key.clone(), asked.request_digest.clone()));
        if let Some((key, digest)) = key
            && let Some(response) = block_on(self.store.replay(&key, &digest))?
        {
            return Ok(Accepted::Replayed(response));
        }
        let events = self.on_accept.lock().unwrap().as_ref().map(|events_of| events_of(&new.record));
        let (task, flow, credentials) = (new.record.id, new.flow.clone(), new.credentials.clone());
        let answer = block_on(self.store.accept(new))?;
        if answer == Accepted::New {
            *self.flow.lock().unwrap() = Some(flow);
            self.credentials.lock().unwrap().extend(credentials.map(|text| (task, text)));
            self.tasks.lock().unwrap().push(task);
            self.append(task, events.unwrap_or_default());
        }
        Ok(answer)
    }

    async fn replay(&self, key: &str, request_digest: &str) -> Result<Option<JsonObject>, AcceptError> {
        self.check()?;
        block_on(self.store.replay(key, request_digest))
    }

    async fn document_holder(&self, tenant: &TenantId, document: &DocumentId) -> Result<Option<TaskId>, StoreError> {
        self.check()?;
        block_on(self.store.document_holder(tenant, document))
    }

    async fn load(&self, task: TaskId) -> Result<Option<TaskLog>, StoreError> {
        self.check_readable(task)?;
        block_on(self.store.load(task))
    }

    async fn tenant_of(&self, task: TaskId) -> Result<Option<TenantId>, StoreError> {
        self.check()?;
        block_on(self.store.tenant_of(task))
    }

    async fn mark(&self, task: TaskId) -> Result<Option<TaskMark>, StoreError> {
        self.check_readable(task)?;
        block_on(self.store.mark(task))
    }

    async fn outline(&self, task: TaskId) -> Result<Option<TaskOutline>, StoreError> {
        self.check_readable(task)?;
        block_on(self.store.outline(task))
    }

    async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        self.check()?;
        block_on(self.store.commit(commit))
    }

    async fn run_again(&self, commit: Commit, flow: &Flow, limits: TaskLimits) -> Result<(), RunAgainError> {
        self.check_entry()?;
        *self.flow.lock().unwrap() = Some(flow.clone());
        // A real store takes time: the caller may be cancelled meanwhile.
        tokio::task::yield_now().await;
        block_on(self.store.run_again(commit, flow, limits))
    }

    async fn may_enter(&self, flow: &Flow, limits: TaskLimits) -> Result<(), AcceptError> {
        self.check_entry()?;
        block_on(self.store.may_enter(flow, limits))
    }

    async fn list(&self, filter: &ListFilter) -> Result<Page<TaskSummary>, StoreError> {
        self.check()?;
        block_on(self.store.list(filter))
    }

    async fn counts(&self) -> Result<Vec<(StatusWord, u64)>, StoreError> {
        self.check_counts()?;
        block_on(self.store.counts())
    }

    async fn counts_of(&self, tenant: &TenantId) -> Result<Vec<(StatusWord, u64)>, StoreError> {
        self.check_counts()?;
        block_on(self.store.counts_of(tenant))
    }

    async fn recent(
        &self,
        tenant: &TenantId,
        since: Timestamp,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<RecentEvent>, StoreError> {
        self.check()?;
        block_on(self.store.recent(tenant, since, limit, cursor))
    }

    async fn expire(&self, ended_before: Timestamp, limit: usize) -> Result<Vec<TaskId>, StoreError> {
        self.check()?;
        block_on(self.store.expire(ended_before, limit))
    }

    async fn stored_bytes(&self, tenant: &TenantId) -> Result<u64, StoreError> {
        self.check()?;
        block_on(self.store.stored_bytes(tenant))
    }

    async fn files_deleted(&self, task: TaskId) -> Result<bool, StoreError> {
        self.check()?;
        if self.runs_meanwhile.lock().unwrap().take_if(|runs| *runs == task).is_some() {
            let log = self.log(task);
            let from_step = log.record.pipeline.steps()[0].name.clone();
            let kind = EventKind::TaskStarted { retry: Some(Retry { from_step, claims_before: 0, damaged: None }) };
            self.append(task, vec![crate::event(log.last_sequence() + 1, kind)]);
        }
        let are_deleted = block_on(self.store.files_deleted(task))?;
        if are_deleted {
            self.uncounted.lock().unwrap().push((task, self.blobs.count(task)));
        }
        Ok(are_deleted)
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.check()?;
        block_on(self.store.ping())
    }
}
