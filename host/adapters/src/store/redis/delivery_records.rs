//! Deliveries as they are stored with their task, and the lists of those of named endpoints.
//!
//! A delivery is a field `ENDPOINT/DELIVERY`, of one that was made again with `.RESEND` behind it; it holds the event's sequence,
//! the state, the time of the last move and a URL where that is not the endpoint's. Those written before there was a time have
//! none.

use super::keys::Bucket;
use super::merge::greatest;
use super::scripts;
use super::store::{RedisStore, from_json, strange};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use morag_core::Timestamp;
use morag_core::ports::{DeliveryFilter, DeliveryRecord, DeliveryState, EndpointDelivery, Page, StoreError};
use morag_core::task::TaskId;
use morag_core::webhook::{CursorName, EndpointId, WebhookUrl};
use std::collections::HashMap;

/// Items in a page, whatever was asked for: what one answer may hold in memory.
const PAGE_MAX: usize = 1000;

/// A delivery's state, as scripts call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Pending,
    Delivered,
    Dead,
    Resent,
}

/// Every state.
pub(super) const STATES: [State; 4] = [State::Pending, State::Delivered, State::Dead, State::Resent];

impl State {
    /// Its name in scripts and keys.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
            Self::Resent => "resent",
        }
    }

    fn state(self) -> DeliveryState {
        match self {
            Self::Pending => DeliveryState::Pending,
            Self::Delivered => DeliveryState::Delivered,
            Self::Dead => DeliveryState::Dead,
            Self::Resent => DeliveryState::Resent,
        }
    }
}

/// A stored URL; none is `-`, or missing.
pub(super) fn wire_url(stored: Option<&str>) -> Result<Option<WebhookUrl>, StoreError> {
    let url = stored.filter(|url| *url != "-").map(str::parse).transpose();
    url.map_err(|error| StoreError::Corrupt(format!("a stored URL cannot be read: {error}")))
}

/// Endpoint and delivery, and the attempt's JSON. An endpoint's id may hold spaces; JSON begins with a brace.
fn split_attempt(stored: &str) -> Option<(&str, &str)> {
    stored.find(" {").map(|at| (&stored[..at], &stored[at + 1..]))
}

/// Delivery and resend, as they stand behind the endpoint.
fn numbers(text: &str) -> Option<(u64, u32)> {
    match text.split_once('.') {
        None => Some((text.parse().ok()?, 0)),
        Some((delivery, resend)) => Some((delivery.parse().ok()?, resend.parse().ok()?)),
    }
}

fn record(place: &str, stored: &str) -> Result<DeliveryRecord, StoreError> {
    let mut parts = stored.split(' ');
    let mut parsed = || {
        let (endpoint, delivery) = place.rsplit_once('/')?;
        let (delivery, resend) = numbers(delivery)?;
        let event = parts.next()?.parse().ok()?;
        let word = parts.next()?;
        let state = STATES.into_iter().find(|state| state.word() == word)?.state();
        let at = Timestamp::from_millis(parts.next().map_or(Some(0.0), |at| at.parse::<f64>().ok())? as i64);
        // Some were written with the cursor's name.
        let endpoint = endpoint.parse::<CursorName>().ok()?.endpoint().clone();
        Some(DeliveryRecord { endpoint, delivery, resend, event, state, at, url: None, attempts: Vec::new() })
    };
    let record = parsed().ok_or_else(|| strange(&(place, "a delivery that cannot be read")))?;
    Ok(DeliveryRecord { url: wire_url(parts.next())?, ..record })
}

/// Where the delivery that a cursor makes again is stored.
pub(super) fn place_of_resend(name: &CursorName) -> Option<String> {
    let resend = name.resend()?;
    Some(format!("{}/{}.{}", name.endpoint().as_str(), resend.delivery, resend.number))
}

