//! Wake-ups from other processes, over Redis's publish and subscribe.
//!
//! A message is `ab12 t7f r 12.5`: who says it, queue (`t` tasks, `d` deliveries), bucket, hint. What a process says itself it
//! knows already. Messages may be lost; then the next look at every bucket finds what they told of.

use super::agenda::{Agenda, Hint};
use super::keys::Bucket;
use super::link::Redis;
use super::store::token;
use futures::StreamExt as _;
use morag_core::ports::Queue;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::AbortHandle;

/// A listener that has heard nothing for so long, not even our own beats, listens to a dead connection.
const SILENCE_MAX: Duration = Duration::from_secs(25);

/// Pause before listening again, after a connection that could not be made or ended.
const AGAIN_AFTER: Duration = Duration::from_millis(500);

/// A message that says nothing but that the connection lives.
const BEAT: &str = "beat";

/// Who listens; ends when dropped.
pub(super) struct Wakes {
    speaker: String,
    loops: [AbortHandle; 2],
}

impl Wakes {
    /// How a wake-up by this process begins.
    pub(super) fn of(&self, queue: Queue, bucket: Bucket) -> String {
        wake_of(&self.speaker, queue, bucket)
    }
}

impl Drop for Wakes {
    fn drop(&mut self) {
        self.loops.iter().for_each(AbortHandle::abort);
    }
}

/// How a wake-up begins.
fn wake_of(speaker: &str, queue: Queue, bucket: Bucket) -> String {
    let queue = match queue {
        Queue::Tasks => 't',
        Queue::Deliveries => 'd',
    };
    format!("{speaker} {queue}{:02x}", bucket.0)
}

/// What a message of somebody else says.
pub(super) fn parse(message: &str, own: &str) -> Option<(Queue, Bucket, Hint)> {
    let (speaker, message) = message.split_once(' ')?;
    if speaker == own {
        return None;
    }
    let (place, hint) = message.split_once(' ')?;
    let (queue, bucket) = place.split_at_checked(1)?;
    let queue = match queue {
        "t" => Queue::Tasks,
        "d" => Queue::Deliveries,
        _ => return None,
    };
    Some((queue, Bucket(u8::from_str_radix(bucket, 16).ok()?), hint.parse().ok()?))
}

/// Keeps an agenda told.
pub(super) fn listen(redis: Arc<Redis>, channel: String, agenda: Arc<Agenda>) -> Wakes {
    let speaker = token();
    let beats = tokio::spawn(beat(redis.clone(), channel.clone(), agenda.clone()));
    let follows = tokio::spawn(follow(redis, channel, agenda, speaker.clone()));
    Wakes { speaker, loops: [beats.abort_handle(), follows.abort_handle()] }
}

async fn beat(redis: Arc<Redis>, channel: String, agenda: Arc<Agenda>) {
    loop {
        tokio::time::sleep(agenda.look_every()).await;
        agenda.doubt_all();
        let mut publish = redis::cmd("PUBLISH");
        publish.arg(&channel).arg(BEAT);
        // One that fails is missed by the listener, who then connects anew.
        let _: Result<i64, _> = redis.query(&publish).await;
    }
}

async fn follow(redis: Arc<Redis>, channel: String, agenda: Arc<Agenda>, speaker: String) {
    for turn in 0.. {
        match redis.listen(&channel, turn).await {
            Ok(listener) => {
                // What was published before is not known.
                agenda.doubt_all();
                let mut messages = listener.into_on_message();
                while let Ok(Some(message)) = tokio::time::timeout(SILENCE_MAX, messages.next()).await {
                    let text: String = message.get_payload().unwrap_or_default();
                    if let Some((queue, bucket, hint)) = parse(&text, &speaker) {
                        agenda.of(queue).note(bucket, hint);
                    }
                }
                tracing::info!("the connection for wake-ups ended: it is made anew");
            }
            Err(error) => {
                tracing::warn!(%error, "no wake-ups can be heard: due work is found by looking, up to 10 s later")
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
        assert_eq!(parse(&text, "you"), Some((Queue::Deliveries, Bucket(0x7f), Hint::Ready(12.5))));
        for strange in [BEAT, "", "a", "a t", "a x00 r 1", "a tzz r 1", "a t00 q 1"] {
            assert_eq!(parse(strange, "me"), None, "{strange}");
        }
    }
}
