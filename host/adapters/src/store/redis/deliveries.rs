//! Webhook cursors and their attempts.

use super::scripts;
use super::store::{RedisStore, from_json, strange, to_json, token};
use async_trait::async_trait;
use morag_core::ports::{
    AttemptRecord, CommitError, CursorMove, Deliveries, DeliveryFilter, DeliveryMove, DeliveryRecord, DeliveryState,
    EndpointDelivery, Lease, NewResend, Page, PendingDelivery, Queue, Recorded, ResendError, StoreError,
};
use morag_core::task::TaskId;
use morag_core::webhook::{Cursor, CursorName, EndpointId};
use std::collections::HashMap;

/// A cursor as it is stored: next event, next delivery, attempts, and what the last move was and led to.
fn cursor(task: TaskId, name: CursorName, stored: &str) -> Result<Cursor, StoreError> {
    let mut numbers = stored.split(' ').map(str::parse::<u64>);
    match (numbers.next(), numbers.next(), numbers.next()) {
        (Some(Ok(next_event)), Some(Ok(next_delivery)), Some(Ok(attempts))) => {
            let attempts = u32::try_from(attempts).unwrap_or(u32::MAX);
            Ok(Cursor { task, name, next_event, next_delivery, attempts, url: None })
        }
        _ => Err(strange(&stored)),
    }
}

#[async_trait]
impl Deliveries for RedisStore {
    async fn pending(&self, held: &Lease, _events_max: usize) -> Result<Option<PendingDelivery>, StoreError> {
        let Some((task, name)) = CursorName::parse_key(&held.key) else { return Ok(None) };
        let known = self.records.get(task);
        let [record, history, cursors, ..] = self.task_keys(task);
        let call = scripts::PENDING
            .on([record, history, cursors])
            .arg("")
            .arg(name.to_string())
            .arg(u8::from(known.is_none()));
        let answer: Vec<String> = self.redis.call(call).await?;
        let [record, stored, event] = answer.as_slice() else { return Ok(None) };
        Ok(Some(PendingDelivery {
            record: match known {
                Some(record) => record,
                None => self.records.keep(from_json(record)?),
            },
            cursor: cursor(task, name, stored)?,
            events: if event.is_empty() { vec![] } else { vec![from_json(event)?] },
            is_end: false,
        }))
    }

    async fn advance_all(&self, held: &Lease, moves: Vec<DeliveryMove>) -> Result<Recorded, CommitError> {
        let mut recorded = Recorded::Idle;
        for one in moves {
            recorded = self.advance_one(held, one.movement, one.attempt).await?;
        }
        Ok(recorded)
    }

    async fn endpoint_deliveries(&self, _filter: &DeliveryFilter) -> Result<Page<EndpointDelivery>, StoreError> {
        Err(StoreError::Unavailable("not on Redis yet".into()))
    }

    async fn resend(&self, _new: &NewResend) -> Result<u32, ResendError> {
        Err(StoreError::Unavailable("not on Redis yet".into()).into())
    }

    async fn unpark(&self, _endpoint: &EndpointId) -> Result<u64, StoreError> {
        Err(StoreError::Unavailable("not on Redis yet".into()))
    }

    /// By the event, then by the endpoint's id: what happened to the first event comes first.
    async fn deliveries(&self, task: TaskId) -> Result<Vec<DeliveryRecord>, StoreError> {
        let [_, _, _, deliveries, attempts] = self.task_keys(task);
        let mut all = redis::cmd("HGETALL");
        all.arg(deliveries);
        let deliveries: HashMap<String, String> = self.redis.query(&all).await?;
        let mut range = redis::cmd("LRANGE");
        range.arg(attempts).arg(0).arg(-1);
        let attempts: Vec<String> = self.redis.query(&range).await?;
        let mut records = HashMap::with_capacity(deliveries.len());
        for (place, stored) in &deliveries {
            records.insert(place.as_str(), record(place, stored)?);
        }
        for attempt in &attempts {
            let (place, attempt) = split_attempt(attempt).ok_or_else(|| strange(attempt))?;
            if let Some(record) = records.get_mut(place) {
                record.attempts.push(from_json(attempt)?);
            }
        }
        let mut records: Vec<_> = records.into_values().collect();
        records.sort_by(|one, other| (one.event, &one.endpoint).cmp(&(other.event, &other.endpoint)));
        Ok(records)
    }
}

impl RedisStore {
    async fn advance_one(
        &self,
        held: &Lease,
        movement: CursorMove,
        attempt: Option<AttemptRecord>,
    ) -> Result<Recorded, CommitError> {
        let parsed = CursorName::parse_key(&held.key).filter(|_| held.queue == Queue::Deliveries);
        let Some((task, endpoint)) = parsed else {
            return Err(CommitError::Stale);
        };
        let (keys, bucket) = (&self.keys, self.bucket(task));
        let (word, delay) = match movement {
            CursorMove::Skip => ("skip", 0),
            CursorMove::Delivered => ("delivered", 0),
            CursorMove::Dead => ("dead", 0),
            CursorMove::Retry(due) => ("retry", self.delay(due)),
            CursorMove::Disable => ("disable", 0),
            CursorMove::Park => return Err(StoreError::Unavailable("not on Redis yet".into()).into()),
        };
        let [record, history, cursors, deliveries, attempts] = self.task_keys(task);
        let call = scripts::ADVANCE
            .on([
                record,
                history,
                cursors,
                deliveries,
                attempts,
                keys.due(bucket, held.queue),
                keys.ready(bucket, held.queue),
                keys.leases(bucket, held.queue),
            ])
            .arg(self.time.argument())
            .arg(&held.key)
            .arg(held.fence)
            .arg(token())
            .arg(endpoint.to_string())
            .arg(word)
            .arg(delay)
            .arg(attempt.as_ref().map(to_json).transpose()?.unwrap_or_default())
            .arg(self.options.history_kept.as_millis())
            .arg(task)
            .arg(keys.channel())
            .arg(self.wakes.of(held.queue, bucket));
        let answer = self.redis.call(call).await;
        // Without an answer it may have happened.
        let answer = answer.inspect_err(|_| self.placed(held.queue, bucket, "u"));
        let (answer, moved): (String, String) = answer?;
        self.placed(held.queue, bucket, &moved);
        match answer.as_str() {
            "more" => Ok(Recorded::More),
            "idle" => Ok(Recorded::Idle),
            "stale" => Err(CommitError::Stale),
            _ => Err(strange(&answer).into()),
        }
    }
}

/// Endpoint and delivery, and the attempt's JSON. An endpoint's id may hold spaces; JSON begins with a brace.
fn split_attempt(stored: &str) -> Option<(&str, &str)> {
    stored.find(" {").map(|at| (&stored[..at], &stored[at + 1..]))
}

fn record(place: &str, stored: &str) -> Result<DeliveryRecord, StoreError> {
    let parsed = || {
        let (endpoint, delivery) = place.rsplit_once('/')?;
        let (event, state) = stored.split_once(' ')?;
        let state = match state {
            "pending" => DeliveryState::Pending,
            "delivered" => DeliveryState::Delivered,
            "dead" => DeliveryState::Dead,
            _ => return None,
        };
        Some(DeliveryRecord {
            endpoint: endpoint.parse::<CursorName>().ok()?.endpoint().clone(),
            delivery: delivery.parse().ok()?,
            resend: 0,
            at: morag_core::Timestamp::from_millis(0),
            url: None,
            event: event.parse().ok()?,
            state,
            attempts: Vec::new(),
        })
    };
    parsed().ok_or_else(|| strange(&(place, stored)))
}
