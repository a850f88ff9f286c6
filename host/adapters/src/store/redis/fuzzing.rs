//! What reads answers outside the store, for the fuzz targets.

use super::keys::Bucket;
use super::link::canned::CannedAnswers;
use super::servers::facts;
use super::slots::slot_range;
use super::wake;
use morag_core::ports::Queue;
use morag_core::redis_demands::NodeFacts;
use redis::{RedisResult, Value};

/// The report of a node that gives these answers.
pub async fn read_node(answers: Vec<(Value, usize)>) -> RedisResult<NodeFacts> {
    facts("node", &mut CannedAnswers::new(answers)).await
}

/// The number of ranges in an answer to `CLUSTER SLOTS`.
pub fn read_slots(answer: &[Vec<Value>]) -> usize {
    answer.iter().filter_map(|range| slot_range(range)).count()
}

/// A wake-up of another process: its queue and bucket.
pub fn read_wake(message: &str) -> Option<(Queue, u8)> {
    wake::parse(message, "me").map(|(queue, Bucket(bucket), _)| (queue, bucket))
}
