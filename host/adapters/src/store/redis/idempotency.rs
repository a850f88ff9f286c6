//! Idempotency keys: reserved before a task is stored, confirmed after it.

use super::scripts;
use super::store::RedisStore;
use super::values::{from_json, to_json, unexpected_reply};
use morag_core::JsonObject;
use morag_core::ports::{Idempotency, StoreError};
use morag_core::task::TaskId;
use std::time::Duration;

/// An idempotency key as it is stored.
pub(super) struct KeyHolder {
    pub(super) task: TaskId,
    digest: String,
    response: String,
    accepted: bool,
    /// How long it is still remembered; zero where that is unknown.
    left: Duration,
}

impl KeyHolder {
    fn read(fields: Vec<Option<String>>) -> Result<Option<Self>, StoreError> {
        let [Some(task), Some(digest), Some(response), accepted, left] = <[_; 5]>::try_from(fields).unwrap_or_default()
        else {
            return Ok(None);
        };
        let task = task.parse().map_err(|_| unexpected_reply(&task))?;
        let left = left.and_then(|left| left.parse().ok()).map_or(Duration::ZERO, Duration::from_millis);
        Ok(Some(Self { task, digest, response, accepted: accepted.is_some(), left }))
    }

    /// The answer, for the same request.
    pub(super) fn answer(&self, digest: &str) -> Result<Option<JsonObject>, StoreError> {
        if self.digest == digest { from_json(&self.response).map(Some) } else { Ok(None) }
    }
}

impl RedisStore {
    /// Reserves an idempotency key. Returns its holder where that is another task, which was accepted.
    pub(super) async fn reserve_key(&self, task: TaskId, given: &Idempotency) -> Result<Option<KeyHolder>, StoreError> {
        let response = to_json(&given.response)?;
        let mut void_task = None;
        loop {
            let call = scripts::ReserveKey {
                idempotency: self.keys.idempotency(&given.key),
                task,
                digest: given.request_digest.clone(),
                response: response.clone(),
                kept: self.options.idempotency_kept,
                void_task,
            };
            let Some(holder) = KeyHolder::read(self.redis.call_replicated(call).await?)? else { return Ok(None) };
            if self.is_accepted(&holder).await? || self.await_existence(holder.task).await?.is_some() {
                return Ok(Some(holder));
            }
            // Never accepted, and set aside now: each turn of the loop ends another submission, of which there are few.
            void_task = Some(holder.task);
        }
    }

    /// The holder of an idempotency key, where its task was accepted.
    pub(super) async fn key_holder(&self, key: &str) -> Result<Option<KeyHolder>, StoreError> {
        let call = scripts::ReadKey { idempotency: self.keys.idempotency(key) };
        let Some(holder) = KeyHolder::read(self.redis.call(call).await?)? else { return Ok(None) };
        let accepted = self.is_accepted(&holder).await? || self.status_of(holder.task).await?.is_some();
        Ok(Some(holder).filter(|_| accepted))
    }

    /// Whether a key's task was accepted. A confirmed key proves it once the task may have expired. Before that, a task that does not
    /// exist was lost by a failover, and its key must not prevent that it is submitted again.
    async fn is_accepted(&self, holder: &KeyHolder) -> Result<bool, StoreError> {
        let age = self.options.idempotency_kept.saturating_sub(holder.left);
        Ok(holder.accepted && (age >= self.options.history_kept || self.status_of(holder.task).await?.is_some()))
    }

    /// Confirms the reservation of an idempotency key, or removes it.
    pub(super) async fn settle_key(&self, task: TaskId, key: &str, accepted: bool) -> Result<(), StoreError> {
        let call = scripts::SettleKey { idempotency: self.keys.idempotency(key), task, accepted };
        self.redis.call::<i64>(call).await.map(drop)
    }
}
