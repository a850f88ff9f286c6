//! Wake-ups from other processes, over Redis's publish and subscribe.
//!
//! A message is `ab12 t7f r 12.5`: its sender, the queue (`t` tasks, `d` deliveries) with the bucket, and the update. A process
//! ignores its own messages. Messages may be lost; then the next refresh of all buckets finds what they announced.

use super::agenda::Agenda;
use super::client::Redis;
use super::keys::Bucket;
use super::queue_update::QueueUpdate;
use super::values::token;
use futures::StreamExt as _;
use morag_core::ports::Queue;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::AbortHandle;

/// A connection that was silent for this long is dead: this process's own beats would be heard.
const SILENCE_MAX: Duration = Duration::from_secs(25);

/// Pause before the next attempt to listen.
const AGAIN_AFTER: Duration = Duration::from_millis(500);

/// A message whose only purpose is to show that the connection lives.
const BEAT: &str = "beat";

/// Listens until it is dropped.
pub(super) struct Wakes {
    sender: String,
    loops: [AbortHandle; 2],
}

impl Wakes {
    /// How a wake-up by this process begins.
    pub(super) fn of(&self, queue: Queue, bucket: Bucket) -> String {
        wake_of(&self.sender, queue, bucket)
    }
}

impl Drop for Wakes {
    fn drop(&mut self) {
        self.loops.iter().for_each(AbortHandle::abort);
    }
}

/// How a wake-up begins.
fn wake_of(sender: &str, queue: Queue, bucket: Bucket) -> String {
    let queue = match queue {
        Queue::Tasks => 't',
        Queue::Deliveries => 'd',
    };
    format!("{sender} {queue}{:02x}", bucket.0)
}

/// The wake-up in a message of another process.
pub(super) fn parse(message: &str, own: &str) -> Option<(Queue, Bucket, QueueUpdate)> {
    let (sender, message) = message.split_once(' ')?;
    if sender == own {
        return None;
    }
    let (bucket, update) = message.split_once(' ')?;
    let (queue, bucket) = bucket.split_at_checked(1)?;
    let queue = match queue {
        "t" => Queue::Tasks,
        "d" => Queue::Deliveries,
        _ => return None,
    };
    Some((queue, Bucket(u8::from_str_radix(bucket, 16).ok()?), update.parse().ok()?))
}

/// Applies wake-ups to an agenda.
pub(super) fn listen(redis: Arc<Redis>, channel: String, agenda: Arc<Agenda>) -> Wakes {
    let sender = token();
    let beats = tokio::spawn(beat(redis.clone(), channel.clone(), agenda.clone()));
    let follows = tokio::spawn(follow(redis, channel, agenda, sender.clone()));
    Wakes { sender, loops: [beats.abort_handle(), follows.abort_handle()] }
}

async fn beat(redis: Arc<Redis>, channel: String, agenda: Arc<Agenda>) {
    loop {
        tokio::time::sleep(agenda.refresh_every()).await;
        agenda.invalidate_all();
        let mut publish = redis::cmd("PUBLISH");
        publish.arg(&channel).arg(BEAT);
        // Where it fails, the listener misses it and connects again.
        let _: Result<i64, _> = redis.query(&publish).await;
    }
}

async fn follow(redis: Arc<Redis>, channel: String, agenda: Arc<Agenda>, sender: String) {
    for turn in 0.. {
        match redis.listen(&channel, turn).await {
            Ok(listener) => {
                // Messages from before the subscription were missed.
                agenda.invalidate_all();
                let mut messages = listener.into_on_message();
                while let Ok(Some(message)) = tokio::time::timeout(SILENCE_MAX, messages.next()).await {
                    let text: String = message.get_payload().unwrap_or_default();
                    if let Some((queue, bucket, update)) = parse(&text, &sender) {
                        agenda.of(queue).apply(bucket, update);
                    }
                }
                tracing::info!("the connection for wake-ups ended: it is replaced");
            }
            Err(error) => {
                tracing::warn!(%error, "cannot subscribe to wake-ups: due work is found by polling, up to 10 s later")
            }
        }
        tokio::time::sleep(AGAIN_AFTER).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_read_as_it_is_written() {
        let text = format!("{} r 12.5", wake_of("me", Queue::Deliveries, Bucket(0x7f)));
        assert_eq!(text, "me d7f r 12.5");
        assert_eq!(parse(&text, "me"), None);
        assert_eq!(parse(&text, "you"), Some((Queue::Deliveries, Bucket(0x7f), QueueUpdate::Ready(12.5))));
        for unexpected in [BEAT, "", "a", "a t", "a x00 r 1", "a tzz r 1", "a t00 q 1"] {
            assert_eq!(parse(unexpected, "me"), None, "{unexpected}");
        }
    }
}
