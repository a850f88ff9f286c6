//! [`Tasks`]: tasks and their logs.

use super::store::SqliteStore;
use super::{accept, admission, commit, expire, pages};
use crate::store::sqlite::database::query::ping;
use crate::store::sqlite::database::writer::Durability;
use crate::store::sqlite::tables::{
    claims, events, idempotency, records, status_counts, stored_bytes, summaries, tasks,
};
use async_trait::async_trait;
use morag_core::ports::{
    AcceptError, Accepted, Commit, CommitError, Flow, Guard, ListFilter, NewTask, Page, RecentEvent, RunAgainError,
    StoreError, TaskLimits, TaskLog, TaskMark, TaskOutline, TaskSummary, Tasks,
};
use morag_core::task::{DocumentId, DocumentKey, StatusWord, TaskId, TenantId};
use morag_core::{JsonObject, Timestamp};
use rusqlite::Connection;
use std::sync::Arc;
use std::time::Instant;

fn load(connection: &Connection, task: TaskId) -> Result<Option<TaskLog>, StoreError> {
    let Some((number, live)) = tasks::live(connection, task)? else { return Ok(None) };
    Ok(Some(TaskLog {
        record: Arc::new(records::record(connection, number)?),
        events: events::log(connection, number)?,
        live_percent: live.live_percent,
        claims: live.claims,
    }))
}

fn outline(connection: &Connection, task: TaskId) -> Result<Option<TaskOutline>, StoreError> {
    let Some((number, accepted)) = summaries::find(connection, task)? else { return Ok(None) };
    Ok(Some(TaskOutline { accepted, event_types: events::types(connection, number)? }))
}

/// The job behind [`Tasks::files_deleted`].
fn files_deleted(connection: &Connection, task: TaskId) -> Result<bool, StoreError> {
    if tasks::status(connection, task)?.is_some_and(|status| !status.is_ended()) {
        return Ok(false);
    }
    stored_bytes::forget(connection, task)?;
    stored_bytes::set_files_deleted(connection, task)?;
    Ok(true)
}

#[async_trait]
impl Tasks for SqliteStore {
    async fn accept(&self, new: NewTask) -> Result<Accepted, AcceptError> {
        let (context, options) = (self.context(), self.options.clone());
        let ends = Instant::now() + accept::ACCEPT_MAX;
        let late = || StoreError::Unavailable("the database was locked or busy for too long".into());
        let job = move |connection: &Connection| {
            // The caller has been told to come again.
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
        self.readers.read(move |connection| idempotency::replay(connection, &key, &digest)).await
    }

    async fn document_holder(&self, tenant: &TenantId, document: &DocumentId) -> Result<Option<TaskId>, StoreError> {
        let document = DocumentKey::new(tenant, document);
        self.readers.read(move |connection| claims::holder(connection, document.as_str())).await
    }

    async fn load(&self, task: TaskId) -> Result<Option<TaskLog>, StoreError> {
        self.readers.read(move |connection| load(connection, task)).await
    }

    async fn mark(&self, task: TaskId) -> Result<Option<TaskMark>, StoreError> {
        self.readers.read(move |connection| summaries::mark(connection, task)).await
    }

    async fn outline(&self, task: TaskId) -> Result<Option<TaskOutline>, StoreError> {
        self.readers.read(move |connection| outline(connection, task)).await
    }

    async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        let context = self.context();
        let durability = match commit.guard {
            // After a loss of power the step runs again.
            Guard::Lease(_) => Durability::Normal,
            // A caller asked for it and is told that it is done.
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
        self.readers.read(move |connection| admission::may_enter(connection, now, &options, &flow, limits)).await
    }

    async fn list(&self, filter: &ListFilter) -> Result<Page<TaskSummary>, StoreError> {
        let filter = filter.clone();
        self.readers.read(move |connection| pages::list(connection, &filter)).await
    }

    async fn counts(&self) -> Result<Vec<(StatusWord, u64)>, StoreError> {
        self.readers.read(status_counts::counts).await
    }

    async fn counts_of(&self, tenant: &TenantId) -> Result<Vec<(StatusWord, u64)>, StoreError> {
        let tenant = tenant.clone();
        self.readers.read(move |connection| status_counts::counts_of(connection, &tenant)).await
    }

    async fn tenant_of(&self, task: TaskId) -> Result<Option<TenantId>, StoreError> {
        self.readers.read(move |connection| tasks::tenant_of(connection, task)).await
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
        self.readers.read(move |connection| stored_bytes::of_tenant(connection, &tenant)).await
    }

    async fn files_deleted(&self, task: TaskId) -> Result<bool, StoreError> {
        // The files are deleted next: after a loss of power that took this back, bytes of deleted files would count.
        self.writer.run(Durability::Full, move |connection: &Connection| files_deleted(connection, task)).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        // By the writer: a store that can only be read cannot serve.
        self.writer.run(Durability::Normal, ping).await
    }
}
