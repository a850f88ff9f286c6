//! Webhook cursors and their attempts.

use super::cursor_moves::{Fates, fate_words, move_words};
use super::delivery_records::{field_of_resend, gather, moved_at, state_word, stored_url};
use super::keys::{AT_ONCE, Bucket};
use super::scripts;
use super::store::RedisStore;
use super::values::{from_json, token, unexpected_reply};
use async_trait::async_trait;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use morag_core::ports::{
    CommitError, Deliveries, DeliveryFilter, DeliveryMove, DeliveryRecord, DeliveryState, EndpointDelivery,
    KeptCredentials, Lease, NewResend, PENDING_BYTES_MAX, Page, PendingDelivery, Queue, RESENDS_MAX, Recorded,
    ResendError, StoreError,
};
use morag_core::store_policy::next_resend;
use morag_core::task::TaskId;
use morag_core::webhook::{Cursor, CursorName, EndpointId};
use morag_core::{PageBudget, tree_bytes};
use redis::{FromRedisValue, Value};

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

/// The states of which a delivery is made again, as the script takes them.
fn settled_words() -> String {
    let settled = DeliveryState::ALL.into_iter().filter(|state| next_resend(0, *state).is_ok());
    settled.fold(" ".to_owned(), |words, state| words + state_word(state) + " ")
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
        let fates = Fates::of(last, &name);
        let fate = |fate| fate_words(fate, &name, |due| self.delay(due));
        let words: Vec<_> = moves.iter().map(move_words).collect::<Result<_, _>>()?;
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
            fate_with_event: fate(fates.with_event),
            fate_without_event: fate(fates.without_event),
            history_kept: self.options.history_kept,
            id: task,
            channel: keys.channel(),
            wake: self.wakes.of(queue, bucket),
            moves: words.concat(),
        };
        let answer = self.redis.call(call).await;
        let (answer, update): (String, String) = answer.inspect_err(|_| self.invalidate(queue, bucket))?;
        self.apply_update(queue, bucket, &update);
        match fates.recorded(&answer) {
            Some(recorded) => Ok(recorded),
            None if answer == "stale" => Err(CommitError::Stale),
            None => Err(unexpected_reply(&answer).into()),
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
            settled: settled_words(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_makes_deliveries_again_as_the_core_does() {
        assert_eq!(settled_words(), " delivered dead resent ");
        // The script looks at the state first, and then at the number.
        for (last, state) in (0..=RESENDS_MAX + 1).flat_map(|last| DeliveryState::ALL.map(|state| (last, state))) {
            let sent = match settled_words().contains(&format!(" {} ", state_word(state))) {
                false => Err(ResendError::Pending),
                true if last >= RESENDS_MAX => Err(ResendError::TooMany),
                true => Ok(last + 1),
            };
            assert_eq!(next_resend(last, state), sent, "{last} {state:?}");
        }
    }
}
