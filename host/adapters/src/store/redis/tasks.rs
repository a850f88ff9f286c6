//! Tasks and their logs.

use super::scripts;
use super::store::RedisStore;
use super::values::{from_json, unexpected_reply};
use async_trait::async_trait;
use morag_core::ports::{
    AcceptError, Accepted, Commit, CommitError, Flow, ListFilter, NewTask, Page, RecentEvent, RunAgainError,
    StoreError, TaskLimits, TaskLog, TaskMark, TaskOutline, TaskSummary, Tasks,
};
use morag_core::task::{DocumentId, DocumentKey, StatusWord, TaskId, TenantId};
use morag_core::{JsonObject, Timestamp};
use std::sync::Arc;

#[async_trait]
impl Tasks for RedisStore {
    /// An accepted task is as durable as Redis: for a server that loses power, that needs `appendonly yes` with `appendfsync always`.
    async fn accept(&self, new: NewTask) -> Result<Accepted, AcceptError> {
        self.accept_task(new).await
    }

    async fn replay(&self, key: &str, request_digest: &str) -> Result<Option<JsonObject>, AcceptError> {
        self.in_time(self.replayed(key, request_digest)).await
    }

    async fn document_holder(&self, tenant: &TenantId, document: &DocumentId) -> Result<Option<TaskId>, StoreError> {
        self.in_time(self.holder(&DocumentKey::new(tenant, document))).await
    }

    async fn load(&self, task: TaskId) -> Result<Option<TaskLog>, StoreError> {
        let call = scripts::Load { keys: self.keys.around(task), id: task };
        let answer: redis::Value = self.redis.call(call).await?;
        if matches!(&answer, redis::Value::Array(parts) if parts.is_empty()) {
            return Ok(None);
        }
        let parts: Result<(String, String, Vec<String>, String), _> = redis::FromRedisValue::from_redis_value(answer);
        let (record, live, events, claims) = parts.map_err(|error| unexpected_reply(&error))?;
        Ok(Some(TaskLog {
            record: Arc::new(from_json(&record)?),
            events: events.iter().rev().map(|event| from_json(event)).collect::<Result<_, _>>()?,
            live_percent: live.parse().map_err(|_| unexpected_reply(&live))?,
            claims: claims.parse().map_err(|_| unexpected_reply(&claims))?,
        }))
    }

    async fn mark(&self, task: TaskId) -> Result<Option<TaskMark>, StoreError> {
        self.mark_of(task).await
    }

    async fn outline(&self, task: TaskId) -> Result<Option<TaskOutline>, StoreError> {
        self.outline_of(task).await
    }

    async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        self.commit_task(&commit, None).await
    }

    async fn run_again(&self, commit: Commit, flow: &Flow, limits: TaskLimits) -> Result<(), RunAgainError> {
        self.commit_again(&commit, flow, limits).await
    }

    async fn may_enter(&self, flow: &Flow, limits: TaskLimits) -> Result<(), AcceptError> {
        self.in_time(self.check_room(flow, limits)).await
    }

    async fn list(&self, filter: &ListFilter) -> Result<Page<TaskSummary>, StoreError> {
        self.page_of_tasks(filter).await
    }

    async fn counts(&self) -> Result<Vec<(StatusWord, u64)>, StoreError> {
        self.count_all_tasks().await
    }

    async fn counts_of(&self, tenant: &TenantId) -> Result<Vec<(StatusWord, u64)>, StoreError> {
        self.count_tasks(std::slice::from_ref(tenant)).await
    }

    async fn tenant_of(&self, task: TaskId) -> Result<Option<TenantId>, StoreError> {
        self.owner(task).await
    }

    async fn recent(
        &self,
        tenant: &TenantId,
        since: Timestamp,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<RecentEvent>, StoreError> {
        self.page_of_events(tenant, since, limit, cursor).await
    }

    async fn expire(&self, ended_before: Timestamp, limit: usize) -> Result<Vec<TaskId>, StoreError> {
        self.expire_tasks(ended_before, limit).await
    }

    async fn stored_bytes(&self, tenant: &TenantId) -> Result<u64, StoreError> {
        self.in_time(self.bytes_of(tenant)).await
    }

    async fn files_deleted(&self, task: TaskId) -> Result<bool, StoreError> {
        self.forget_bytes(task).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.redis.ping().await
    }
}
