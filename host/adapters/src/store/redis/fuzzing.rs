//! What reads answers beside the store, for the fuzz targets.

use super::keys::Bucket;
use super::servers::{facts, slot_range};
use super::told::Told;
use super::wake;
use morag_core::ports::Queue;
use morag_core::redis_demands::NodeFacts;
use redis::{RedisResult, Value};

pub use super::told::told;

/// What a node says of itself that gives these answers.
pub async fn read_node(answers: Vec<(Value, usize)>) -> RedisResult<NodeFacts> {
    facts("node", &mut Told::new(answers)).await
}

/// The answer of `CLUSTER SLOTS`: how many ranges it has.
pub fn read_slots(answer: &[Vec<Value>]) -> usize {
    answer.iter().filter_map(|range| slot_range(range)).count()
}

/// A wake-up of another process: its queue and bucket.
pub fn read_wake(message: &str) -> Option<(Queue, u8)> {
    wake::parse(message, "me").map(|(queue, Bucket(bucket), _)| (queue, bucket))
}