/// When a stored delivery was moved last; none where none is stored, or without a time.
pub(super) fn moved_at(stored: &str) -> Option<Timestamp> {
    let at = stored.split(' ').nth(2)?.parse::<f64>().ok()?;
    Some(Timestamp::from_millis(at as i64))
}

/// A task's deliveries with their attempts, in order.
pub(super) fn gather(
    deliveries: HashMap<String, String>,
    attempts: Vec<String>,
) -> Result<Vec<DeliveryRecord>, StoreError> {
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
    records.sort_by(|one, other| {
        (one.event, one.endpoint.as_str(), one.resend).cmp(&(other.event, other.endpoint.as_str(), other.resend))
    });
    Ok(records)
}

/// Where a delivery is listed, and as what: its endpoint and the name there, which sorts as its numbers do.
fn listed_as(task: TaskId, place: &str) -> Option<(EndpointId, String)> {
    let (endpoint, delivery) = place.rsplit_once('/')?;
    let (delivery, resend) = numbers(delivery)?;
    let endpoint = endpoint.parse::<CursorName>().ok()?.endpoint().clone();
    (endpoint != EndpointId::of_task()).then(|| (endpoint, format!("{task}/{delivery:06}.{resend:03}")))
}

/// An item of a list: its time, and `TASK/DELIVERY.RESEND` as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    at: i64,
    member: String,
}

impl Place {
    /// A cursor of [`RedisStore::page_of_deliveries`].
    fn parse(cursor: &str) -> Option<Self> {
        let (at, member) = cursor.split_once('.')?;
        let place = Self { at: at.parse().ok()?, member: member.to_owned() };
        place.delivery().map(|_| place)
    }

    fn delivery(&self) -> Option<(TaskId, u64, u32)> {
        let (task, delivery) = self.member.split_once('/')?;
        let (delivery, resend) = numbers(delivery)?;
        Some((task.parse().ok()?, delivery, resend))
    }
}

impl RedisStore {
    /// Lists that a task's deliveries may stand in, and the names there.
    pub(super) async fn listed(&self, task: TaskId) -> Result<(Vec<String>, Vec<String>), StoreError> {
        let mut fields = redis::cmd("HKEYS");
        fields.arg(self.keys.deliveries(task));
        let places: Vec<String> = self.redis.query(&fields).await?;
        let (endpoints, members): (Vec<_>, Vec<_>) = places.iter().filter_map(|place| listed_as(task, place)).unzip();
        let mut lists: Vec<_> =
            endpoints.iter().flat_map(|endpoint| self.lists(self.bucket(task), endpoint, STATES)).collect();
        lists.sort();
        lists.dedup();
        Ok((lists, members))
    }

