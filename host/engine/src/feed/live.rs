//! Reads the store's feed while there are subscriptions.

use super::ring::{Happened, News, Ring, Subscription};
use crate::pace::STORE_PAUSE;
use morag_core::ports::{Feed, FeedNext, FeedPage, FeedPosition, FeedWatch, StoreError};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

/// Events read at a time.
const PAGE: usize = 100;

/// Longest time between two reads: how late an event comes whose announcement was lost.
const READ_EVERY: Duration = Duration::from_secs(1);

/// Shortest pause between two reads: events that are committed at about the same time are read together, because a read costs
/// the store more than an event.
const READ_PAUSE: Duration = Duration::from_millis(10);

/// The events of the store as they are committed. Reads the store only while there are subscriptions.
pub struct LiveFeed {
    feed: Arc<dyn Feed>,
    stop: CancellationToken,
    running: Mutex<Option<Arc<Ring>>>,
}

impl LiveFeed {
    /// Reads a feed until `stop`: then subscriptions get no more events.
    pub fn new(feed: Arc<dyn Feed>, stop: CancellationToken) -> Arc<Self> {
        Arc::new(Self { feed, stop, running: Mutex::new(None) })
    }

    /// Resolves when the process stops.
    pub async fn stopped(&self) {
        self.stop.cancelled().await;
    }

    /// Whether the process is stopping: subscriptions get no more events.
    pub fn is_stopping(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Events after a position, read from the store.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn since(&self, position: FeedPosition, limit: usize) -> Result<FeedPage, StoreError> {
        self.feed.since(position, limit).await
    }

    /// Subscribes: every event that is committed after this call comes.
    ///
    /// # Errors
    /// Those of the store, which is asked for the end of the feed.
    pub async fn subscribe(self: &Arc<Self>) -> Result<Subscription, StoreError> {
        let mut running = self.running.lock().await;
        if let Some(ring) = running.as_ref() {
            return Ok(ring.subscribe());
        }
        // The watch begins first, so that a change between the two calls is read.
        let watch = self.feed.watch();
        let position = self.feed.tail().await?;
        let ring = Ring::new(position);
        let subscription = ring.subscribe();
        *running = Some(Arc::clone(&ring));
        tokio::spawn(Arc::clone(self).read(ring, watch, position));
        Ok(subscription)
    }

    async fn read(self: Arc<Self>, ring: Arc<Ring>, mut watch: Box<dyn FeedWatch>, mut position: FeedPosition) {
        let mut failing = false;
        while !self.is_over(&ring).await {
            let next = match self.feed.since(position, PAGE).await {
                Ok(page) => {
                    failing = false;
                    let (before, next) = (position, page.next);
                    position = page.position;
                    ring.push(news(page, before), position);
                    next
                }
                Err(error) => {
                    if !failing {
                        tracing::warn!(%error, "cannot read the feed: live events are delayed");
                    }
                    failing = true;
                    FeedNext::After(STORE_PAUSE)
                }
            };
            let wait = async {
                match next {
                    FeedNext::Now => tokio::task::yield_now().await,
                    FeedNext::After(time) => tokio::time::sleep(time.clamp(READ_PAUSE, READ_EVERY)).await,
                    FeedNext::OnChange => {
                        watch.changed(READ_EVERY).await;
                        tokio::time::sleep(READ_PAUSE).await;
                    }
                }
            };
            tokio::select! {
                () = wait => {}
                () = self.stop.cancelled() => break,
            }
        }
    }

    /// Whether there are no subscriptions any more. Subscribing takes the same lock, so none begins in between.
    async fn is_over(&self, ring: &Ring) -> bool {
        if ring.listeners() > 0 {
            return false;
        }
        let mut running = self.running.lock().await;
        let over = ring.listeners() == 0;
        if over {
            *running = None;
        }
        over
    }
}

/// The entries of a page that was read after `read`.
fn news(page: FeedPage, read: FeedPosition) -> Vec<News> {
    let is_anew = page.position < read;
    // A gap is before the events that were read; if there are none, before the next ones. It names no event: it may be one of
    // another tenant.
    let before = page.items.first().map_or(page.position, |item| item.position).without_event();
    let gap = page.gap.then_some(News::Gap { before, is_anew });
    gap.into_iter().chain(page.items.into_iter().map(|item| News::Event(Box::new(Happened::new(item))))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feed_begins_anew_where_it_ends_before_what_was_read() {
        let position = FeedPosition::after_all_of;
        let page = |gap| FeedPage { items: Vec::new(), position: position(7), gap, next: FeedNext::OnChange };
        for (read, anew) in [(6, false), (7, false), (8, true)] {
            let news = news(page(true), position(read));
            let [News::Gap { before, is_anew }] = news.as_slice() else { panic!("{news:?}") };
            assert_eq!((*before, *is_anew), (position(7), anew), "{read}");
        }
        assert!(news(page(false), position(6)).is_empty());
    }
}
