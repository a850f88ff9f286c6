//! Taking a task in.
//!
//! Order: the idempotency key is reserved, a place among those that wait, the document's id; then the task is stored in its
//! bucket in one script, which decides; then the reservations are confirmed, or given up where the task was refused.

use super::claims::{Left, Place};
use super::keys::Keys;
use super::scripts;
use super::store::{RedisStore, to_json};
use morag_core::JsonObject;
use morag_core::ports::{AcceptError, Accepted, NewTask, Queue, StoreError};
use morag_core::task::{DocumentKey, RecordSummary, StatusWord};
use std::time::Duration;
use tokio::time::Instant;

/// Longest that taking a task in may take, from its first call to the answer: a client that is told to come again within 2 s
/// knows where it stands, one that waits longer gives up by itself. What is left for the way there and back is the rest.
pub(super) const ACCEPT_MAX: Duration = Duration::from_millis(1700);

/// What became of the reservations.
enum Taken {
    /// The same was submitted before: nothing is held.
    Before(Result<Accepted, AcceptError>),
    /// The task is stored.
    Stored,
    /// It was refused, or what became of it is not known.
    Refused(AcceptError),
}

impl RedisStore {
    /// What this gives, or that Redis took too long.
    pub(super) async fn in_time<T, E: From<StoreError>>(
        &self,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        tokio::time::timeout(ACCEPT_MAX, work).await.unwrap_or_else(|_| Err(self.redis.silent_for(ACCEPT_MAX).into()))
    }

    /// What is behind [`morag_core::ports::Tasks::accept`]. It ends within [`ACCEPT_MAX`]; what was reserved then, and not
    /// stored, is given up after it.
    pub(super) async fn take_in(&self, new: NewTask) -> Result<Accepted, AcceptError> {
        let (task, ends) = (new.record.id, Instant::now() + ACCEPT_MAX);
        let taken = tokio::time::timeout_at(ends, self.reserve_all(&new)).await;
        match taken.unwrap_or_else(|_| Taken::Refused(self.redis.silent_for(ACCEPT_MAX).into())) {
            Taken::Before(answer) => answer,
            Taken::Stored => {
                if let Some(given) = &new.idempotency {
                    let settled = tokio::time::timeout_at(ends, self.settle_key(task, &given.key, true)).await;
                    if let Err(error) = settled.unwrap_or_else(|_| Err(self.redis.silent_for(ACCEPT_MAX))) {
                        // It holds as long as the task does, which is as good for a week.
                        tracing::warn!(%task, %error, "an idempotency key could not be confirmed");
                    }
                }
                Ok(Accepted::New)
            }
            Taken::Refused(error) => {
                // Where the store is away this fails too. Then who meets the reservations sets them aside.
                if let Some(store) = self.me.upgrade() {
                    let why = error.clone();
                    let given_up = tokio::spawn(async move { store.give_up(&new, &why).await });
                    // It goes on where this ends.
                    let _ = tokio::time::timeout_at(ends, given_up).await;
                }
                Err(error)
            }
        }
    }

    async fn reserve_all(&self, new: &NewTask) -> Taken {
        if let Some(given) = &new.idempotency {
            match self.reserve_key(new.record.id, given).await {
                Ok(None) => {}
                Ok(Some(holder)) => {
                    let answer = holder.answer(&given.request_digest).map_err(AcceptError::from);
                    return Taken::Before(answer.and_then(|answer| match answer {
                        Some(answer) => Ok(Accepted::Replayed(answer)),
                        None => Err(AcceptError::IdempotencyConflict),
                    }));
                }
                Err(error) => return Taken::Refused(error.into()),
            }
        }
        match self.reserve_and_store(new).await {
            Ok(()) => Taken::Stored,
            Err(error) => Taken::Refused(error),
        }
    }

    async fn reserve_and_store(&self, new: &NewTask) -> Result<(), AcceptError> {
        let tenant = Some(&new.record.tenant).filter(|tenant| !tenant.is_default());
        let (rank, number) = self.enter(&Place::first(new.record.id), &new.flow, new.limits, tenant).await?;
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
            // It may have been stored nevertheless.
            Err(error) => match self.settle_existence(new.record.id).await {
                Ok(Some(_)) => Ok(()),
                Ok(None) | Err(_) => Err(error.into()),
            },
        }
    }

    /// Stores a task. `false`: it was set aside.
    async fn store(&self, new: &NewTask, rank: &str, number: &str) -> Result<bool, StoreError> {
        let (record, keys) = (&new.record, &self.keys);
        let (task, bucket) = (record.id, self.bucket(record.id));
        let document = DocumentKey::of(record);
        let document = if new.claims_document { document.as_str() } else { "" };
        let tenant = if record.tenant.is_default() { "" } else { record.tenant.as_str() };
        let mut call = scripts::ACCEPT
            .on([
                keys.task(task),
                keys.veto(task),
                keys.cursors(task),
                keys.ready(bucket, Queue::Tasks),
                keys.ranks(bucket, Queue::Tasks),
                Keys::of_tenant(keys.tasks(bucket), &record.tenant),
                Keys::of_tenant(keys.in_status(bucket, StatusWord::Pending), &record.tenant),
                keys.beside(bucket, Queue::Tasks),
                keys.owners(bucket),
                keys.file_bytes(bucket),
                keys.tenant_bytes(bucket),
            ])
            .arg(self.time.argument())
            .arg(task)
            .arg(to_json(record)?)
            .arg(document)
            .arg(number)
            .arg(rank)
            .arg(keys.channel())
            .arg(self.wakes.of(Queue::Tasks, bucket))
            .arg(to_json(&RecordSummary::of(record))?)
            .arg(new.credentials.as_deref().unwrap_or_default())
            .arg(tenant)
            .arg(record.source.size);
        for name in record.cursors() {
            call = call.arg(name.to_string());
        }
        let answer: Result<String, _> = self.redis.call_kept(call).await;
        // Without an answer it may be there as well.
        self.placed(Queue::Tasks, bucket, &format!("r {rank}"));
        Ok(answer? != "vetoed")
    }

    /// Gives the reservations of a refused task up.
    async fn give_up(&self, new: &NewTask, error: &AcceptError) {
        let task = new.record.id;
        let unclear = matches!(error, AcceptError::Store(_));
        if unclear && !matches!(self.settle_existence(task).await, Ok(None)) {
            // Not known to be refused: the reservations stay as they are.
            return;
        }
        let settled = async {
            if unclear && new.claims_document {
                self.settle_document(&DocumentKey::of(&new.record), task, StatusWord::Failed).await?;
            }
            self.leave(&Place::first(task), Left::Refused).await?;
            match &new.idempotency {
                Some(given) => self.settle_key(task, &given.key, false).await,
                None => Ok(()),
            }
        };
        if let Err(error) = settled.await {
            tracing::warn!(%task, %error, "the reservations of a refused task could not be given up: they are set aside later");
        }
    }

    /// What is behind [`morag_core::ports::Tasks::replay`].
    pub(super) async fn replayed(&self, key: &str, digest: &str) -> Result<Option<JsonObject>, AcceptError> {
        let Some(holder) = self.key_holder(key).await? else { return Ok(None) };
        match holder.answer(digest)? {
            Some(answer) => Ok(Some(answer)),
            None => Err(AcceptError::IdempotencyConflict),
        }
    }
}
