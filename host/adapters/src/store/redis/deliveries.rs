//! Webhook cursors and their attempts.

use super::delivery_records::{State, gather, moved_at, place_of_resend, wire_url};
use super::keys::Bucket;
use super::scripts;
use super::store::{RedisStore, from_json, strange, to_json, token};
use async_trait::async_trait;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use morag_core::ports::{
    CommitError, CursorMove, Deliveries, DeliveryFilter, DeliveryMove, DeliveryRecord, EndpointDelivery,
    KeptCredentials, Lease, NewResend, PENDING_BYTES_MAX, Page, PendingDelivery, Queue, RESENDS_MAX, Recorded,
    ResendError, StoreError,
};
use morag_core::task::TaskId;
use morag_core::webhook::{Cursor, CursorName, EndpointId};
use morag_core::{PageBudget, tree_bytes};
use redis::{FromRedisValue, Value};

/// What the script says where a task has none.
const NO_CREDENTIALS: &str = "-";

/// Parked cursors of a bucket read in one call.
const PARKED_READ: usize = 500;

/// A cursor as it is stored: next event, next delivery, attempts, what the last move was and led to, and, of one that makes a
/// delivery again, its event and its URL.
fn cursor(task: TaskId, name: CursorName, stored: &str) -> Result<Cursor, StoreError> {
    let mut parts = stored.split(' ');
    let mut number = || parts.next().and_then(|part| part.parse::<u64>().ok());
    let (Some(next_event), Some(next_delivery), Some(attempts)) = (number(), number(), number()) else {
        return Err(strange(&stored));
    };
    let attempts = u32::try_from(attempts).unwrap_or(u32::MAX);
    let url = wire_url(parts.nth(3))?;
    Ok(Cursor { task, name, next_event, next_delivery, attempts, url })
}

