//! Tasks and their logs.

use super::query::{all, first, from_json};
use super::store::SqliteStore;
use super::writer::Durability;
use super::{accept, claims, commit, expire, pages, quotas, summaries};
use async_trait::async_trait;
use morag_core::ports::{
    AcceptError, Accepted, Commit, CommitError, Flow, Guard, ListFilter, NewTask, Page, RecentEvent, RunAgainError,
    StoreError, TaskLimits, TaskLog, TaskMark, TaskOutline, TaskSummary, Tasks,
};
use morag_core::task::{DocumentId, DocumentKey, StatusWord, TaskId, TenantId};
use morag_core::{JsonObject, Timestamp};
use rusqlite::types::Type;
use rusqlite::{Connection, Row, params};
use std::sync::Arc;
use std::time::Instant;

/// A task's id in a column.
pub(super) fn task_id(row: &Row<'_>, column: usize) -> rusqlite::Result<TaskId> {
    let bytes: [u8; 16] = row.get(column)?;
    Ok(uuid::Uuid::from_bytes(bytes).into())
}

/// A state in a column.
pub(super) fn status_word(row: &Row<'_>, column: usize) -> rusqlite::Result<StatusWord> {
    let text: String = row.get(column)?;
    let unknown = || format!("{text:?} is no state of a task").into();
    text.parse().map_err(|()| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, unknown()))
}

/// A tenant in a column.
pub(super) fn tenant(row: &Row<'_>, column: usize) -> rusqlite::Result<TenantId> {
    let text: String = row.get(column)?;
    let unknown = |error| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error));
    TenantId::try_from(text).map_err(unknown)
}

fn load(connection: &Connection, task: TaskId) -> Result<Option<TaskLog>, StoreError> {
    let sql = "SELECT number, record, live_percent, (SELECT fence FROM due WHERE queue = 0 AND key = ?2)
               FROM tasks WHERE id = ?1";
    let read = |row: &Row<'_>| {
        let claims = row.get::<_, Option<i64>>(3)?.unwrap_or(0).unsigned_abs();
        Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get(2)?, claims))
    };
    let params = params![task.as_bytes(), task.to_string()];
    let Some((number, record, live_percent, claims)) = first(connection, sql, params, read)? else {
        return Ok(None);
    };
    let sql = "SELECT event FROM events WHERE task = ?1 ORDER BY sequence";
    let events = all(connection, sql, [number], |row| row.get::<_, String>(0))?;
    Ok(Some(TaskLog {
        record: Arc::new(from_json(&record)?),
        events: events.iter().map(|event| from_json(event)).collect::<Result<_, _>>()?,
        live_percent,
        claims,
    }))
}

#[async_trait]
impl Tasks for SqliteStore {
    async fn accept(&self, new: NewTask) -> Result<Accepted, AcceptError> {
        let (context, options) = (self.context(), self.options.clone());
        let ends = Instant::now() + accept::ACCEPT_MAX;
        let late = || StoreError::Unavailable("the database was locked or busy for too long".into());
        let job = move |connection: &Connection| {
            // Who submitted it has been told to come again.
            if Instant::now() >= ends {
                return Err(late().into());
            }
            accept::accept(connection, &context, &new, &options)
        };
        let accepted = tokio::time::timeout(accept::ACCEPT_MAX, self.writer.run(Durability::Full, job)).await;
        accepted.unwrap_or_else(|_| Err(late().into()))
    }

    async fn replay(&self, key: &str, request_digest: &str) -> Result<Option<JsonObject>, AcceptError> {
        let (key, digest) = (key.to_owned(), request_digest.to_owned());
        self.readers.read(move |connection| accept::replay(connection, &key, &digest)).await
    }

    async fn document_holder(&self, tenant: &TenantId, document: &DocumentId) -> Result<Option<TaskId>, StoreError> {
        let document = DocumentKey::new(tenant, document);
        self.readers.read(move |connection| claims::holder(connection, &document)).await
    }

