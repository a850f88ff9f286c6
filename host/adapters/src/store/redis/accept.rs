//! Accepting a task.
//!
//! First the idempotency key, an entry of the waiting list and the document's id are reserved. Then one script stores the task in its
//! bucket: that decides. Then the reservations are confirmed, or released where the task was refused.

use super::keys::{Bucket, Keys};
use super::scripts;
use super::store::RedisStore;
use super::values::to_json;
use super::waiting::{WaitOutcome, WaitingEntry};
use morag_core::JsonObject;
use morag_core::ports::{AcceptError, Accepted, NewTask, Queue, StoreError};
use morag_core::task::{DocumentKey, RecordSummary, StatusWord, TaskRecord, TenantId};
use std::time::Duration;
use tokio::time::Instant;

/// Limit of accepting a task, from the first call to the answer: a client that is told to retry within 2 s knows the outcome, one that
/// waits longer gives up by itself. The rest of the 2 s is for the network.
const ACCEPT_MAX: Duration = Duration::from_millis(1700);

/// The outcome of reserving and storing.
enum Outcome {
    /// The same was submitted before: nothing is reserved.
    Duplicate(Result<Accepted, AcceptError>),
    /// The task is stored.
    Stored,
    /// It was refused, or its outcome is unknown.
    Refused(AcceptError),
}

impl RedisStore {
    /// The result of this work, or an error where Redis takes too long.
    pub(super) async fn in_time<T, E: From<StoreError>>(
        &self,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        tokio::time::timeout(ACCEPT_MAX, work)
            .await
            .unwrap_or_else(|_| Err(self.redis.connection.timed_out(ACCEPT_MAX).into()))
    }

    /// Implements [`morag_core::ports::Tasks::accept`], within [`ACCEPT_MAX`]. What was reserved by then, and not stored, is released
    /// afterwards.
    pub(super) async fn accept_task(&self, new: NewTask) -> Result<Accepted, AcceptError> {
        let (task, ends) = (new.record.id, Instant::now() + ACCEPT_MAX);
        let outcome = tokio::time::timeout_at(ends, self.reserve_all(&new)).await;
        match outcome.unwrap_or_else(|_| Outcome::Refused(self.redis.connection.timed_out(ACCEPT_MAX).into())) {
            Outcome::Duplicate(answer) => answer,
            Outcome::Stored => {
                if let Some(given) = &new.idempotency {
                    let settled = tokio::time::timeout_at(ends, self.settle_key(task, &given.key, true)).await;
                    if let Err(error) = settled.unwrap_or_else(|_| Err(self.redis.connection.timed_out(ACCEPT_MAX))) {
                        // It is valid as long as the task exists, which is a week too.
                        tracing::warn!(%task, %error, "cannot confirm an idempotency key");
                    }
                }
                Ok(Accepted::New)
            }
            Outcome::Refused(error) => {
                // Where Redis is unavailable this fails too. Then another process sets the reservations aside when it finds them.
                if let Some(store) = self.me.upgrade() {
                    let why = error.clone();
                    let released = tokio::spawn(async move { store.release_all(&new, &why).await });
                    // It continues after the timeout.
                    let _ = tokio::time::timeout_at(ends, released).await;
                }
                Err(error)
            }
        }
    }

    async fn reserve_all(&self, new: &NewTask) -> Outcome {
        if let Some(given) = &new.idempotency {
            match self.reserve_key(new.record.id, given).await {
                Ok(None) => {}
                Ok(Some(holder)) => {
                    let answer = holder.answer(&given.request_digest).map_err(AcceptError::from);
                    return Outcome::Duplicate(answer.and_then(|answer| match answer {
                        Some(answer) => Ok(Accepted::Replayed(answer)),
                        None => Err(AcceptError::IdempotencyConflict),
                    }));
                }
                Err(error) => return Outcome::Refused(error.into()),
            }
        }
        match self.reserve_and_store(new).await {
            Ok(()) => Outcome::Stored,
            Err(error) => Outcome::Refused(error),
        }
    }

