//! Pages of lists, merged from all buckets. A cursor that this store has not returned finds nothing.

use super::keys::{AT_ONCE, Bucket, Keys, STATUSES};
use super::list_position::ListPosition;
use super::merge::{greatest, greatest_below};
use super::scripts;
use super::store::RedisStore;
use super::values::{from_json, unexpected_reply};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use morag_core::ports::{ListFilter, Page, RecentEvent, StoreError, TaskSummary};
use morag_core::task::{StatusWord, TaskId, TenantId};
use morag_core::{PAGE_BYTES_MAX, PageBudget, Timestamp, tree_bytes};

/// Items of a page at most, even where more are asked for: it limits what one answer holds in memory.
const PAGE_MAX: usize = 1000;

/// Events of a page that are read in parallel: each may have some 300 KiB, which count only once it is read.
pub(super) const EVENTS_AT_ONCE: usize = 8;

fn empty<T>() -> Page<T> {
    Page { items: Vec::new(), next_cursor: None }
}

/// The event at a position: its member is `TASK/SEQUENCE`.
fn event_at(position: &ListPosition) -> Option<(TaskId, i64)> {
    let (task, sequence) = position.member.split_once('/')?;
    let sequence = sequence.parse().ok().filter(|sequence| *sequence > 0)?;
    Some((task.parse().ok()?, sequence))
}

/// The position of a cursor of [`RedisStore::page_of_events`].
fn position_of(cursor: &str) -> Option<ListPosition> {
    ListPosition::parse(cursor).filter(|position| event_at(position).is_some())
}

impl RedisStore {
    /// Members of a sorted set with their scores, the highest score first.
    async fn falling(
        &self,
        key: String,
        (highest, lowest): (String, String),
        (offset, count): (usize, usize),
    ) -> Result<Vec<(String, f64)>, StoreError> {
        let mut range = redis::cmd("ZRANGE");
        range
            .arg(key)
            .arg(highest)
            .arg(lowest)
            .arg(&["BYSCORE", "REV", "LIMIT"])
            .arg(offset)
            .arg(count)
            .arg("WITHSCORES");
        self.redis.query(&range).await
    }

    /// Implements [`morag_core::ports::Tasks::list`].
    pub(super) async fn page_of_tasks(&self, filter: &ListFilter) -> Result<Page<TaskSummary>, StoreError> {
        let limit = filter.limit.clamp(1, PAGE_MAX);
        let below = match filter.cursor.as_deref().map(str::parse::<i64>) {
            None => "+inf".to_owned(),
            Some(Ok(number)) => format!("({number}"),
            Some(Err(_)) => return Ok(empty()),
        };
        let statuses: Vec<_> = STATUSES.into_iter().filter(|word| filter.statuses.contains(word)).collect();
        let sources: Vec<String> = match statuses.is_empty() {
            true => Bucket::all().map(|bucket| Keys::of_tenant(self.keys.tasks(bucket), &filter.tenant)).collect(),
            false => Bucket::all()
                .flat_map(|bucket| statuses.iter().map(move |status| self.keys.in_status(bucket, *status)))
                .map(|list| Keys::of_tenant(list, &filter.tenant))
                .collect(),
        };
        let read = |source: usize, offset, count| {
            let (key, range) = (sources[source].clone(), (below.clone(), "-inf".to_owned()));
            async move {
                let found = self.falling(key, range, (offset, count)).await?;
                Ok(found.into_iter().map(|(task, number)| (number as i64, task)).collect())
            }
        };
        let mut found = greatest(sources.len(), limit + 1, read).await?;
        let next_cursor = (found.len() > limit).then(|| found[limit - 1].0.to_string());
        found.truncate(limit);
        let summaries = stream::iter(found.into_iter().map(|(_, task)| async move { self.summary(&task).await }));
        let summaries: Vec<_> = summaries.buffered(AT_ONCE).try_collect().await?;
        // A task that has expired since it was listed is left out.
        Ok(Page { items: summaries.into_iter().flatten().collect(), next_cursor })
    }

    /// The same as a fold of the log ([`morag_core::task::TaskStatus`]), without reading the log or the whole record.
    async fn summary(&self, task: &str) -> Result<Option<TaskSummary>, StoreError> {
        let task: TaskId = task.parse().map_err(|_| unexpected_reply(&task))?;
        let mut get = redis::cmd("HMGET");
        get.arg(self.keys.task(task)).arg(&["summary", "status", "progress", "live", "running"]);
        let fields: Vec<Option<String>> = self.redis.query(&get).await?;
        let [stored, Some(status), Some(progress), Some(live), Some(running)] = fields.as_slice() else {
            return Ok(None);
        };
        let Some(accepted) = self.record_summary(task, stored.as_deref()).await? else { return Ok(None) };
        let status: StatusWord = status.parse().map_err(|()| unexpected_reply(status))?;
        let number = |text: &String| text.parse::<f64>().map_err(|_| unexpected_reply(text));
        let running = Some(running.as_str()).filter(|_| !status.is_ended());
        let progress_percent = accepted.progress_percent(number(progress)?, number(live)?, running);
        Ok(Some(TaskSummary { task, accepted, status, progress_percent }))
    }

