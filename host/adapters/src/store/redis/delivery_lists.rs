//! Lists of the deliveries of named endpoints: for each bucket, endpoint and state a sorted set by the time of the last move.

use super::delivery_records::{numbers, record, state_word};
use super::keys::{AT_ONCE, Bucket};
use super::list_position::ListPosition;
use super::merge::greatest_below;
use super::scripts;
use super::store::RedisStore;
use super::values::unexpected_reply;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use morag_core::ports::{DeliveryFilter, DeliveryState, EndpointDelivery, Page, StoreError};
use morag_core::task::TaskId;
use morag_core::webhook::{CursorName, EndpointId};

/// Items of a page at most, even where more are asked for: it limits what one answer holds in memory.
const PAGE_MAX: usize = 1000;

/// The endpoint whose lists a delivery is in, and its member there, which sorts as its numbers do.
fn listed_as(task: TaskId, field: &str) -> Option<(EndpointId, String)> {
    let (endpoint, delivery) = field.rsplit_once('/')?;
    let (delivery, resend) = numbers(delivery)?;
    let endpoint = endpoint.parse::<CursorName>().ok()?.endpoint().clone();
    (endpoint != EndpointId::of_task()).then(|| (endpoint, format!("{task}/{delivery:06}.{resend:03}")))
}

/// The delivery at a position: its member is `TASK/DELIVERY.RESEND`.
fn delivery_at(position: &ListPosition) -> Option<(TaskId, u64, u32)> {
    let (task, delivery) = position.member.split_once('/')?;
    let (delivery, resend) = numbers(delivery)?;
    Some((task.parse().ok()?, delivery, resend))
}

/// The position of a cursor of [`RedisStore::page_of_deliveries`].
fn position_of(cursor: &str) -> Option<ListPosition> {
    ListPosition::parse(cursor).filter(|position| delivery_at(position).is_some())
}

impl RedisStore {
    /// The lists of an endpoint's deliveries in these states; none for tasks' own endpoints.
    pub(super) fn lists<const N: usize>(
        &self,
        bucket: Bucket,
        endpoint: &EndpointId,
        states: [DeliveryState; N],
    ) -> Vec<String> {
        if *endpoint == EndpointId::of_task() {
            return Vec::new();
        }
        states.iter().map(|state| self.keys.of_endpoint(bucket, state_word(*state), endpoint.as_str())).collect()
    }

    /// The lists that may have a task's deliveries, and their members there.
    pub(super) async fn listed(&self, task: TaskId) -> Result<(Vec<String>, Vec<String>), StoreError> {
        let mut fields = redis::cmd("HKEYS");
        fields.arg(self.keys.deliveries(task));
        let fields: Vec<String> = self.redis.query(&fields).await?;
        let (endpoints, members): (Vec<_>, Vec<_>) = fields.iter().filter_map(|field| listed_as(task, field)).unzip();
        let lists = endpoints.iter().flat_map(|endpoint| self.lists(Bucket::of(task), endpoint, DeliveryState::ALL));
        let mut lists: Vec<_> = lists.collect();
        lists.sort();
        lists.dedup();
        Ok((lists, members))
    }

    /// Implements [`morag_core::ports::Deliveries::endpoint_deliveries`]: by the time of the last move, those of one time by task and
    /// number. A cursor that this store has not returned finds nothing.
    pub(super) async fn page_of_deliveries(
        &self,
        filter: &DeliveryFilter,
    ) -> Result<Page<EndpointDelivery>, StoreError> {
        let limit = filter.limit.clamp(1, PAGE_MAX);
        let nothing = Page { items: Vec::new(), next_cursor: None };
        let before = match filter.cursor.as_deref().map(position_of) {
            None => None,
            Some(Some(position)) => Some(position),
            Some(None) => return Ok(nothing),
        };
        if filter.endpoint == EndpointId::of_task() {
            return Ok(nothing);
        }
        let states = DeliveryState::ALL.into_iter().filter(|state| filter.state.is_none_or(|wanted| wanted == *state));
        let states: Vec<_> = states.map(state_word).collect();
        let latest = ListPosition::latest(before.as_ref());
        let earliest = filter.since.map_or_else(|| "-inf".to_owned(), |since| since.as_millis().to_string());
        let buckets: Vec<_> = Bucket::all().collect();
        let read = |source: usize, offset, count| {
            let list = |state: &&str| self.keys.of_endpoint(buckets[source], state, filter.endpoint.as_str());
            let (lists, latest, earliest) = (states.iter().map(list).collect(), latest.clone(), earliest.clone());
            let call = scripts::EndpointPage { lists, latest, earliest, offset, count };
            async move {
                let found: Vec<(String, f64)> = self.redis.call(call).await?;
                Ok(found.into_iter().map(ListPosition::of).collect())
            }
        };
        let mut positions = greatest_below(buckets.len(), limit, before.as_ref(), read).await?;
        let next_cursor = (positions.len() > limit).then(|| positions[limit - 1].cursor());
        positions.truncate(limit);
        let items = positions.into_iter().map(|position| self.endpoint_delivery(position, &filter.endpoint));
        let items: Vec<_> = stream::iter(items).buffered(AT_ONCE).try_collect().await?;
        // Those of expired tasks are left out.
        Ok(Page { items: items.into_iter().flatten().collect(), next_cursor })
    }

    async fn endpoint_delivery(
        &self,
        position: ListPosition,
        endpoint: &EndpointId,
    ) -> Result<Option<EndpointDelivery>, StoreError> {
        let (task, delivery, resend) = delivery_at(&position).ok_or_else(|| unexpected_reply(&position))?;
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
    fn a_cursor_is_read_as_it_is_returned() {
        let task = TaskId::random();
        let (endpoint, member) = listed_as(task, "ep_a/12.3").unwrap();
        assert_eq!((endpoint.as_str(), &member), ("ep_a", &format!("{task}/000012.003")));
        let position = position_of(&format!("5.{member}")).unwrap();
        assert_eq!((position.at, delivery_at(&position)), (5, Some((task, 12, 3))));
        assert_eq!(position.cursor(), format!("5.{member}"));
        assert_eq!(listed_as(task, "task/1"), None);
        for unexpected in ["", "5", "5.x", "x.y/1.1", "5.y/1.1"] {
            assert_eq!(position_of(unexpected), None, "{unexpected}");
        }
    }
}
