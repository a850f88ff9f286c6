//! All events in one order: a stream a bucket, merged by the time that the server gave each entry.
//!
//! A script that adds to a stream takes an id of its own time or later, so the entries of a millisecond are settled once the
//! bucket's node has a later one. A page holds nothing of a time that is not settled in every bucket: what a clock ahead of
//! the others has written waits until they have caught up. So the order (time, task, sequence) never changes once it was
//! read, as long as no node's clock goes back; after a failover to a node whose clock is behind, events of that
//! difference come in a bucket's stream in order, but may be passed by readers of all buckets.

use super::commit::FEED_MAX;
use super::due_queue::AT_ONCE;
use super::keys::{BUCKETS, Bucket};
use super::pages::EVENTS_AT_ONCE;
use super::records::Kept;
use super::scripts;
use super::store::{RedisStore, from_json, strange};
use async_trait::async_trait;
use futures::StreamExt as _;
use futures::stream::{self, TryStreamExt as _};
use morag_core::ports::{FEED_BYTES_MAX, Feed, FeedItem, FeedNext, FeedPage, FeedPosition, FeedWatch, StoreError};
use morag_core::{PageBudget, tree_bytes};
use redis::{FromRedisValue as _, Value};
use std::time::Duration;

/// Events in a page, whatever was asked for: what one answer may hold in memory.
const PAGE_MAX: usize = 1000;

/// Entries read of each bucket at first: together a page of the largest size, where events are spread evenly.
const ENTRIES_MIN: usize = 8;

/// A position that is further ahead of the servers' time than this was not read in this store: a clock that is corrected
/// goes back by less.
const AHEAD_MAX: Duration = Duration::from_secs(10);

/// Pause before who watches is told, in a Cluster: a look is a call a bucket there, and at ten a second they take a few
/// hundredths of a core.
const CLUSTER_PAUSE: Duration = Duration::from_millis(100);

/// What was read of all buckets.
struct Read {
    /// The smallest time of a node, less one: nothing that is added later has this time or an earlier one.
    now: u64,
    /// Until when nothing is missing among the entries.
    settled: u64,
    /// Whether a bucket had more entries than were asked for.
    more: bool,
    /// Whether entries before may be gone.
    gap: bool,
    entries: Vec<FeedPosition>,
}

impl Read {
    fn merge(parts: Vec<Self>) -> Self {
        let none = Self { now: u64::MAX, settled: u64::MAX, more: false, gap: false, entries: Vec::new() };
        parts.into_iter().fold(none, |mut all, mut part| {
            all.now = all.now.min(part.now);
            all.settled = all.settled.min(part.settled);
            all.more |= part.more;
            all.gap |= part.gap;
            all.entries.append(&mut part.entries);
            all
        })
    }

    /// What a script answered that was asked for so many entries a bucket.
    fn parse(answer: Vec<Value>, count: usize) -> Option<Self> {
        let mut answer = answer.into_iter();
        let now = text(answer.next()?)?.parse::<u64>().ok()?.saturating_sub(1);
        let gap = text(answer.next()?)? == "1";
        let mut read = Self { now, settled: now, more: false, gap, entries: Vec::new() };
        for bucket in answer {
            let found = Vec::<String>::from_redis_value(bucket).ok()?;
            for pair in found.chunks_exact(2) {
                read.entries.push(entry(&pair[0], &pair[1])?);
            }
            // More of the last one's time may be left.
            if found.len() >= 2 * count {
                read.more = true;
                let last = read.entries.last()?.moment();
                read.settled = read.settled.min(last.saturating_sub(1));
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
        let arguments = |call: super::link::Call<'static>| {
            call.arg(from).arg(count).arg(self.options.history_kept.as_millis()).arg(FEED_MAX)
        };
        let parse = |answer: Vec<Value>| {
            let shown = answer.len();
            Read::parse(answer, count).ok_or_else(|| strange(&format!("{shown} parts of a feed")))
        };
        if !self.redis.is_cluster() {
            // One call instead of as many as there are buckets.
            let keys: [String; BUCKETS] = std::array::from_fn(|bucket| self.keys.feed(Bucket(bucket as u8)));
            return parse(self.redis.call(arguments(scripts::FEED.on(keys))).await?);
        }
        let read = |bucket| async move {
            parse(self.redis.call(arguments(scripts::FEED.on([self.keys.feed(bucket)]))).await?)
        };
        let parts = stream::iter(Bucket::all().map(read)).buffer_unordered(AT_ONCE).try_collect().await?;
        Ok(Read::merge(parts))
    }

    /// An event's text, and its task's record where it is not kept here.
    async fn feed_texts(&self, position: FeedPosition) -> Result<Option<(String, Stored)>, StoreError> {
        let (task, sequence) = position.event().ok_or_else(|| strange(&position))?;
        let mut get = redis::cmd("LINDEX");
        get.arg(self.keys.history(task)).arg(-i64::try_from(sequence).unwrap_or(i64::MAX));
        let event: Option<String> = self.redis.query(&get).await?;
        let Some(event) = event else { return Ok(None) };
        if let Some(kept) = self.records.get(task) {
            return Ok(Some((event, Stored::Kept(kept))));
        }
        let mut get = redis::cmd("HGET");
        get.arg(self.keys.task(task)).arg("record");
        let record: Option<String> = self.redis.query(&get).await?;
        // Where the task has expired, both are gone.
        Ok(record.map(|record| (event, Stored::Text(record))))
    }

    /// The events at these places, as many as one page takes; none for those whose tasks have expired. Says which place was the
    /// last, where there is no room for all.
    async fn feed_items(&self, places: Vec<FeedPosition>) -> Result<(Vec<FeedItem>, Option<FeedPosition>), StoreError> {
        let (mut items, mut last, mut budget) = (Vec::new(), None, PageBudget::new(FEED_BYTES_MAX));
        let texts =
            places.into_iter().map(|place| async move { Ok::<_, StoreError>((place, self.feed_texts(place).await?)) });
        let mut texts = stream::iter(texts).buffered(EVENTS_AT_ONCE);
        while let Some((position, found)) = texts.try_next().await? {
            if let Some((event, record)) = found {
                // The bodies that are made of the items have the record's metadata in them, each its own.
                if !budget.takes(tree_bytes(&event).saturating_add(record.bytes())) {
                    return Ok((items, last));
                }
                let record = match record {
                    Stored::Kept(kept) => kept.record,
                    Stored::Text(text) => self.records.keep(&text)?,
                };
                items.push(FeedItem { position, record, event: from_json(&event)? });
            }
            last = Some(position);
        }
        Ok((items, None))
    }
}

/// A record as it was found.
enum Stored {
    Kept(Kept),
    Text(String),
}

impl Stored {
    /// Its length as text.
    fn bytes(&self) -> usize {
        match self {
            Self::Kept(kept) => kept.bytes,
            Self::Text(text) => text.len(),
        }
    }
}

#[async_trait]
impl Feed for RedisStore {
    async fn tail(&self) -> Result<FeedPosition, StoreError> {
        // From the end of time on there is nothing: only the servers' times are told.
        Ok(FeedPosition::after_all_of(self.read_feeds(u64::MAX, 1).await?.now))
    }

