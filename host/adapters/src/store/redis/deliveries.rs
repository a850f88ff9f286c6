//! Webhook cursors and their attempts.

use super::delivery_records::{field_of_resend, gather, moved_at, stored_url};
use super::keys::{AT_ONCE, Bucket};
use super::scripts;
use super::store::RedisStore;
use super::values::{from_json, to_json, token, unexpected_reply};
use async_trait::async_trait;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use morag_core::ports::{
    CommitError, CursorMove, Deliveries, DeliveryFilter, DeliveryMove, DeliveryRecord, DeliveryState, EndpointDelivery,
    KeptCredentials, Lease, NewResend, PENDING_BYTES_MAX, Page, PendingDelivery, Queue, RESENDS_MAX, Recorded,
    ResendError, StoreError,
};
use morag_core::task::TaskId;
use morag_core::webhook::{Cursor, CursorName, EndpointId};
use morag_core::{PageBudget, tree_bytes};
use redis::{FromRedisValue, Value};
use std::time::Duration;

/// The script's answer where a task has no credentials.
const NO_CREDENTIALS: &str = "-";

/// Parked cursors of a bucket read in one call.
const PARKED_READ: usize = 500;

/// A stored cursor: next event, next delivery, attempts, token and outcome of the last move, and, of a cursor that makes a delivery
/// again, its event and URL.
fn cursor(task: TaskId, name: CursorName, stored: &str) -> Result<Cursor, StoreError> {
    let mut parts = stored.split(' ');
    let mut number = || parts.next().and_then(|part| part.parse::<u64>().ok());
    let (Some(next_event), Some(next_delivery), Some(attempts)) = (number(), number(), number()) else {
        return Err(unexpected_reply(&stored));
    };
    let attempts = u32::try_from(attempts).unwrap_or(u32::MAX);
    let url = stored_url(parts.nth(3))?;
    Ok(Cursor { task, name, next_event, next_delivery, attempts, url })
}

/// A move's name in the script.
fn word(movement: CursorMove) -> &'static str {
    match movement {
        CursorMove::Skip => "skip",
        CursorMove::Delivered => "delivered",
        CursorMove::Dead => "dead",
        CursorMove::Retry(_) => "retry",
        CursorMove::Disable => "disable",
        CursorMove::Park => "park",
    }
}

impl RedisStore {
    /// Makes one parked cursor due. `false`: it was not parked any more, or does not exist.
    async fn unpark_one(&self, key: &str) -> Result<bool, StoreError> {
        let (task, name) = CursorName::parse_key(key).ok_or_else(|| unexpected_reply(&key))?;
        let (keys, bucket, queue) = (&self.keys, Bucket::of(task), Queue::Deliveries);
        let call = scripts::Unpark {
            keys: keys.around(task),
            now: self.time.argument(),
            key: key.to_owned(),
            cursor: name.to_string(),
            token: token(),
            channel: keys.channel(),
            wake: self.wakes.of(queue, bucket),
        };
        let answer = self.redis.call(call).await;
        let (was_parked, update): (u64, String) = answer.inspect_err(|_| self.invalidate(queue, bucket))?;
        self.apply_update(queue, bucket, &update);
        Ok(was_parked == 1)
    }

    /// Makes the parked cursors of an endpoint due that are in this bucket.
    async fn unpark_in(&self, bucket: Bucket, endpoint: &EndpointId) -> Result<u64, StoreError> {
        let (mut from, mut unparked) = ("-".to_owned(), 0);
        loop {
            let mut range = redis::cmd("ZRANGEBYLEX");
            range.arg(self.keys.parked(bucket)).arg(&from).arg("+").arg("LIMIT").arg(0).arg(PARKED_READ);
            let parked: Vec<String> = self.redis.query(&range).await?;
            let mine = parked.iter().filter(|key| CursorName::lane_of_key(key) == endpoint.as_str());
            for key in mine {
                unparked += u64::from(self.unpark_one(key).await?);
            }
            match parked.last() {
                Some(last) if parked.len() == PARKED_READ => from = format!("({last}"),
                _ => return Ok(unparked),
            }
        }
    }
}

#[async_trait]
impl Deliveries for RedisStore {
    async fn pending(&self, held: &Lease, events_max: usize) -> Result<Option<PendingDelivery>, StoreError> {
        let Some((task, name)) = CursorName::parse_key(&held.key) else { return Ok(None) };
        let cached = self.records.get(task);
        let call = scripts::Pending {
            keys: self.keys.around(task),
            cursor: name.to_string(),
            wants_record: cached.is_none(),
            events_max: events_max.max(1),
            resent_delivery: field_of_resend(&name),
        };
        let answer: Value = self.redis.call(call).await?;
        if matches!(&answer, Value::Array(parts) if parts.is_empty()) {
            return Ok(None);
        }
        let parts: Result<(String, String, String, Vec<String>, String, String), _> =
            FromRedisValue::from_redis_value(answer);
        // The error would show the answer, which has the credentials.
        let parts = parts.map_err(|_| StoreError::Corrupt("unexpected reply about a cursor's events".into()))?;
        let (record, stored, is_end, texts, credentials, resent) = parts;
        let (mut events, mut budget) = (Vec::new(), PageBudget::new(PENDING_BYTES_MAX));
        for text in texts.iter().rev().take_while(|text| budget.takes(tree_bytes(text))) {
            events.push(from_json(text)?);
        }
        Ok(Some(PendingDelivery {
            record: match cached {
                Some(cached) => cached.record,
                None => self.records.insert(&record)?,
            },
            cursor: cursor(task, name, &stored)?,
            is_end: is_end == "1" && events.len() == texts.len(),
            events,
            credentials: KeptCredentials::of(Some(credentials).filter(|text| text != NO_CREDENTIALS)),
            resent_at: moved_at(&resent),
        }))
    }

