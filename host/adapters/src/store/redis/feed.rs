//! All events in one order: a stream for each bucket, merged by the time that the server gave each entry.
//!
//! A script that adds to a stream uses an id of its own time or later, so the entries of a millisecond are complete once the bucket's
//! node has a later time. A page has no entries of a time that is not complete in every bucket: entries that a node with a fast clock
//! has written wait until the other nodes have caught up. So the order (time, task, sequence) never changes once it was read, as long
//! as no node's clock goes back. After a failover to a node whose clock is behind, the events of that difference are in order in their
//! bucket's stream, but readers of all buckets may have passed them.

use super::keys::{AT_ONCE, Bucket, FEED_MAX};
use super::pages::EVENTS_AT_ONCE;
use super::record_cache::CachedRecord;
use super::scripts;
use super::store::RedisStore;
use super::values::{from_json, unexpected_reply};
use crate::store::feed_damage;
use async_trait::async_trait;
use futures::StreamExt as _;
use futures::stream::{self, TryStreamExt as _};
use morag_core::ports::{FEED_BYTES_MAX, Feed, FeedItem, FeedNext, FeedPage, FeedPosition, FeedWatch, StoreError};
use morag_core::{PageBudget, tree_bytes};
use redis::{FromRedisValue as _, Value};
use std::time::Duration;

/// Events of a page at most, even where more are asked for: it limits what one answer holds in memory.
const PAGE_MAX: usize = 1000;

/// Entries read of each bucket at first: where events are spread evenly, that is a page of the largest size.
const ENTRIES_MIN: usize = 8;

/// A position that is further ahead of the servers' time than this was not read from this store: a clock that is corrected goes back
/// by less.
const AHEAD_MAX: Duration = Duration::from_secs(10);

/// Pause before watchers are notified, in a Cluster: a read is one call for each bucket there, and ten reads a second take a few
/// hundredths of a core.
const CLUSTER_PAUSE: Duration = Duration::from_millis(100);

/// What was read from the feeds.
struct Read {
    /// The earliest time of a node, less one: nothing that is added later has this time or an earlier one.
    now: u64,
    /// Up to this time the entries are complete.
    complete_to: u64,
    /// Whether a bucket had more entries than were asked for.
    more: bool,
    /// Whether earlier entries may be missing.
    gap: bool,
    entries: Vec<FeedPosition>,
}

impl Read {
    fn merge(parts: Vec<Self>) -> Self {
        let none = Self { now: u64::MAX, complete_to: u64::MAX, more: false, gap: false, entries: Vec::new() };
        parts.into_iter().fold(none, |mut all, mut part| {
            all.now = all.now.min(part.now);
            all.complete_to = all.complete_to.min(part.complete_to);
            all.more |= part.more;
            all.gap |= part.gap;
            all.entries.append(&mut part.entries);
            all
        })
    }

    /// The answer of a script that was asked for `count` entries of each bucket.
    fn parse(answer: Vec<Value>, count: usize) -> Option<Self> {
        let mut answer = answer.into_iter();
        let now = text(answer.next()?)?.parse::<u64>().ok()?.saturating_sub(1);
        let gap = text(answer.next()?)? == "1";
        let mut read = Self { now, complete_to: now, more: false, gap, entries: Vec::new() };
        for bucket in answer {
            let found = Vec::<String>::from_redis_value(bucket).ok()?;
            for pair in found.chunks_exact(2) {
                read.entries.push(entry(&pair[0], &pair[1])?);
            }
            // There may be more entries of the last one's time.
            if found.len() >= 2 * count {
                read.more = true;
                let last = read.entries.last()?.moment();
                read.complete_to = read.complete_to.min(last.saturating_sub(1));
            }
        }
        Some(read)
    }
}

fn text(value: Value) -> Option<String> {
    String::from_redis_value(value).ok()
}

/// A stream's entry: `MILLISECONDS-NUMBER` and `TASK/SEQUENCE`.
fn entry(id: &str, event: &str) -> Option<FeedPosition> {
    let ((moment, _), (task, sequence)) = (id.split_once('-')?, event.split_once('/')?);
    Some(FeedPosition::after(moment.parse().ok()?, task.parse().ok()?, sequence.parse().ok()?))
}