    /// What is behind [`morag_core::ports::Deliveries::endpoint_deliveries`]: by the time of the last move, those of one time by
    /// task and number. A cursor that this store did not give out finds nothing.
    pub(super) async fn page_of_deliveries(
        &self,
        filter: &DeliveryFilter,
    ) -> Result<Page<EndpointDelivery>, StoreError> {
        let limit = filter.limit.clamp(1, PAGE_MAX);
        let nothing = Page { items: Vec::new(), next_cursor: None };
        let before = match filter.cursor.as_deref().map(Place::parse) {
            None => None,
            Some(Some(place)) => Some(place),
            Some(None) => return Ok(nothing),
        };
        if filter.endpoint == EndpointId::of_task() {
            return Ok(nothing);
        }
        let states: Vec<_> =
            STATES.into_iter().filter(|state| filter.state.is_none_or(|wanted| wanted == state.state())).collect();
        let latest = before.as_ref().map_or_else(|| "+inf".to_owned(), |place| place.at.to_string());
        let earliest = filter.since.map_or_else(|| "-inf".to_owned(), |since| since.as_millis().to_string());
        let buckets: Vec<_> = Bucket::all().collect();
        let read = |source: usize, offset, count| {
            let lists = states
                .iter()
                .map(|state| self.keys.of_endpoint(buckets[source], state.word(), filter.endpoint.as_str()))
                .collect();
            let call = scripts::ENDPOINT_PAGE.on([]).and_on(lists).arg("").arg(&latest).arg(&earliest);
            async move {
                let found: Vec<(String, f64)> = self.redis.call(call.arg(offset).arg(count)).await?;
                Ok(found.into_iter().map(|(member, at)| Place { at: at as i64, member }).collect())
            }
        };
        // Those of the cursor's own time come again: the page grows until it is full or all are read.
        let mut asked = limit + 1;
        let mut places = loop {
            let found: Vec<Place> = greatest(buckets.len(), asked, read).await?;
            let all = found.len() < asked;
            let after: Vec<_> =
                found.into_iter().filter(|place| before.as_ref().is_none_or(|before| place < before)).collect();
            if all || after.len() > limit {
                break after;
            }
            asked *= 2;
        };
        let next_cursor =
            (places.len() > limit).then(|| format!("{}.{}", places[limit - 1].at, places[limit - 1].member));
        places.truncate(limit);
        let items = stream::iter(places.into_iter().map(|place| self.endpoint_delivery(place, &filter.endpoint)));
        let items: Vec<_> = items.buffered(super::due_queue::AT_ONCE).try_collect().await?;
        // One whose task has expired is left out.
        Ok(Page { items: items.into_iter().flatten().collect(), next_cursor })
    }

    async fn endpoint_delivery(
        &self,
        place: Place,
        endpoint: &EndpointId,
    ) -> Result<Option<EndpointDelivery>, StoreError> {
        let (task, delivery, resend) = place.delivery().ok_or_else(|| strange(&place))?;
        let field = match resend {
            0 => format!("{}/{delivery}", endpoint.as_str()),
            _ => format!("{}/{delivery}.{resend}", endpoint.as_str()),
        };
        let mut get = redis::cmd("HGET");
        get.arg(self.keys.deliveries(task)).arg(&field);
        let stored: Option<String> = self.redis.query(&get).await?;
        stored.map(|stored| Ok(EndpointDelivery { task, record: record(&field, &stored)? })).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_before_can_be_read() {
        let old = record("task/3", "7 dead").unwrap();
        assert_eq!((old.endpoint.as_str(), old.delivery, old.resend, old.event), ("task", 3, 0, 7));
        assert_eq!((old.state, old.at.as_millis(), old.url), (DeliveryState::Dead, 0, None));
        let new = record("ep_a/3.2", "7 resent 1769853600000 https://example.com/x").unwrap();
        assert_eq!((new.endpoint.as_str(), new.delivery, new.resend, new.event), ("ep_a", 3, 2, 7));
        assert_eq!((new.state, new.at.as_millis()), (DeliveryState::Resent, 1_769_853_600_000));
        assert_eq!(new.url.map(String::from).as_deref(), Some("https://example.com/x"));
        for (place, stored) in [("x", "1 dead"), ("a/x", "1 dead"), ("a/1", "1"), ("a/1", "1 odd"), ("a/1", "x dead 5")]
        {
            assert!(record(place, stored).is_err(), "{place} {stored}");
        }
    }

    #[test]
    fn a_place_is_read_as_it_is_given_out() {
        let task = TaskId::random();
        let (endpoint, member) = listed_as(task, "ep_a/12.3").unwrap();
        assert_eq!((endpoint.as_str(), &member), ("ep_a", &format!("{task}/000012.003")));
        let place = Place::parse(&format!("5.{member}")).unwrap();
        assert_eq!((place.at, place.delivery()), (5, Some((task, 12, 3))));
        assert_eq!(listed_as(task, "task/1"), None);
        for strange in ["", "5", "5.x", "x.y/1.1", "5.y/1.1"] {
            assert_eq!(Place::parse(strange), None, "{strange}");
        }
    }
}