    async fn advance_all(&self, held: &Lease, moves: Vec<DeliveryMove>) -> Result<Recorded, CommitError> {
        let parsed = CursorName::parse_key(&held.key).filter(|_| held.queue == Queue::Deliveries);
        let (Some((task, name)), Some(last)) = (parsed, moves.last()) else { return Err(CommitError::Stale) };
        let (keys, bucket, queue) = (&self.keys, Bucket::of(task), held.queue);
        let retry_delay = match last.movement {
            CursorMove::Retry(due) => self.delay(due),
            _ => Duration::ZERO,
        };
        let mut named_moves = Vec::with_capacity(2 * moves.len());
        for one in &moves {
            let attempt = one.attempt.as_ref().map(to_json).transpose()?;
            named_moves.push(word(one.movement).as_bytes().to_owned());
            named_moves.push(attempt.unwrap_or_default().into_bytes());
        }
        let listed = [DeliveryState::Pending, DeliveryState::Delivered, DeliveryState::Dead];
        let call = scripts::Advance {
            keys: keys.around(task),
            endpoint_lists: self.lists(bucket, name.endpoint(), listed),
            now: self.time.argument(),
            key: held.key.clone(),
            fence: held.fence,
            token: token(),
            cursor: name.to_string(),
            endpoint: name.endpoint().as_str().to_owned(),
            resend: name.resend().map_or(0, |resend| resend.number),
            retry_delay,
            history_kept: self.options.history_kept,
            id: task,
            channel: keys.channel(),
            wake: self.wakes.of(queue, bucket),
            moves: named_moves,
        };
        let answer = self.redis.call(call).await;
        let (answer, update): (String, String) = answer.inspect_err(|_| self.invalidate(queue, bucket))?;
        self.apply_update(queue, bucket, &update);
        match answer.as_str() {
            "more" => Ok(Recorded::More),
            "idle" | "parked" => Ok(Recorded::Idle),
            "stale" => Err(CommitError::Stale),
            _ => Err(unexpected_reply(&answer).into()),
        }
    }

    async fn credentials(&self, task: TaskId) -> Result<KeptCredentials, StoreError> {
        let mut get = redis::cmd("HGET");
        get.arg(self.keys.task(task)).arg("credentials");
        Ok(KeptCredentials::of(self.redis.query(&get).await?))
    }

    /// By event, then by the endpoint's id.
    async fn deliveries(&self, task: TaskId) -> Result<Vec<DeliveryRecord>, StoreError> {
        let mut all = redis::cmd("HGETALL");
        all.arg(self.keys.deliveries(task));
        let mut range = redis::cmd("LRANGE");
        range.arg(self.keys.attempts(task)).arg(0).arg(-1);
        gather(self.redis.query(&all).await?, self.redis.query(&range).await?)
    }

    async fn endpoint_deliveries(&self, filter: &DeliveryFilter) -> Result<Page<EndpointDelivery>, StoreError> {
        self.page_of_deliveries(filter).await
    }

    async fn resend(&self, new: &NewResend) -> Result<u32, ResendError> {
        let mut get = redis::cmd("HGET");
        get.arg(self.keys.task(new.task)).arg("record");
        let record: Option<String> = self.redis.query(&get).await?;
        let record: morag_core::task::TaskRecord = from_json(&record.ok_or(ResendError::Unknown)?)?;
        let name = record.cursor_of(&new.endpoint).ok_or(ResendError::Unknown)?;
        let name = name.towards(new.url.as_ref(), &record.tenant);
        let (keys, task, bucket, queue) = (&self.keys, new.task, Bucket::of(new.task), Queue::Deliveries);
        let listed = [DeliveryState::Pending, DeliveryState::Dead, DeliveryState::Resent];
        let call = scripts::Resend {
            keys: keys.around(task),
            endpoint_lists: self.lists(bucket, &new.endpoint, listed),
            now: self.time.argument(),
            id: task,
            token: token(),
            cursor: name.to_string(),
            endpoint: new.endpoint.as_str().to_owned(),
            delivery: new.delivery,
            url: new.url.clone().map_or_else(|| "-".to_owned(), String::from),
            delay: self.delay(new.due),
            resends_max: RESENDS_MAX,
            history_kept: self.options.history_kept,
            channel: keys.channel(),
            wake: self.wakes.of(queue, bucket),
        };
        let answer = self.redis.call(call).await;
        let answer = answer.inspect_err(|_| self.invalidate(queue, bucket));
        let (word, number, update): (String, String, String) = answer?;
        self.apply_update(queue, bucket, &update);
        match word.as_str() {
            "done" => Ok(number.parse().map_err(|_| unexpected_reply(&number))?),
            "unknown" => Err(ResendError::Unknown),
            "pending" => Err(ResendError::Pending),
            "too many" => Err(ResendError::TooMany),
            _ => Err(unexpected_reply(&word).into()),
        }
    }

    async fn unpark(&self, endpoint: &EndpointId) -> Result<u64, StoreError> {
        let each = Bucket::all().map(|bucket| self.unpark_in(bucket, endpoint));
        stream::iter(each)
            .buffer_unordered(AT_ONCE)
            .try_fold(0, |sum, unparked| async move { Ok(sum + unparked) })
            .await
    }
}