    async fn reserve_and_store(&self, new: &NewTask) -> Result<(), AcceptError> {
        let tenant = tenant_of(&new.record);
        let (rank, number) = self.enter(&WaitingEntry::first(new.record.id), &new.flow, new.limits, tenant).await?;
        if new.claims_document
            && let Some(holder) = self.claim_document(&new.record, &number).await?
        {
            return Err(AcceptError::DuplicateDocument(holder));
        }
        match self.store(new, &rank, &number).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(StoreError::Unavailable(format!(
                "task {} took too long to be stored, and another submission has set it aside: submit it again",
                new.record.id
            ))
            .into()),
            // It may be stored nevertheless.
            Err(error) => match self.settle_existence(new.record.id).await {
                Ok(Some(_)) => Ok(()),
                Ok(None) | Err(_) => Err(error.into()),
            },
        }
    }

    /// Stores a task. `false`: it was set aside.
    async fn store(&self, new: &NewTask, rank: &str, number: &str) -> Result<bool, StoreError> {
        let (record, keys) = (&new.record, &self.keys);
        let (task, bucket) = (record.id, Bucket::of(record.id));
        let call = scripts::Accept {
            keys: keys.around(task),
            tasks: Keys::of_tenant(keys.tasks(bucket), &record.tenant),
            pending: Keys::of_tenant(keys.in_status(bucket, StatusWord::Pending), &record.tenant),
            now: self.time.argument(),
            id: task,
            record: to_json(record)?,
            document: if new.claims_document { DocumentKey::of(record).as_str().to_owned() } else { String::new() },
            number: number.to_owned(),
            rank: rank.to_owned(),
            channel: keys.channel(),
            wake: self.wakes.of(Queue::Tasks, bucket),
            summary: to_json(&RecordSummary::of(record))?,
            credentials: new.credentials.clone(),
            tenant: tenant_of(record).map(TenantId::to_string),
            bytes: record.source.size,
            cursor_names: record.cursors().map(|name| name.to_string().into_bytes()).collect(),
        };
        let answer: Result<String, _> = self.redis.call_replicated(call).await;
        // Without an answer it may be stored as well.
        self.apply_update(Queue::Tasks, bucket, &format!("r {rank}"));
        Ok(answer? != "vetoed")
    }

    /// Releases the reservations of a refused task.
    async fn release_all(&self, new: &NewTask, error: &AcceptError) {
        let task = new.record.id;
        let is_unknown = matches!(error, AcceptError::Store(_));
        if is_unknown && !matches!(self.settle_existence(task).await, Ok(None)) {
            // It may be stored: the reservations stay as they are.
            return;
        }
        let settled = async {
            if is_unknown && new.claims_document {
                self.settle_document(&DocumentKey::of(&new.record), task, StatusWord::Failed).await?;
            }
            self.leave(&WaitingEntry::first(task), WaitOutcome::Refused).await?;
            match &new.idempotency {
                Some(given) => self.settle_key(task, &given.key, false).await,
                None => Ok(()),
            }
        };
        if let Err(error) = settled.await {
            tracing::warn!(%task, %error, "cannot release the reservations of a refused task: they are set aside later");
        }
    }

    /// Implements [`morag_core::ports::Tasks::replay`].
    pub(super) async fn replayed(&self, key: &str, digest: &str) -> Result<Option<JsonObject>, AcceptError> {
        let Some(holder) = self.key_holder(key).await? else { return Ok(None) };
        match holder.answer(digest)? {
            Some(answer) => Ok(Some(answer)),
            None => Err(AcceptError::IdempotencyConflict),
        }
    }
}

/// The tenant of a task; none for the default tenant.
fn tenant_of(record: &TaskRecord) -> Option<&TenantId> {
    Some(&record.tenant).filter(|tenant| !tenant.is_default())
}