impl RedisStore {
    async fn read_feeds(&self, from: u64, count: usize) -> Result<Read, StoreError> {
        let history_kept = self.options.history_kept;
        let call = |feeds| scripts::Feed { feeds, from, count, history_kept, feed_max: FEED_MAX };
        let parse = |answer: Vec<Value>| {
            let parts = answer.len();
            Read::parse(answer, count).ok_or_else(|| unexpected_reply(&format!("{parts} parts of a feed")))
        };
        if !self.redis.connection.is_cluster() {
            // One call instead of one for each bucket.
            let feeds = Bucket::all().map(|bucket| self.keys.feed(bucket)).collect();
            return parse(self.redis.call(call(feeds)).await?);
        }
        let read = |bucket| async move { parse(self.redis.call(call(vec![self.keys.feed(bucket)])).await?) };
        let parts = stream::iter(Bucket::all().map(read)).buffer_unordered(AT_ONCE).try_collect().await?;
        Ok(Read::merge(parts))
    }

    /// An event's text, and its task's record: from the cache, or its text.
    async fn feed_texts(&self, position: FeedPosition) -> Result<Option<(String, Stored)>, StoreError> {
        let (task, sequence) = position.event().ok_or_else(|| unexpected_reply(&position))?;
        let mut get = redis::cmd("LINDEX");
        get.arg(self.keys.history(task)).arg(-i64::try_from(sequence).unwrap_or(i64::MAX));
        let event: Option<String> = self.redis.query(&get).await?;
        let Some(event) = event else { return Ok(None) };
        if let Some(cached) = self.records.get(task) {
            return Ok(Some((event, Stored::Cached(cached))));
        }
        let mut get = redis::cmd("HGET");
        get.arg(self.keys.task(task)).arg("record");
        let record: Option<String> = self.redis.query(&get).await?;
        // An expired task has neither.
        Ok(record.map(|record| (event, Stored::Text(record))))
    }

    /// The events at these positions, as many as fit into one page; none for expired tasks.
    async fn feed_items(&self, positions: Vec<FeedPosition>) -> Result<Items, StoreError> {
        let (mut found, mut last, mut budget) = (Items::default(), None, PageBudget::new(FEED_BYTES_MAX));
        let texts = positions.into_iter().map(|position| async move { (position, self.feed_texts(position).await) });
        let mut texts = stream::iter(texts).buffered(EVENTS_AT_ONCE);
        while let Some((position, read)) = texts.next().await {
            let item = match read {
                Ok(None) => None,
                Ok(Some((event, record))) => {
                    // Each body that is made of an item has its own copy of the record's metadata.
                    let bytes = tree_bytes(&event).saturating_add(record.bytes());
                    if !budget.takes(bytes) {
                        return Ok(Items { cut: last, ..found });
                    }
                    Some(self.feed_item(position, &event, record, bytes))
                }
                Err(error) => Some(Err(error)),
            };
            match item {
                None => {}
                Some(Ok(item)) => found.items.push(item),
                Some(Err(StoreError::Corrupt(error))) => {
                    let (task, sequence) = position.event().unzip();
                    feed_damage::log(task, sequence.unwrap_or(0), &error);
                    found.is_damaged = true;
                }
                Some(Err(error)) => return Err(error),
            }
            last = Some(position);
        }
        Ok(found)
    }

    fn feed_item(
        &self,
        position: FeedPosition,
        event: &str,
        record: Stored,
        bytes: usize,
    ) -> Result<FeedItem, StoreError> {
        let record = match record {
            Stored::Cached(cached) => cached.record,
            Stored::Text(text) => self.records.insert(&text)?,
        };
        Ok(FeedItem { position, record, event: from_json(event)?, bytes })
    }
}

/// The events of a page.
#[derive(Default)]
struct Items {
    items: Vec<FeedItem>,
    /// Where not all fit: the last position that was read.
    cut: Option<FeedPosition>,
    /// Whether some could not be read.
    is_damaged: bool,
}

/// A task's record.
enum Stored {
    Cached(CachedRecord),
    Text(String),
}

impl Stored {
    /// Its length as text.
    fn bytes(&self) -> usize {
        match self {
            Self::Cached(cached) => cached.bytes,
            Self::Text(text) => text.len(),
        }
    }
}

#[async_trait]
impl Feed for RedisStore {
    async fn tail(&self) -> Result<FeedPosition, StoreError> {
        // No entry is that late, so the answer has only the servers' times.
        Ok(FeedPosition::after_all_of(self.read_feeds(u64::MAX, 1).await?.now))
    }