    async fn since(&self, position: FeedPosition, limit: usize) -> Result<FeedPage, StoreError> {
        let limit = limit.clamp(1, PAGE_MAX);
        let mut count = ENTRIES_MIN;
        let (read, mut places) = loop {
            let read = self.read_feeds(position.moment(), count).await?;
            let settled = FeedPosition::after_all_of(read.settled);
            let places: Vec<_> =
                read.entries.iter().copied().filter(|place| *place > position && *place <= settled).collect();
            // A bucket may have more entries of one time than were asked for.
            if places.is_empty() && settled <= position && read.more {
                count *= 2;
                continue;
            }
            break (read, places);
        };
        let ahead = u64::try_from(AHEAD_MAX.as_millis()).unwrap_or(u64::MAX);
        if position.moment() > read.now.saturating_add(ahead) {
            let position = FeedPosition::after_all_of(read.now);
            return Ok(FeedPage { items: Vec::new(), position, gap: true, next: FeedNext::OnChange });
        }
        places.sort_unstable();
        let full = places.len() > limit;
        places.truncate(limit);
        let held = read.entries.iter().map(|place| place.moment()).filter(|moment| *moment > read.settled).min();
        let next = match held {
            _ if full || read.more => FeedNext::Now,
            Some(moment) => FeedNext::After(Duration::from_millis(moment - read.settled)),
            None => FeedNext::OnChange,
        };
        let reached = match places.last() {
            Some(last) if full => *last,
            _ => position.max(FeedPosition::after_all_of(read.settled)),
        };
        let (items, cut) = self.feed_items(places).await?;
        let (position, next) = cut.map_or((reached, next), |last| (last, FeedNext::Now));
        Ok(FeedPage { items, position, gap: read.gap, next })
    }

    fn watch(&self) -> Box<dyn FeedWatch> {
        let pause = if self.redis.is_cluster() { CLUSTER_PAUSE } else { Duration::ZERO };
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
    fn what_may_still_get_company_is_not_settled() {
        let event = format!("{TASK}/3");
        let one: &[(&str, &str)] = &[("7-0", &event)];
        let two: &[(&str, &str)] = &[("5-0", &event), ("6-2", &event)];
        let read = Read::parse(answer("9", &[one, two]), 3).unwrap();
        assert_eq!((read.now, read.settled, read.more, read.entries.len()), (8, 8, false, 3));
        // Both buckets are cut off: of the second's time 6 more may be left.
        let read = Read::parse(answer("9", &[one, two]), 2).unwrap();
        assert_eq!((read.now, read.settled, read.more), (8, 5, true));
        let slow = Read::parse(answer("4", &[]), 2).unwrap();
        let merged = Read::merge(vec![read, slow]);
        assert_eq!((merged.now, merged.settled, merged.more, merged.entries.len()), (3, 3, true, 3));
    }

    #[test]
    fn a_strange_answer_is_refused() {
        assert!(Read::parse(Vec::new(), 1).is_none());
        for strange in ["", "x/1", TASK, &format!("{TASK}/"), &format!("{TASK}/x")] {
            assert!(Read::parse(answer("9", &[&[("7-0", strange)]]), 1).is_none(), "{strange}");
        }
        assert!(Read::parse(answer("9", &[&[("7", &format!("{TASK}/1"))]]), 1).is_none());
        assert!(Read::parse(answer("x", &[]), 1).is_none());
    }
}
