//! The feed, in memory.

use crate::Memory;
use async_trait::async_trait;
use morag_core::ports::{Feed, FeedItem, FeedNext, FeedPage, FeedPosition, FeedWatch, StoreError};
use morag_core::task::TaskId;
use std::time::Duration;
use tokio::sync::watch;

struct Watch(watch::Receiver<Vec<(TaskId, u64)>>);

#[async_trait]
impl FeedWatch for Watch {
    async fn changed(&mut self, at_most: Duration) {
        let _ = tokio::time::timeout(at_most, self.0.changed()).await;
    }
}

fn at(feed: &[(TaskId, u64)], moment: usize) -> FeedPosition {
    let before = moment.checked_sub(1).and_then(|index| feed.get(index));
    before
        .map_or(FeedPosition::after_all_of(0), |(task, sequence)| FeedPosition::after(moment as u64, *task, *sequence))
}

#[async_trait]
impl Feed for Memory {
    async fn tail(&self) -> Result<FeedPosition, StoreError> {
        let feed = self.feed.borrow();
        Ok(at(&feed, feed.len()))
    }

    async fn since(&self, position: FeedPosition, limit: usize) -> Result<FeedPage, StoreError> {
        let feed = self.feed.borrow().clone();
        let gap = position.moment() > feed.len() as u64;
        let begin = if gap { 0 } else { position.moment() as usize };
        let logs = self.logs.lock().unwrap();
        let item = |(index, (task, sequence)): (usize, &(TaskId, u64))| {
            let log = logs.iter().find(|log| log.record.id == *task).unwrap();
            let event = log.events.iter().find(|event| event.sequence == *sequence).unwrap().clone();
            FeedItem { position: at(&feed, index + 1), record: log.record.clone(), event }
        };
        let items: Vec<_> = feed.iter().enumerate().skip(begin).take(limit).map(item).collect();
        let next = if items.len() == limit { FeedNext::Now } else { FeedNext::OnChange };
        Ok(FeedPage { position: at(&feed, begin + items.len()), items, gap, next })
    }

    fn watch(&self) -> Box<dyn FeedWatch> {
        Box::new(Watch(self.feed.subscribe()))
    }
}