    async fn since(&self, position: FeedPosition, limit: usize) -> Result<FeedPage, StoreError> {
        let limit = limit.clamp(1, PAGE_MAX);
        let mut count = ENTRIES_MIN;
        let (read, mut positions) = loop {
            let read = self.read_feeds(position.moment(), count).await?;
            let complete_to = FeedPosition::after_all_of(read.complete_to);
            let positions: Vec<_> =
                read.entries.iter().copied().filter(|entry| *entry > position && *entry <= complete_to).collect();
            // A bucket may have more entries of one time than were asked for.
            if positions.is_empty() && complete_to <= position && read.more {
                count *= 2;
                continue;
            }
            break (read, positions);
        };
        let ahead = u64::try_from(AHEAD_MAX.as_millis()).unwrap_or(u64::MAX);
        if position.moment() > read.now.saturating_add(ahead) {
            let position = FeedPosition::after_all_of(read.now);
            return Ok(FeedPage { items: Vec::new(), position, gap: true, next: FeedNext::OnChange });
        }
        positions.sort_unstable();
        let full = positions.len() > limit;
        positions.truncate(limit);
        let incomplete =
            read.entries.iter().map(|entry| entry.moment()).filter(|moment| *moment > read.complete_to).min();
        let next = match incomplete {
            _ if full || read.more => FeedNext::Now,
            Some(moment) => FeedNext::After(Duration::from_millis(moment - read.complete_to)),
            None => FeedNext::OnChange,
        };
        let reached = match positions.last() {
            Some(last) if full => *last,
            _ => position.max(FeedPosition::after_all_of(read.complete_to)),
        };
        let Items { items, cut, is_damaged } = self.feed_items(positions).await?;
        let (position, next) = cut.map_or((reached, next), |last| (last, FeedNext::Now));
        Ok(FeedPage { items, position, gap: read.gap || is_damaged, next })
    }

    fn watch(&self) -> Box<dyn FeedWatch> {
        let pause = if self.redis.connection.is_cluster() { CLUSTER_PAUSE } else { Duration::ZERO };
        Box::new(super::feed_watch::watch(self.redis.clone(), self.keys.feed_channel(), pause))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TASK: &str = "7f3c2d0e-9f0b-4b7e-8a39-1f4f5a0c7d11";

    fn answer(now: &str, buckets: &[&[(&str, &str)]]) -> Vec<Value> {
        let text = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        let bucket = |entries: &&[(&str, &str)]| {
            Value::Array(entries.iter().flat_map(|(id, event)| [text(id), text(event)]).collect())
        };
        [text(now), text("0")].into_iter().chain(buckets.iter().map(bucket)).collect()
    }

    #[test]
    fn a_time_that_may_get_more_entries_is_not_complete() {
        let event = format!("{TASK}/3");
        let one: &[(&str, &str)] = &[("7-0", &event)];
        let two: &[(&str, &str)] = &[("5-0", &event), ("6-2", &event)];
        let read = Read::parse(answer("9", &[one, two]), 3).unwrap();
        assert_eq!((read.now, read.complete_to, read.more, read.entries.len()), (8, 8, false, 3));
        // The second bucket is cut off: there may be more entries of its time 6.
        let read = Read::parse(answer("9", &[one, two]), 2).unwrap();
        assert_eq!((read.now, read.complete_to, read.more), (8, 5, true));
        let slow = Read::parse(answer("4", &[]), 2).unwrap();
        let merged = Read::merge(vec![read, slow]);
        assert_eq!((merged.now, merged.complete_to, merged.more, merged.entries.len()), (3, 3, true, 3));
    }

    #[test]
    fn an_unexpected_reply_is_refused() {
        assert!(Read::parse(Vec::new(), 1).is_none());
        for unexpected in ["", "x/1", TASK, &format!("{TASK}/"), &format!("{TASK}/x")] {
            assert!(Read::parse(answer("9", &[&[("7-0", unexpected)]]), 1).is_none(), "{unexpected}");
        }
        assert!(Read::parse(answer("9", &[&[("7", &format!("{TASK}/1"))]]), 1).is_none());
        assert!(Read::parse(answer("x", &[]), 1).is_none());
    }
}
