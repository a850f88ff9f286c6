//! A Redis that answers what it is told to, without a network: for tests of what is made of answers.

use super::kept::Covered;
use super::link::Redis;
use redis::aio::ConnectionLike;
use redis::{Cmd, ErrorKind, Pipeline, RedisError, RedisFuture, RedisResult, Value};
use std::sync::{Arc, Mutex, PoisonError};

/// Answers in their order, each so many times. After the last one every call fails.
#[derive(Clone)]
pub(super) struct Told(Arc<Mutex<Vec<(Value, usize)>>>);

impl Told {
    pub(super) fn new(mut answers: Vec<(Value, usize)>) -> Self {
        answers.reverse();
        Self(Arc::new(Mutex::new(answers)))
    }

    fn next(&self) -> RedisResult<Value> {
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            // No error that is worth another try.
            let ended = || RedisError::from((ErrorKind::Client, "there is no further answer"));
            let (value, times) = answers.last_mut().ok_or_else(ended)?;
            match *times {
                0 => _ = answers.pop(),
                _ => {
                    *times -= 1;
                    return Ok(value.clone());
                }
            }
        }
    }
}

impl ConnectionLike for Told {
    fn req_packed_command<'a>(&'a mut self, _: &'a Cmd) -> RedisFuture<'a, Value> {
        Box::pin(async { self.next() })
    }

    fn req_packed_commands<'a>(&'a mut self, _: &'a Pipeline, _: usize, count: usize) -> RedisFuture<'a, Vec<Value>> {
        Box::pin(async move { (0..count).map(|_| self.next()).collect() })
    }

    fn get_db(&self) -> i64 {
        0
    }
}

/// A Redis that gives these answers, each so many times. `has_replica`: writes wait for one.
pub fn told(answers: Vec<(Value, usize)>, has_replica: bool) -> RedisResult<Arc<Redis>> {
    let redis = Redis::told(Told::new(answers))?;
    redis.replicas.seen(if has_replica { Covered::All } else { Covered::Nothing });
    Ok(redis)
}