/// How a move is called in the script.
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
    /// Where an endpoint's deliveries in these states are listed; nowhere those of tasks' own endpoints.
    pub(super) fn lists<const N: usize>(
        &self,
        bucket: Bucket,
        endpoint: &EndpointId,
        states: [State; N],
    ) -> Vec<String> {
        if *endpoint == EndpointId::of_task() {
            return Vec::new();
        }
        states.iter().map(|state| self.keys.of_endpoint(bucket, state.word(), endpoint.as_str())).collect()
    }

    /// Makes one parked cursor due. `false`: it was not parked any more, or is gone.
    async fn unpark_one(&self, key: &str) -> Result<bool, StoreError> {
        let (task, name) = CursorName::parse_key(key).ok_or_else(|| strange(&key))?;
        let (keys, bucket, queue) = (&self.keys, self.bucket(task), Queue::Deliveries);
        let [record, history, cursors, deliveries, attempts] = self.task_keys(task);
        let call = scripts::UNPARK
            .on([
                record,
                history,
                cursors,
                deliveries,
                attempts,
                keys.parked(bucket),
                keys.due(bucket, queue),
                keys.ready(bucket, queue),
                keys.leases(bucket, queue),
                keys.beside(bucket, queue),
            ])
            .arg(self.time.argument())
            .arg(key)
            .arg(name.to_string())
            .arg(token())
            .arg(keys.channel())
            .arg(self.wakes.of(queue, bucket));
        let answer = self.redis.call(call).await;
        // Without an answer it may have happened.
        let (was, moved): (u64, String) = answer.inspect_err(|_| self.placed(queue, bucket, "u"))?;
        self.placed(queue, bucket, &moved);
        Ok(was == 1)
    }

    /// Makes the parked cursors of an endpoint due that lie in this bucket.
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
        let known = self.records.get(task);
        let again = place_of_resend(&name);
        let [record, history, cursors, deliveries, _] = self.task_keys(task);
        let call = scripts::PENDING
            .on([record, history, cursors, deliveries])
            .arg("")
            .arg(name.to_string())
            .arg(u8::from(known.is_none()))
            .arg(events_max.max(1))
            .arg(again.unwrap_or_default());
        let answer: Value = self.redis.call(call).await?;
        if matches!(&answer, Value::Array(parts) if parts.is_empty()) {
            return Ok(None);
        }
        let parts: Result<(String, String, String, Vec<String>, String, String), _> =
            FromRedisValue::from_redis_value(answer);
        // The error would show the answer, and with it the credentials.
        let parts = parts.map_err(|_| StoreError::Corrupt("a script answered what a cursor cannot look at".into()))?;
        let (record, stored, is_end, texts, credentials, again) = parts;
        let (mut events, mut budget) = (Vec::new(), PageBudget::new(PENDING_BYTES_MAX));
        for text in texts.iter().rev().take_while(|text| budget.takes(tree_bytes(text))) {
            events.push(from_json(text)?);
        }
        Ok(Some(PendingDelivery {
            record: match known {
                Some(kept) => kept.record,
                None => self.records.keep(&record)?,
            },
            cursor: cursor(task, name, &stored)?,
            is_end: is_end == "1" && events.len() == texts.len(),
            events,
            credentials: KeptCredentials::of(Some(credentials).filter(|text| text != NO_CREDENTIALS)),
            resent_at: moved_at(&again),
        }))
    }

    async fn advance_all(&self, held: &Lease, moves: Vec<DeliveryMove>) -> Result<Recorded, CommitError> {
        let parsed = CursorName::parse_key(&held.key).filter(|_| held.queue == Queue::Deliveries);
        let (Some((task, name)), Some(last)) = (parsed, moves.last()) else { return Err(CommitError::Stale) };
        let (keys, bucket, queue) = (&self.keys, self.bucket(task), held.queue);
        let delay = match last.movement {
            CursorMove::Retry(due) => self.delay(due),
            _ => 0,
        };
        let [record, history, cursors, deliveries, attempts] = self.task_keys(task);
        let lists = self.lists(bucket, name.endpoint(), [State::Pending, State::Delivered, State::Dead]);
        let mut call = scripts::ADVANCE
            .on([
                record,
                history,
                cursors,
                deliveries,
                attempts,
                keys.due(bucket, queue),
                keys.ready(bucket, queue),
                keys.leases(bucket, queue),
                keys.beside(bucket, queue),
                keys.parked(bucket),
            ])
            .and_on(lists)
            .arg(self.time.argument())
            .arg(&held.key)
            .arg(held.fence)
            .arg(token())
            .arg(name.to_string())
            .arg(name.endpoint().as_str())
            .arg(name.resend().map_or(0, |resend| resend.number))
            .arg(delay)
            .arg(self.options.history_kept.as_millis())
            .arg(task)
            .arg(keys.channel())
            .arg(self.wakes.of(queue, bucket));
        for one in &moves {
            let attempt = one.attempt.as_ref().map(to_json).transpose()?;
            call = call.arg(word(one.movement)).arg(attempt.unwrap_or_default());
        }
        let answer = self.redis.call(call).await;
        // Without an answer it may have happened.
        let answer = answer.inspect_err(|_| self.placed(queue, bucket, "u"));
        let (answer, moved): (String, String) = answer?;
        self.placed(queue, bucket, &moved);
        match answer.as_str() {
            "more" => Ok(Recorded::More),
            "idle" | "parked" => Ok(Recorded::Idle),
            "stale" => Err(CommitError::Stale),
            _ => Err(strange(&answer).into()),
        }
    }

    async fn credentials(&self, task: TaskId) -> Result<KeptCredentials, StoreError> {
        let mut get = redis::cmd("HGET");
        get.arg(self.keys.task(task)).arg("credentials");
        Ok(KeptCredentials::of(self.redis.query(&get).await?))
    }

    /// By the event, then by the endpoint's id: what happened to the first event comes first.
    async fn deliveries(&self, task: TaskId) -> Result<Vec<DeliveryRecord>, StoreError> {
        let [_, _, _, deliveries, attempts] = self.task_keys(task);
        let mut all = redis::cmd("HGETALL");
        all.arg(deliveries);
        let mut range = redis::cmd("LRANGE");
        range.arg(attempts).arg(0).arg(-1);
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
        let (keys, bucket, queue) = (&self.keys, self.bucket(new.task), Queue::Deliveries);
        let [record, history, cursors, deliveries, attempts] = self.task_keys(new.task);
        let call = scripts::RESEND
            .on([
                record,
                history,
                cursors,
                deliveries,
                attempts,
                keys.due(bucket, queue),
                keys.ready(bucket, queue),
                keys.leases(bucket, queue),
                keys.beside(bucket, queue),
            ])
            .and_on(self.lists(bucket, &new.endpoint, [State::Pending, State::Dead, State::Resent]))
            .arg(self.time.argument())
            .arg(new.task)
            .arg(token())
            .arg(name.to_string())
            .arg(new.endpoint.as_str())
            .arg(new.delivery)
            .arg(new.url.clone().map_or_else(|| "-".to_owned(), String::from))
            .arg(self.delay(new.due))
            .arg(RESENDS_MAX)
            .arg(self.options.history_kept.as_millis())
            .arg(keys.channel())
            .arg(self.wakes.of(queue, bucket));
        let answer = self.redis.call(call).await;
        // Without an answer it may have happened.
        let answer = answer.inspect_err(|_| self.placed(queue, bucket, "u"));
        let (word, number, moved): (String, String, String) = answer?;
        self.placed(queue, bucket, &moved);
        match word.as_str() {
            "done" => Ok(number.parse().map_err(|_| strange(&number))?),
            "unknown" => Err(ResendError::Unknown),
            "pending" => Err(ResendError::Pending),
            "too many" => Err(ResendError::TooMany),
            _ => Err(strange(&word).into()),
        }
    }

    async fn unpark(&self, endpoint: &EndpointId) -> Result<u64, StoreError> {
        let each = Bucket::all().map(|bucket| self.unpark_in(bucket, endpoint));
        stream::iter(each)
            .buffer_unordered(super::due_queue::AT_ONCE)
            .try_fold(0, |sum, unparked| async move { Ok(sum + unparked) })
            .await
    }
}
