//! Notifications that some process has committed events: a channel, listened to only while a caller watches.

use super::client::Redis;
use async_trait::async_trait;
use futures::StreamExt as _;
use morag_core::ports::FeedWatch;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// A connection that was silent for this long is replaced: it may be dead. Callers read the feed meanwhile.
const SILENCE_MAX: Duration = Duration::from_secs(25);

/// Pause before the next attempt to listen.
const AGAIN_AFTER: Duration = Duration::from_millis(500);

struct Watch {
    changes: watch::Receiver<()>,
    pause: Duration,
    listener: AbortHandle,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

#[async_trait]
impl FeedWatch for Watch {
    async fn changed(&mut self, at_most: Duration) {
        // The sender lives as long as the listener, which only this value ends.
        if tokio::time::timeout(at_most, self.changes.changed()).await.is_ok() {
            tokio::time::sleep(self.pause.min(at_most)).await;
        }
    }
}

/// Watches a channel. Changes within the pause are reported together.
pub(super) fn watch(redis: Arc<Redis>, channel: String, pause: Duration) -> impl FeedWatch {
    let changed = watch::Sender::new(());
    let changes = changed.subscribe();
    let listener = tokio::spawn(follow(redis, channel, changed)).abort_handle();
    Watch { changes, pause, listener }
}

async fn follow(redis: Arc<Redis>, channel: String, changed: watch::Sender<()>) {
    for turn in 0.. {
        match redis.listen(&channel, turn).await {
            Ok(listener) => {
                // Commits before the subscription were not published here.
                changed.send_replace(());
                let mut messages = listener.into_on_message();
                while let Ok(Some(_)) = tokio::time::timeout(SILENCE_MAX, messages.next()).await {
                    changed.send_replace(());
                }
            }
            Err(error) => {
                tracing::debug!(%error, "cannot subscribe to changes of the feed: it is polled instead");
                tokio::time::sleep(AGAIN_AFTER).await;
            }
        }
    }
}