    async fn load(&self, task: TaskId) -> Result<Option<TaskLog>, StoreError> {
        self.readers.read(move |connection| load(connection, task)).await
    }

    async fn mark(&self, task: TaskId) -> Result<Option<TaskMark>, StoreError> {
        self.readers.read(move |connection| summaries::mark(connection, task)).await
    }

    async fn outline(&self, task: TaskId) -> Result<Option<TaskOutline>, StoreError> {
        self.readers.read(move |connection| summaries::outline(connection, task)).await
    }

    async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        let context = self.context();
        let durability = match commit.guard {
            // A step that a loss of power takes back is run again.
            Guard::Lease(_) => Durability::Normal,
            // Somebody asked for it, and is told that it is done.
            Guard::Sequence(_) => Durability::Full,
        };
        let job = move |connection: &Connection| commit::commit(connection, &context, &commit);
        self.writer.run(durability, job).await
    }

    async fn run_again(&self, commit: Commit, flow: &Flow, limits: TaskLimits) -> Result<(), RunAgainError> {
        let (context, flow, options) = (self.context(), flow.clone(), self.options.clone());
        let job =
            move |connection: &Connection| commit::run_again(connection, &context, &commit, (&flow, limits), &options);
        self.writer.run(Durability::Full, job).await
    }

    async fn may_enter(&self, flow: &Flow, limits: TaskLimits) -> Result<(), AcceptError> {
        let (flow, now, options) = (flow.clone(), self.clock.now(), self.options.clone());
        self.readers.read(move |connection| quotas::may_enter(connection, now, &options, &flow, limits)).await
    }

    async fn list(&self, filter: &ListFilter) -> Result<Page<TaskSummary>, StoreError> {
        let filter = filter.clone();
        self.readers.read(move |connection| pages::list(connection, &filter)).await
    }

    async fn counts(&self) -> Result<Vec<(StatusWord, u64)>, StoreError> {
        self.readers.read(pages::counts).await
    }

    async fn counts_of(&self, tenant: &TenantId) -> Result<Vec<(StatusWord, u64)>, StoreError> {
        let tenant = tenant.clone();
        self.readers.read(move |connection| pages::counts_of(connection, &tenant)).await
    }

    async fn tenant_of(&self, task: TaskId) -> Result<Option<TenantId>, StoreError> {
        let read = move |connection: &Connection| {
            first(connection, "SELECT tenant FROM tasks WHERE id = ?1", [task.as_bytes()], |row| tenant(row, 0))
        };
        self.readers.read(read).await
    }

    async fn recent(
        &self,
        tenant: &TenantId,
        since: Timestamp,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<RecentEvent>, StoreError> {
        let (tenant, cursor) = (tenant.clone(), cursor.map(str::to_owned));
        let read = move |connection: &Connection| pages::recent(connection, &tenant, since, limit, cursor.as_deref());
        self.readers.read(read).await
    }

    async fn expire(&self, ended_before: Timestamp, limit: usize) -> Result<Vec<TaskId>, StoreError> {
        let (context, kept) = (self.context(), self.options.idempotency_kept);
        let job = move |connection: &Connection| expire::expire(connection, context.now(), ended_before, limit, kept);
        self.writer.run(Durability::Normal, job).await
    }

    async fn stored_bytes(&self, tenant: &TenantId) -> Result<u64, StoreError> {
        let tenant = tenant.clone();
        self.readers.read(move |connection| quotas::stored_bytes(connection, &tenant)).await
    }

    async fn files_deleted(&self, task: TaskId) -> Result<bool, StoreError> {
        // What follows does not come back: a loss of power that took this back would leave bytes of files that are gone.
        self.writer.run(Durability::Full, move |connection: &Connection| quotas::files_deleted(connection, task)).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        // Goes through the writer: a store that can be read alone cannot serve.
        let job = |connection: &Connection| first(connection, "SELECT 1", [], |_| Ok(())).map(drop);
        self.writer.run(Durability::Normal, job).await
    }
}