    /// Implements [`morag_core::ports::Tasks::counts`], for every tenant that has had a task.
    pub(super) async fn count_all_tasks(&self) -> Result<Vec<(StatusWord, u64)>, StoreError> {
        let names: Vec<String> = self.redis.query(redis::cmd("SMEMBERS").arg(self.keys.tenants())).await?;
        let mut tenants = vec![TenantId::default()];
        for name in names {
            tenants.push(name.parse().map_err(|_| unexpected_reply(&name))?);
        }
        self.count_tasks(&tenants).await
    }

    /// The tasks of some tenants together.
    pub(super) async fn count_tasks(&self, tenants: &[TenantId]) -> Result<Vec<(StatusWord, u64)>, StoreError> {
        let count = |bucket| async move {
            let of = |tenant| STATUSES.map(|status| Keys::of_tenant(self.keys.in_status(bucket, status), tenant));
            let call = scripts::Counts { lists: tenants.iter().flat_map(of).collect() };
            self.redis.call::<Vec<u64>>(call).await
        };
        let mut counts = stream::iter(Bucket::all().map(count)).buffer_unordered(AT_ONCE);
        let mut sums = STATUSES.map(|status| (status, 0));
        while let Some(counts) = counts.next().await {
            for of_tenant in counts?.chunks(STATUSES.len()) {
                let sums = sums.iter_mut().zip(of_tenant);
                sums.for_each(|((_, sum), count)| *sum = u64::saturating_add(*sum, *count));
            }
        }
        Ok(sums.into())
    }

    /// Implements [`morag_core::ports::Tasks::tenant_of`].
    pub(super) async fn owner(&self, task: TaskId) -> Result<Option<TenantId>, StoreError> {
        let mut get = redis::cmd("HMGET");
        get.arg(self.keys.task(task)).arg(&["status", "tenant"]);
        let (status, own): (Option<String>, Option<String>) = self.redis.query(&get).await?;
        if status.is_none() {
            return Ok(None);
        }
        let name = match own {
            Some(name) => Some(name),
            // A task of the default tenant, or of a version whose tasks did not say it themselves.
            None => {
                let mut get = redis::cmd("HGET");
                get.arg(self.keys.owners(Bucket::of(task))).arg(task.to_string());
                self.redis.query(&get).await?
            }
        };
        match name {
            None => Ok(Some(TenantId::default())),
            Some(name) => name.parse().map(Some).map_err(|_| unexpected_reply(&name)),
        }
    }

    /// Implements [`morag_core::ports::Tasks::recent`]: by the events' time, those of one time by task and sequence.
    pub(super) async fn page_of_events(
        &self,
        tenant: &TenantId,
        since: Timestamp,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<RecentEvent>, StoreError> {
        let limit = limit.clamp(1, PAGE_MAX);
        let before = match cursor.map(position_of) {
            None => None,
            Some(Some(position)) => Some(position),
            Some(None) => return Ok(empty()),
        };
        let range = (ListPosition::latest(before.as_ref()), since.as_millis().to_string());
        let buckets: Vec<_> = Bucket::all().collect();
        let read = |source: usize, offset, count| {
            let (key, range) = (Keys::of_tenant(self.keys.recent(buckets[source]), tenant), range.clone());
            async move {
                let found = self.falling(key, range, (offset, count)).await?;
                Ok(found.into_iter().map(ListPosition::of).collect())
            }
        };
        let mut positions = greatest_below(buckets.len(), limit, before.as_ref(), read).await?;
        let mut cut = positions.len() > limit;
        positions.truncate(limit);
        let (mut items, mut last, mut budget) = (Vec::new(), None, PageBudget::new(PAGE_BYTES_MAX));
        let texts = positions.into_iter().map(|position| async move {
            let found = self.event_text(&position).await?;
            Ok::<_, StoreError>((position, found))
        });
        let mut texts = stream::iter(texts).buffered(EVENTS_AT_ONCE);
        while let Some((position, found)) = texts.try_next().await? {
            // Events of expired tasks are left out.
            if let Some((task, event)) = found {
                if !budget.takes(tree_bytes(&event)) {
                    cut = true;
                    break;
                }
                items.push(RecentEvent { task, event: from_json(&event)? });
            }
            last = Some(position);
        }
        let next_cursor = last.filter(|_| cut).map(|position| position.cursor());
        Ok(Page { items, next_cursor })
    }

    async fn event_text(&self, position: &ListPosition) -> Result<Option<(TaskId, String)>, StoreError> {
        let (task, sequence) = event_at(position).ok_or_else(|| unexpected_reply(position))?;
        let mut get = redis::cmd("LINDEX");
        get.arg(self.keys.history(task)).arg(-sequence);
        let event: Option<String> = self.redis.query(&get).await?;
        Ok(event.map(|event| (task, event)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_begin_at_1() {
        let task = TaskId::random();
        let position = |sequence: &str| ListPosition { at: 5, member: format!("{task}/{sequence}") };
        assert_eq!(event_at(&position("3")), Some((task, 3)));
        assert_eq!(position_of(&position("3").cursor()), Some(position("3")));
        for unexpected in ["0", "-1", "-9223372036854775808", "9223372036854775808", "x", ""] {
            assert_eq!(event_at(&position(unexpected)), None, "{unexpected}");
            assert_eq!(position_of(&format!("5.{task}/{unexpected}")), None, "{unexpected}");
        }
    }
}
